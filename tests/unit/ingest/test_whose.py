"""A handheld's event is about the pump that it was paired with when the event was observed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from schemas.events import EventKind, RejectionReason
from services.ingest.messages.conflicts import Conflict, rejections_of
from services.ingest.messages.decode import WHOLE_MESSAGE, Decoded, decode
from services.ingest.messages.rows import PUMP_ID, ROW_BY_KIND
from services.ingest.messages.whose import ALWAYS, NEVER, Enrolment, Pairing, enrolment
from tests.unit.ingest.builders import CLOCK, NOW, Sent, reading, sent


def at(days_ago: float) -> datetime:
    return NOW - timedelta(days=days_ago)


def since(days_ago: float) -> float:
    return at(days_ago).timestamp()


OF_TWO = Enrolment.of_pairings("north", [Pairing("p-1", ALWAYS, since(10)), Pairing("p-2", since(9))])
LEFT = Enrolment.of_pairings("north", [Pairing("p-1", since(30), since(10))])
CORRECTED = Enrolment.of_pairings("north", [Pairing("p-1", since(30), since(30)), Pairing("p-2", since(30))])


@pytest.mark.parametrize(
    ("owner", "days_ago", "pump_id"),
    [
        (OF_TWO, 0, "p-2"),
        (OF_TWO, 9, "p-2"),
        (OF_TWO, 9.5, None),
        (OF_TWO, 10, None),
        (OF_TWO, 10.1, "p-1"),
        (OF_TWO, 4_000, "p-1"),
        (LEFT, 0, None),
        (LEFT, 20, "p-1"),
        (LEFT, 31, None),
        (CORRECTED, 30, "p-2"),
        (CORRECTED, 31, None),
        (Enrolment("north", "p-1"), 4_000, "p-1"),
    ],
)
def test_the_pairing_that_held_says_which_pump_it_is_about(owner, days_ago, pump_id):
    assert owner.pump_at(since(days_ago)) == pump_id


def test_the_columns_of_the_registry_become_what_it_knows():
    assert enrolment("north", "p-1", None, None, None) == Enrolment("north", "p-1")
    assert enrolment("north", "p-2", ["p-1", "p-2"], [ALWAYS, since(9)], [since(10), NEVER]) == OF_TWO
    assert enrolment("north", None, None, None, None).is_unpaired
    assert not LEFT.is_unpaired


def test_all_pumps_count_where_an_event_may_be_stored():
    assert OF_TWO.pumps == CORRECTED.pumps == ("p-1", "p-2")
    assert LEFT.pumps == ()


def received(owner: Enrolment, *messages: Sent, now: datetime = NOW) -> Decoded:
    return decode(messages, {"hand-1": owner}, now=now, clock=CLOCK)


def told(owner: Enrolment, *days_ago: float) -> Decoded:
    log = [{"kind": "reservoir", **reading(observed_at=at(each).isoformat())} for each in days_ago]
    return received(owner, sent(log, device="hand-1", level="batch"))


def pumps_in(batch: Decoded) -> list[str]:
    return [row[PUMP_ID] for rows in batch.rows.values() for row in rows]


def test_an_old_log_goes_to_the_pump_of_its_time_and_what_belongs_to_none_is_rejected():
    batch = told(OF_TWO, 12, 9.5, 1)
    assert pumps_in(batch) == ["p-1", "p-2"]
    assert batch.pumps_of == {"hand-1": ("p-1", "p-2")}
    [rejection] = batch.rejections
    assert (rejection.reason, rejection.event_index) == (RejectionReason.NOT_PAIRED_THEN, 1)
    moment = at(9.5).isoformat()
    assert (
        rejection.detail == f"handheld 'hand-1' was paired with no pump at {moment}: expected a pairing that held then"
    )
    assert received(OF_TWO, sent(b"[" + rejection.payload + b"]", device="hand-1", level="batch")).rejections


def test_an_event_that_stands_alone_is_rejected_whole():
    [rejection] = received(LEFT, sent(reading(observed_at=at(1).isoformat()), device="hand-1")).rejections
    assert (rejection.reason, rejection.event_index) == (RejectionReason.NOT_PAIRED_THEN, WHOLE_MESSAGE)


def test_what_is_dated_ahead_counts_as_of_when_it_was_received():
    soon = Enrolment.of_pairings(
        "north", [Pairing("p-1", ALWAYS, since(-0.25)), Pairing("p-2", since(-0.25))]
    )  # as an operator's clock that is ahead would put it
    assert pumps_in(told(soon, -0.5)) == ["p-1"]
    assert pumps_in(told(OF_TWO, -0.5)) == ["p-2"]


def test_taken_apart_message_by_message_nothing_is_forgotten(monkeypatch):
    as_ever = ROW_BY_KIND[EventKind.RESERVOIR]

    def fails(event, *rest):
        if event.volume_ml == 13:
            raise ZeroDivisionError
        return as_ever(event, *rest)

    monkeypatch.setitem(ROW_BY_KIND, EventKind.RESERVOIR, fails)
    good, bad = (reading(observed_at=at(1).isoformat(), volume_ml=volume) for volume in (12, 13))
    batch = received(OF_TWO, sent(good, device="hand-1"), sent(bad, device="hand-1"))
    assert pumps_in(batch) == ["p-2"]
    assert batch.pumps_of == {"hand-1": ("p-1", "p-2")}


def test_a_log_over_several_pumps_may_conflict_for_each_of_them():
    log = [{"kind": "reservoir", **reading(observed_at=at(each).isoformat())} for each in (12, 1)]
    message = sent(log, device="hand-1", level="batch")
    [(kind, rows)] = received(OF_TWO, message).rows.items()
    found = rejections_of([Conflict(kind, row, "volume_ml") for row in rows], [message])
    assert [each.event_index for each in found] == [0, 1]
