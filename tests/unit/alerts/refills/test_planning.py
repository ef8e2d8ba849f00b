"""What people type to plan a refill visit, what the board says of it, and what their calendars show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import icalendar
import pytest
from hypothesis import given, settings

from schemas.policy import Policy
from services.alerts.errors import Refused
from services.alerts.facts.model import PumpFacts, Refill, Therapy, VisitKind
from services.alerts.rules.reservoir.booked import Booked
from services.alerts.web.refills.ical import refills_as_ical
from services.alerts.web.refills.plan import Entry, what_is_said
from services.alerts.web.refills.planned import Planned
from services.alerts.web.refills.rows import Row, row_of
from tests.unit.alerts.facts.anything import facts as any_facts
from tests.unit.alerts.refills.pumps import DAY, ahead, pump, visit
from tests.unit.alerts.rules.builders import NOW, ago, facts, reading

BERLIN = "Europe/Berlin"
ENTRY = Entry(
    UUID(int=5), VisitKind.BOOKED, date(2026, 12, 4), ahead(12), has_hour=True, said_at=ago(48), said_name="Ann"
)
BY_BOARD = Booked(ENTRY.on, ENTRY.begins, by_board=True)
BY_DEVICE = Booked(date(2026, 12, 12), ahead(20), by_board=False)


def typed(on: str = "2026-12-01", at: str = "", follows: str | UUID = ENTRY.entry_id) -> dict[str, str]:
    return {"on": on, "at": at, "follows": str(follows)}


def test_a_day_is_booked_on_the_clinics_own_clock() -> None:
    said = what_is_said(VisitKind.BOOKED, typed(follows=""), None, None, BERLIN, NOW)
    assert (said.kind, said.on, said.has_hour, said.follows) == (VisitKind.BOOKED, date(2026, 12, 1), False, None)
    assert said.begins.isoformat() == "2026-11-30T23:00:00+00:00"
    said = what_is_said(VisitKind.MOVED, typed(at="10:30"), ENTRY, BY_BOARD, BERLIN, NOW)
    assert (said.begins.isoformat(), said.has_hour, said.follows) == ("2026-12-01T09:30:00+00:00", True, ENTRY.entry_id)


def test_what_ends_a_visit_keeps_its_day() -> None:
    for kind in (VisitKind.DONE, VisitKind.CANCELLED):
        said = what_is_said(kind, typed(on="nonsense"), ENTRY, BY_BOARD, BERLIN, NOW)
        assert (said.kind, said.on, said.begins, said.has_hour) == (kind, ENTRY.on, ENTRY.begins, True)
    said = what_is_said(VisitKind.DONE, typed(follows=""), None, BY_DEVICE, BERLIN, NOW)
    assert (said.on, said.has_hour) == (BY_DEVICE.on, False)


def test_the_device_has_a_date_and_another_is_booked() -> None:
    ended = replace(ENTRY, kind=VisitKind.DONE)
    assert what_is_said(VisitKind.BOOKED, typed(), ended, BY_DEVICE, BERLIN, NOW).follows == ENTRY.entry_id


@pytest.mark.parametrize(
    ("kind", "fields", "newest", "booked", "why"),
    [
        (VisitKind.MOVED, typed(follows=""), ENTRY, BY_BOARD, "somebody changed this visit meanwhile"),
        (VisitKind.BOOKED, typed(), None, None, "somebody changed this visit meanwhile"),
        (VisitKind.BOOKED, typed(), ENTRY, BY_BOARD, "a visit is booked for 4 Dec 2026 already; move that one"),
        (VisitKind.MOVED, typed(), ENTRY, BY_DEVICE, "no visit is booked on this board; book one first"),
        (VisitKind.CANCELLED, typed(follows=""), None, None, "no visit is booked on this board"),
        (VisitKind.DONE, typed(follows=""), None, None, "no visit is booked on this board"),
        (VisitKind.BOOKED, typed(on="1.12.2026", follows=""), None, None, "'1.12.2026' is no day; expected a day from"),
        (VisitKind.BOOKED, typed(on="2026-11-21", follows=""), None, None, "21 Nov 2026 is over; expected a day from"),
        (VisitKind.BOOKED, typed(on="2028-01-01", follows=""), None, None, "1 Jan 2028 is too far ahead; expected"),
        (VisitKind.BOOKED, typed(at="25:00", follows=""), None, None, "'25:00' is no time of day; expected one such"),
    ],
)
def test_what_cannot_be_done_says_why(
    kind: VisitKind, fields: dict[str, str], newest: Entry | None, booked: Booked | None, why: str
) -> None:
    with pytest.raises(Refused, match=why.replace(".", r"\.")):
        what_is_said(kind, fields, newest, booked, BERLIN, NOW)


def row(found: PumpFacts, entry: Entry | None = None, **values: Any) -> Row:
    return row_of(replace(found, **values), entry, Policy(), BERLIN, NOW)


def test_a_row_says_everything_on_the_clinics_clock() -> None:
    found = row(pump(due_days=20), ENTRY, visit=visit(12), refills=(Refill(18, ago(30 * DAY)),))
    assert (found.level, found.level_at) == ("12.0 mL", "computed 22 Nov 2026, 13:00")
    assert (found.worst_case, found.own_use, found.programme) == (
        "Sat 12 Dec 2026",
        "Thu 17 Dec 2026",
        "Fri 25 Dec 2026",
    )
    assert found.sure == "Wed 16 Dec 2026"
    assert (found.use, found.percent) == ("last 28 known days of boluses", "95 %")
    assert (found.visit, found.visit_by) == ("Fri 4 Dec 2026, 13:00", "booked by Ann; the device has 12 Dec 2026")
    assert found.verdict.words == "The visit comes first, 12 days before."
    assert found.acts == ("move", "done", "cancel")
    assert (found.field_on, found.field_at, found.follows) == ("2026-12-04", "13:00", str(ENTRY.entry_id))
    assert (found.good_until, found.has_boluses) == ("no drug is known", True)
    fentanyl = replace(MORPHINE, drugs=("fentanyl",))
    assert row(pump(therapy=fentanyl)).good_until == "no limit is set for this drug"


MORPHINE = replace(pump().therapy or Therapy(NOW, 0), drugs=("morphine",))


@pytest.mark.parametrize(
    ("known", "words", "tone"),
    [
        pytest.param(pump(), "Come by Wed 16 Dec 2026.", "bad", id="nothing"),
        pytest.param(facts(), "Nobody can tell by when to come: the level is not known.", "bad", id="nothing is known"),
        pytest.param(
            facts(reading=reading(9)),
            "Nobody can tell by when to come: the programme is not known.", "bad", id="no programme",
        ),
        pytest.param(
            facts(reading=reading(9), therapy=Therapy(NOW, 1e-6)),
            "The reservoir lasts: not within 10 years does it reach its alarm level.", "bad", id="nothing flows",
        ),
        pytest.param(
            pump(due_days=27), "The reservoir may reach its alarm level first, 3 days before the visit.", "bad",
            id="late",
        ),
        pytest.param(
            pump(visit=visit(23), therapy=MORPHINE, refills=(Refill(18, ago(80 * DAY)),)),
            "The drug is too old first, 13 days before the visit.", "bad", id="too old",
        ),
        pytest.param(pump(due_days=-3), "The day has passed, and no refill is known.", "bad", id="passed"),
        pytest.param(
            pump(due_days=-3, refills=(Refill(18, ago(24)),)),
            "The visit comes first, 27 days before.", "good", id="done",
        ),
        pytest.param(
            facts(therapy=Therapy(NOW, 0.3, refill_due=date(2026, 12, 4))),
            "Nobody can tell by when to come: the level is not known.", "waiting", id="no level",
        ),
        pytest.param(
            facts(therapy=Therapy(NOW, 1e-6, refill_due=date(2026, 12, 4)), reading=reading(9)),
            "The visit comes first.", "good", id="lasts for ever",
        ),
        pytest.param(pump(visit=visit(23.7)), "The visit comes first, on the same day.", "good", id="just"),
        pytest.param(pump(visit=visit(23)), "The visit comes first, 1 day before.", "good", id="a day"),
    ],
)  # fmt: skip
def test_whether_the_visit_comes_first_is_said_in_words(known: PumpFacts, words: str, tone: str) -> None:
    verdict = row(known).verdict
    assert (verdict.words, verdict.tone) == (words, tone)


def test_what_is_not_known_is_said() -> None:
    nothing = row(facts())
    assert {nothing.level, nothing.sure, nothing.worst_case} == {"not known"}
    assert (nothing.use, nothing.visit, nothing.acts) == ("no programme is known", "Nothing is booked", ("book",))
    assert row(pump(days=1)).use == "still learning (1 day known): every bolus counts"
    learning = row(pump(days=3))
    assert (learning.use, learning.percent) == ("still learning (3 days known): every bolus counts", "")
    assert row(facts(therapy=Therapy(NOW, 0.3))).use == "no boluses are prescribed"
    far = row(facts(therapy=Therapy(NOW, 1e-6, drugs=("baclofen",)), reading=pump().reading))
    assert (far.own_use, far.good_until, far.good_why) == (
        "not within 10 years",
        "no refill is known",
        "baclofen: 180 days",
    )
    by_device = row(pump(due_days=20))
    assert (by_device.visit_by, by_device.acts) == ("by the date in the device", ("book", "done"))
    assert row(pump(due_days=12), ENTRY, visit=visit(12)).visit_by == "booked by Ann"
    assert row(pump(therapy=MORPHINE, refills=(Refill(18, ago(DAY)),))).good_until == "Fri 19 Feb 2027"
    all_day = replace(ENTRY, has_hour=False)
    assert row(pump(), all_day, visit=visit(12)).visit == "Fri 4 Dec 2026"


@given(any_facts)
@settings(max_examples=100, deadline=None)
def test_every_pump_has_a_row(known: PumpFacts) -> None:
    row(known)


def test_a_calendar_has_each_visit_and_each_date() -> None:
    planned = [
        Planned("pump-1", ahead(25), date(2026, 12, 4), ahead(12), has_hour=True),
        Planned("pump-2", ahead(9.5), date(2026, 12, 1), ahead(9), has_hour=False),
        Planned("pump-3", None),
    ]
    calendar = icalendar.Calendar.from_ical(refills_as_ical("north", planned, BERLIN, NOW))
    events = [
        (str(each["SUMMARY"]), each.decoded("DTSTART"), each.decoded("DTEND")) for each in calendar.walk("VEVENT")
    ]
    day = timedelta(days=1)
    assert events == [
        ("Refill: pump-1", ahead(12), ahead(12) + timedelta(minutes=30)),
        ("Refill by today: pump-1", date(2026, 12, 17), date(2026, 12, 17) + day),
        ("Refill: pump-2", date(2026, 12, 1), date(2026, 12, 1) + day),
        ("Refill by today: pump-2", date(2026, 12, 2), date(2026, 12, 2) + day),
    ]
    assert str(calendar["X-WR-CALNAME"]) == "Refills: north"


def test_a_visit_that_was_moved_is_the_same_event() -> None:
    ids = []
    for on, days in ((date(2026, 12, 4), 12), (date(2026, 12, 9), 17)):
        content = refills_as_ical("north", [Planned("p", None, on, ahead(days), has_hour=days == 12)], BERLIN, NOW)
        ids.append([str(each["UID"]) for each in icalendar.Calendar.from_ical(content).walk("VEVENT")])
    assert ids[0] == ids[1]
