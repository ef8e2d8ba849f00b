"""Receipts: each event of a message is counted once, whatever became of it."""

from __future__ import annotations

from collections import Counter
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Receipt, RejectedEvent, RejectionReason
from services.ingest.messages.decode import WHOLE_MESSAGE, Decoded, Rejection, Stored, decode
from services.ingest.messages.faults import Fault
from services.ingest.messages.receipts import encoded_to_fit, receipts, with_stored_before
from services.ingest.messages.whose import Enrolment
from tests.unit.ingest.builders import CLOCK, NOW, Sent, reading, sent

REGISTRY = {"pump-1": Enrolment("north", "pump-1")}
REFUSED_BY_DATABASE = 6.66


def stored(batch: Decoded, messages: list[Sent], known: set[UUID]) -> Stored:
    """What the store makes of a batch, on a table that holds `known` and refuses one volume."""
    outcome, seen = Stored(list(batch.rejections)), set(known)
    for kind, rows in batch.rows.items():
        for row in rows:
            number, event_id = row[-1], row[2]
            if event_id in seen:
                outcome.duplicates += 1
                outcome.duplicates_by_message[number] += 1
            elif row[5] == REFUSED_BY_DATABASE:
                fault = Fault(RejectionReason.REFUSED_BY_DATABASE, f"{kind}: no", event_id)
                outcome.rejections.append(Rejection.of(number, messages[number], WHOLE_MESSAGE, fault))
            else:
                outcome.inserted += 1
                seen.add(event_id)
    return outcome


def receipts_of(messages: list[Sent], *, known: set[UUID] = frozenset(), wanted=None) -> dict[int, Receipt]:  # type: ignore[assignment]
    batch = decode(messages, REGISTRY, now=NOW, clock=CLOCK)
    numbers = range(len(messages)) if wanted is None else wanted
    return dict(receipts(batch, stored(batch, messages, known), numbers))


def test_nobody_who_did_not_ask_is_told():
    assert receipts_of([sent(reading())], wanted=[]) == {}
    assert set(receipts_of([sent(reading()), sent(reading())], wanted=[1])) == {1}


@pytest.mark.parametrize(
    ("message", "counts", "reasons"),
    [
        (sent(reading()), (1, 0), []),
        (sent([reading(), reading()]), (2, 0), []),
        (sent([one := reading(), one, one]), (1, 2), []),
        (sent(b"{"), (0, 0), ["not_json"]),
        (sent(reading(), device="nobody"), (0, 0), ["unknown_device"]),
        (sent(reading(volume_ml=REFUSED_BY_DATABASE)), (0, 0), ["refused_by_database"]),
        (
            sent([reading(volume_ml=-1), reading(), reading(volume_ml=REFUSED_BY_DATABASE), 5]),
            (1, 0),
            ["invalid_field", "not_an_event", "refused_by_database"],
        ),
    ],
)
def test_a_receipt_says_what_became_of_each_event(message, counts, reasons):
    receipt = receipts_of([message])[0]
    assert (receipt.stored, receipt.duplicates) == counts
    assert [rejected.reason for rejected in receipt.rejected] == reasons


def test_a_duplicate_is_counted_for_the_message_that_brought_it():
    again = reading()
    notified = receipts_of([sent([reading(), again]), sent(reading()), sent(again)])
    assert [(notified[n].stored, notified[n].duplicates) for n in range(3)] == [(2, 0), (1, 0), (0, 1)]


KINDS = ("new", "known", "again", "invalid", "not an event", "late", "refused")


@given(st.lists(st.lists(st.sampled_from(KINDS), min_size=1, max_size=12), min_size=1, max_size=6))
def test_stored_duplicates_and_rejected_are_all_events_of_the_message(shapes):
    known, again = reading(), reading()
    make = {
        "new": reading,
        "known": lambda: known,
        "again": lambda: again,
        "invalid": lambda: reading(volume_ml=-1),
        "not an event": lambda: 5,
        "late": lambda: reading(observed_at="1970-01-01T00:00:00Z"),
        "refused": lambda: reading(volume_ml=REFUSED_BY_DATABASE),
    }
    messages = [sent([make[kind]() for kind in shape]) for shape in shapes]
    notified = receipts_of(messages, known={UUID(str(known["event_id"]))})
    assert set(notified) == set(range(len(shapes)))
    first_again = True
    for number, shape in enumerate(shapes):
        receipt, kinds = notified[number], Counter(shape)
        assert receipt.stored + receipt.duplicates + len(receipt.rejected) == len(shape)
        brought = int(first_again and kinds["again"] > 0)
        first_again = first_again and not brought
        assert receipt.stored == kinds["new"] + brought
        assert receipt.duplicates == kinds["known"] + kinds["again"] - brought
        assert len(receipt.rejected) == sum(kinds[kind] for kind in ("invalid", "not an event", "late", "refused"))


def refused(detail: str = "code: is unknown", *, times: int = 1) -> tuple[RejectedEvent, ...]:
    return tuple(
        RejectedEvent(index=n, event_id=uuid4(), reason=RejectionReason.UNKNOWN_VALUE, detail=detail)
        for n in range(times)
    )


def fitted(receipt: Receipt, at_most_bytes: int) -> Receipt:
    encoded = encoded_to_fit(receipt, at_most_bytes)
    assert encoded is not None
    assert len(encoded) <= at_most_bytes
    return Receipt.model_validate_json(encoded)


def test_a_receipt_that_fits_is_sent_as_it_is_and_says_nothing_of_what_is_left_out():
    receipt = Receipt(stored=3, duplicates=1, rejected=refused())
    encoded = encoded_to_fit(receipt, 10_000)
    assert encoded == receipt.model_dump_json().encode()
    assert b"not_listed" not in encoded
    assert encoded_to_fit(Receipt(stored=1, duplicates=0), 42) == b'{"stored":1,"duplicates":0,"rejected":[]}'


def test_of_a_receipt_that_is_too_large_the_details_are_shortened_first():
    receipt = Receipt(stored=0, duplicates=0, rejected=refused("x" * 400, times=500))
    notified = fitted(receipt, 200_000)
    assert [r.event_id for r in notified.rejected] == [r.event_id for r in receipt.rejected]
    assert all(r.detail.startswith("x") and r.detail.endswith("...") and len(r.detail) < 400 for r in notified.rejected)
    assert notified.not_listed == 0


def test_then_the_details_are_left_out_and_every_refused_event_is_still_named():
    receipt = Receipt(stored=0, duplicates=0, rejected=refused("x" * 400, times=500))
    notified = fitted(receipt, 64_000)
    assert [(r.index, r.event_id, r.reason) for r in notified.rejected] == [
        (r.index, r.event_id, r.reason) for r in receipt.rejected
    ]
    assert {r.detail for r in notified.rejected} == {""}
    assert notified.not_listed == 0


def test_then_the_list_is_cut_and_the_rest_is_counted():
    receipt = Receipt(stored=7, duplicates=2, rejected=refused("x" * 400, times=500))
    notified = fitted(receipt, 5_000)
    assert (notified.stored, notified.duplicates, len(notified.rejected) + notified.not_listed) == (7, 2, 500)
    assert [r.event_id for r in notified.rejected] == [r.event_id for r in receipt.rejected][: len(notified.rejected)]
    assert len(encoded_to_fit(receipt, 5_000) or b"") > 4_800
    assert fitted(receipt, 70) == Receipt(stored=7, duplicates=2, not_listed=500)


def test_where_not_even_the_counts_fit_there_is_no_receipt():
    assert encoded_to_fit(Receipt(stored=7, duplicates=2, rejected=refused(times=500)), 40) is None
    assert encoded_to_fit(Receipt(stored=7, duplicates=2), 40) is None
    assert encoded_to_fit(Receipt(stored=7, duplicates=2), -5) is None


@given(
    st.lists(st.tuples(st.text(max_size=300), st.none() | st.uuids()), max_size=40),
    st.integers(0, 2**53),
    st.integers(80, 6_000),
)
def test_what_is_sent_fits_and_its_counts_are_those_of_all_events(rejected, stored, at_most_bytes):
    receipt = Receipt(
        stored=stored,
        duplicates=5,
        rejected=tuple(
            RejectedEvent(index=n, event_id=event_id, reason=RejectionReason.REFUSED_BY_DATABASE, detail=detail)
            for n, (detail, event_id) in enumerate(rejected)
        ),
    )
    notified = fitted(receipt, at_most_bytes)
    assert (notified.stored, notified.duplicates, len(notified.rejected) + notified.not_listed) == (
        stored,
        5,
        len(rejected),
    )
    for before, after in zip(receipt.rejected, notified.rejected, strict=False):
        assert (before.index, before.event_id, before.reason) == (after.index, after.event_id, after.reason)
        assert before.detail.startswith(after.detail.removesuffix("..."))


def test_a_message_that_is_not_done_has_no_receipt_yet():
    messages = [sent(reading()), sent(reading())]
    batch = decode(messages, REGISTRY, now=NOW, clock=CLOCK)
    outcome = stored(batch, messages, set())
    outcome.waiting = {0}
    assert set(receipts(batch, outcome, [0, 1])) == {1}


@pytest.mark.parametrize(("before", "counted"), [(0, (1, 3)), (2, (3, 1)), (3, (4, 0)), (5, (4, 0))])
def test_what_was_stored_before_the_rest_is_counted_as_stored(before, counted):
    receipt = with_stored_before(Receipt(stored=1, duplicates=3), before)
    assert (receipt.stored, receipt.duplicates) == counted
