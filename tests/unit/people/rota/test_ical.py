"""Shifts in people's calendars: what was written is read as the same, and a fault is told with its line."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.people.rota.ical import CalendarError, changes_to, names_in_calendars, shifts_as_ical, shifts_of_ical
from services.people.rota.model import Rota
from services.people.rota.turns import Shift, shifts
from tests.unit.people.rota.clinics import ROTA, member
from tests.unit.people.rota.made_up import ANN, BOB, CEM, DOT, rotas

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MEMBERS = (
    member(ANN, "ann"),
    member(BOB, "bob"),
    replace(member(CEM, "cem"), name="Cem\r\nEND:VEVENT"),
    member(DOT, "dot"),
)
PEOPLE = names_in_calendars(MEMBERS)

EVENT = """\
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Berlin:20261126T080000
DTEND:20261127T070000Z
SUMMARY:ann
END:VEVENT
"""

PIECES = (
    *'\n\r :;=,\\"\x00',
    *("BEGIN:VEVENT\n", "END:VEVENT\n", "BEGIN:VCALENDAR\n", "END:VCALENDAR\n", "BEGIN:VALARM\n", "END:VALARM\n"),
    *("DTSTART", "DTEND", "DURATION", "SUMMARY", "STATUS", "VALUE=", "TZID=", "DATE", "PERIOD", "BINARY", "INTEGER"),
    *(
        "20261126",
        "T080000Z",
        "PT1H",
        "ann",
        "-P1D",
        "99999999999999999999",
        "ENCODING=BASE64",
        "Europe/Berlin",
        "../x",
    ),
)


def calendar(*events: str) -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{''.join(events)}END:VCALENDAR\n"


def read(text: str) -> tuple[Shift, ...]:
    return shifts_of_ical(text.encode(), "x.ics", PEOPLE, "Europe/Berlin")


def said(text: str) -> list[str]:
    with pytest.raises(CalendarError) as raised:
        read(text)
    return str(raised.value).splitlines()


@settings(max_examples=100, deadline=None)
@given(rotas())
def test_what_was_written_is_read_as_the_same_shifts(made_up: tuple[Rota, datetime]) -> None:
    rota, begins = made_up
    made = shifts(rota, begins, begins + timedelta(days=9))
    held = tuple(shift for shift in made if shift.person_id is not None)
    written = shifts_as_ical(rota, made, MEMBERS, NOW)
    if held:
        assert shifts_of_ical(written, "x.ics", PEOPLE, rota.timezone) == held
    else:
        assert b"VEVENT" not in written


def test_who_has_left_is_written_by_id() -> None:
    text = shifts_as_ical(ROTA, [Shift(NOW, NOW + timedelta(hours=1), ANN)], (), NOW).decode()
    assert f"X-PUMPWATCH-PERSON:{ANN}" in text
    assert read(text) == (Shift(NOW, NOW + timedelta(hours=1), ANN),)


@pytest.mark.parametrize(
    ("event", "begins", "ends"),
    [
        pytest.param(EVENT, "2026-11-26T07:00Z", "2026-11-27T07:00Z", id="a zone"),
        pytest.param(EVENT.replace(";TZID=Europe/Berlin", ""), "2026-11-26T07:00Z", "2026-11-27T07:00Z", id="no zone"),
        pytest.param(
            EVENT.replace(";TZID=Europe/Berlin:20261126T080000", ";VALUE=DATE:20261126"),
            "2026-11-25T23:00Z",
            "2026-11-27T07:00Z",
            id="a day",
        ),
        pytest.param(
            EVENT.replace("DTEND:20261127T070000Z", "DURATION:PT12H"),
            "2026-11-26T07:00Z",
            "2026-11-26T19:00Z",
            id="a length",
        ),
        pytest.param(
            EVENT.replace("20261126T08", "20260329T02").replace("20261127T07", "20260329T07"),
            "2026-03-29T01:00Z",
            "2026-03-29T07:00Z",
            id="a time that the clocks leap over",
        ),
        pytest.param(
            EVENT.replace("SUMMARY:ann", "SUMMARY:a\n nn"), "2026-11-26T07:00Z", "2026-11-27T07:00Z", id="fold"
        ),
        pytest.param(
            EVENT.replace("END:V", "BEGIN:VALARM\nTRIGGER:soon\nEND:VALARM\nEND:V"),
            "2026-11-26T07:00Z",
            "2026-11-27T07:00Z",
            id="an alarm in it",
        ),
    ],
)
def test_calendars_of_others_are_understood(event: str, begins: str, ends: str) -> None:
    moments = (datetime.fromisoformat(text).astimezone(UTC) for text in (begins, ends))
    one, other = moments
    assert read(calendar(event)) == (Shift(one, other, ANN),)


def test_what_is_no_event_or_was_cancelled_is_passed_over() -> None:
    todo = "BEGIN:VTODO\nSUMMARY:zoe\nEND:VTODO\n"
    cancelled = EVENT.replace("UID", "STATUS:CANCELLED\nUID").replace("ann", "zoe")
    assert len(read("\ufeff" + calendar(todo, cancelled, EVENT) + "\n\n")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(calendar(EVENT.replace("ann", "zoe")), "x.ics:8: nobody of this clinic is called 'zoe'", id="who"),
        pytest.param(
            calendar(EVENT.replace("SUMMARY:ann\n", "")), "x.ics:4: nobody of this clinic is called ''", id="no one"
        ),
        pytest.param(
            calendar(EVENT.replace("UID", "RRULE:FREQ=DAILY\nUID")), "x.ics:5: RRULE: the event repeats", id="repeats"
        ),
        pytest.param(calendar(EVENT.replace("DTEND:20261127T070000Z\n", "")), "x.ics:4: has no end", id="no end"),
        pytest.param(
            calendar(EVENT.replace("20261127T07", "20261126T07")),
            "x.ics:7: ends at 2026-11-26 07:00Z; expected an end after its begin",
            id="no length",
        ),
        pytest.param(calendar(EVENT.replace("20261127T070000Z", "soon")), "x.ics:7: DTEND", id="no time"),
        pytest.param(
            calendar(EVENT.replace("UID", "DTSTART:20261126T080000Z\nUID")),
            "x.ics:5: DTSTART: expected one time",
            id="two",
        ),
        pytest.param(
            calendar(EVENT.replace("Europe/Berlin", "Mars")), "x.ics:6: DTSTART: no time zone 'Mars'", id="zone"
        ),
        pytest.param(
            calendar(EVENT.replace("DTEND:20261127T070000Z", "DURATION:P999D")),
            "x.ics:7: DURATION: expected",
            id="long",
        ),
        pytest.param(
            calendar(EVENT.replace("DTEND:20261127T070000Z", "DURATION:x")), "x.ics:7: DURATION", id="no duration"
        ),
        pytest.param(
            calendar(EVENT, EVENT.replace("SUMMARY:ann", "SUMMARY:bob")),
            "x.ics:10: overlaps with the event in line 4; expected one person at a time",
            id="two at once",
        ),
        pytest.param(
            calendar(EVENT.replace("UID:1", "oops")), "x.ics:5: 'oops' is no line of a calendar", id="no line"
        ),
        pytest.param(
            calendar(EVENT.replace("SUMMARY", "SUMMARY;VALUE=,URI")), "x.ics:4: cannot be read:", id="parameter"
        ),
        pytest.param(
            calendar(EVENT.replace("DTEND:", "DTEND;TZID:")), "x.ics:4: a line: Content line could", id="part"
        ),
        pytest.param(calendar(EVENT.replace(":20261126", ":00010101")), "x.ics:6: DTSTART: the year 1;", id="year"),
        pytest.param(calendar(), "x.ics:1: has no event", id="no event"),
        pytest.param("", "x.ics:1: ends here; expected END:VCALENDAR", id="empty"),
        pytest.param("hello", "x.ics:1: stands outside of a calendar", id="text"),
        pytest.param("BEGIN:VCARD\nEND:VCARD", "x.ics:1: is a VCARD; expected BEGIN:VCALENDAR", id="a card"),
        pytest.param(calendar(EVENT)[:-15], "x.ics:9: ends here; expected END:VCALENDAR", id="cut"),
        pytest.param(calendar("END:VEVENT\n"), "x.ics:4: ends VEVENT; expected END:VCALENDAR", id="crossed"),
        pytest.param(calendar(EVENT * 1001), "x.ics:6009: is more than 1000 events", id="very many"),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, expected: str) -> None:
    assert said(text)[0].startswith(expected)


def test_every_fault_is_told_up_to_twenty() -> None:
    told = said(calendar(*[EVENT.replace("ann", "zoe")] * 25))
    assert len(told) == 21
    assert told[-1] == "x.ics: and 5 more faults"


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(CalendarError, match=r"x\.ics:2: is not UTF-8; expected a calendar"):
        shifts_of_ical(b"BEGIN:VCALENDAR\n\xff", "x.ics", PEOPLE, "UTC")


def test_a_name_that_two_have_names_nobody() -> None:
    twins = names_in_calendars([member(ANN, "ann"), member(BOB, "ann")])
    assert "Ann" not in twins
    assert twins[str(BOB)] == BOB


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_whatever_stands_there_it_is_read_or_refused(rubbish: str) -> None:
    for text in (rubbish, calendar(rubbish), calendar(EVENT.replace("UID:1", rubbish or "UID:2"))):
        with suppress(CalendarError):
            assert read(text)


@settings(max_examples=50, deadline=None)
@given(rotas(most_changes=2), rotas(most_changes=0))
def test_a_calendar_is_taken_by_changes_and_a_second_time_by_none(
    made_up: tuple[Rota, datetime], other: tuple[Rota, datetime]
) -> None:
    (rota, _), (like, begins) = made_up, other
    ends = begins + timedelta(days=3)
    rota = rota.model_copy(update={"changes": tuple(each for each in rota.changes if each.kind != "absence")})
    wanted = tuple(each for each in shifts(like, begins, ends) if each.person_id)
    taken = rota.with_changes(*changes_to(rota, wanted, begins + timedelta(days=400)))
    assert taken == rota  # all of it is over
    # What was made before is older than the import.
    older = tuple(each.model_copy(update={"made_at": begins - timedelta(days=9)}) for each in rota.changes)
    rota = rota.model_copy(update={"changes": older})
    taken = rota.with_changes(*changes_to(rota, wanted, begins))
    for shift in wanted:
        assert [each.person_id for each in shifts(taken, shift.begins, shift.ends)] == [shift.person_id]
    assert changes_to(taken, wanted, begins) == ()
