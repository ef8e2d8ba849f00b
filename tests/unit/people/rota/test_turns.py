"""Whose turn it is: as somebody would find who looks at the clock every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings

from services.people.rota.local_time import first_moment, typed_moment
from services.people.rota.model import Change, ChangeKind, Hours, Layer, Rota, Turns, Weekday, swapped
from services.people.rota.turns import Shift, Turn, next_change, on_call, shift_at, shifts, turn
from tests.unit.people.rota.brute_force import by_the_minute, moments
from tests.unit.people.rota.made_up import ANN, BOB, CEM, DOT, WARM_UP_DAYS, rotas

MINUTES = 3 * 1440


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def layer(*members: UUID, **given: object) -> Layer:
    values = {"name": "nights", "members": members, "begins": date(2026, 11, 23), "hand_over": "08:00", **given}
    return Layer.model_validate(values)


def rota(*layers: Layer, changes: tuple[Change, ...] = (), timezone: str = "Europe/Berlin") -> Rota:
    return Rota(clinic_id="north", name="first", timezone=timezone, layers=layers).with_changes(*changes)


def change(
    kind: ChangeKind, person: UUID, begins: str, ends: str, instead_of: UUID | None = None, no: int = 1
) -> Change:
    return Change(
        change_id=UUID(int=no),
        kind=kind,
        person_id=person,
        instead_of=instead_of,
        begins=at(begins),
        ends=at(ends),
        made_at=at("2026-11-01T00:00Z") + timedelta(minutes=no),
    )


@settings(max_examples=150, deadline=None)
@given(rotas())
def test_shifts_are_what_the_wall_clock_says_minute_by_minute(made_up: tuple[Rota, datetime]) -> None:
    made, begins = made_up
    expected = by_the_minute(made, begins, MINUTES, WARM_UP_DAYS)
    found = shifts(made, begins, begins + timedelta(minutes=MINUTES))
    by_minute = [
        shift.person_id for shift in found for _ in range(int((shift.ends - shift.begins).total_seconds()) // 60)
    ]
    assert by_minute == expected
    assert (found[0].begins, found[-1].ends) == (begins, begins + timedelta(minutes=MINUTES))
    for one, other in pairwise(found):
        assert one.ends == other.begins
        assert one.person_id != other.person_id


@settings(max_examples=50, deadline=None)
@given(rotas())
def test_who_is_on_call_is_what_the_wall_clock_says(made_up: tuple[Rota, datetime]) -> None:
    made, begins = made_up
    expected = by_the_minute(made, begins, MINUTES, WARM_UP_DAYS)
    asked = list(zip(moments(begins, MINUTES), expected, strict=True))[::17]
    assert [on_call(made, moment) for moment, _ in asked] == [person for _, person in asked]


@settings(max_examples=50, deadline=None)
@given(rotas())
def test_the_next_change_is_the_first_minute_with_somebody_else(made_up: tuple[Rota, datetime]) -> None:
    made, begins = made_up
    expected = by_the_minute(made, begins, MINUTES, WARM_UP_DAYS)
    number = next((number for number, person in enumerate(expected) if person != expected[0]), None)
    found = next_change(made, begins, looks=timedelta(minutes=MINUTES))
    if number is None:
        assert found is None
    else:
        assert found is not None
        assert (found.begins, found.person_id) == (begins + timedelta(minutes=number), expected[number])


@pytest.mark.parametrize(
    ("timezone", "day", "clock", "expected"),
    [
        pytest.param("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00Z", id="leapt over: the leap"),
        pytest.param("Europe/Berlin", "2026-03-29", "02:00", "2026-03-29T01:00Z", id="first that is leapt over"),
        pytest.param("Europe/Berlin", "2026-03-29", "03:00", "2026-03-29T01:00Z", id="shown by the leap"),
        pytest.param("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30Z", id="twice: the first"),
        pytest.param("Europe/Berlin", "2026-10-25", "03:00", "2026-10-25T02:00Z", id="after both"),
        pytest.param("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30Z", id="half an hour"),
        pytest.param("America/Santiago", "2026-09-06", "00:00", "2026-09-06T04:00Z", id="no midnight"),
        pytest.param("Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00Z", id="no such day"),
        pytest.param("Asia/Kathmandu", "2026-11-26", "08:00", "2026-11-26T02:15Z", id="a quarter to six ahead"),
        pytest.param("Europe/Berlin", "2028-02-29", "08:00", "2028-02-29T07:00Z", id="leap day"),
    ],
)
def test_a_local_time_is_the_first_moment_at_which_the_clock_shows_it(
    timezone: str, day: str, clock: str, expected: str
) -> None:
    assert first_moment(date.fromisoformat(day), clock, timezone) == at(expected)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-11-26 18:00", "2026-11-26T17:00Z"),
        (" 2026-11-26T18:00+05:45 ", "2026-11-26T12:15Z"),
        ("2026-11-26T18:00Z", "2026-11-26T18:00Z"),
        ("2026-11-26", "2026-11-25T23:00Z"),
        ("2026-03-29 02:30", "2026-03-29T01:00Z"),
    ],
)
def test_a_typed_time_is_the_clinics_own(typed: str, expected: str) -> None:
    assert typed_moment(typed, "Europe/Berlin") == at(expected)


@pytest.mark.parametrize("typed", ["", "now", "26.11.2026", "0001-01-01", "9999-12-31T23:59-12:00"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time such as '2026-11-26 18:00'"):
        typed_moment(typed, "Europe/Berlin")


def test_a_hand_over_at_half_past_two_happens_once_on_both_nights_on_which_clocks_change() -> None:
    daily = rota(layer(ANN, BOB, begins=date(2026, 3, 27), hand_over="02:30", turns=Turns.DAYS))
    assert shifts(daily, at("2026-03-28T12:00Z"), at("2026-03-30T12:00Z")) == (
        Shift(at("2026-03-28T12:00Z"), at("2026-03-29T01:00Z"), BOB),
        Shift(at("2026-03-29T01:00Z"), at("2026-03-30T00:30Z"), ANN),
        Shift(at("2026-03-30T00:30Z"), at("2026-03-30T12:00Z"), BOB),
    )
    back = rota(layer(ANN, BOB, begins=date(2026, 10, 23), hand_over="02:30", turns=Turns.DAYS))
    assert shifts(back, at("2026-10-24T12:00Z"), at("2026-10-26T12:00Z")) == (
        Shift(at("2026-10-24T12:00Z"), at("2026-10-25T00:30Z"), BOB),
        Shift(at("2026-10-25T00:30Z"), at("2026-10-26T01:30Z"), ANN),
        Shift(at("2026-10-26T01:30Z"), at("2026-10-26T12:00Z"), BOB),
    )


def test_weeks_hand_over_on_the_weekday_on_which_the_first_began() -> None:
    weekly = rota(layer(ANN, BOB, CEM))
    assert [
        shift.begins.date().isoformat() for shift in shifts(weekly, at("2026-11-23T07:00Z"), at("2027-01-01T00:00Z"))
    ] == [
        "2026-11-23",
        "2026-11-30",
        "2026-12-07",
        "2026-12-14",
        "2026-12-21",
        "2026-12-28",
    ]
    assert on_call(weekly, at("2026-11-23T06:59Z")) is None
    assert on_call(weekly, at("2026-11-30T06:59:59Z")) == ANN
    assert on_call(weekly, at("2026-11-30T07:00Z")) == BOB


def test_the_first_layer_that_has_somebody_decides() -> None:
    nights = Hours(weekdays=(Weekday.FRIDAY,), begins="18:00", ends="08:00")
    both = rota(layer(ANN, hours=(nights,)), layer(BOB, name="days"))
    assert turn(both, at("2026-11-27T17:30Z")) == Turn(ANN, "nights")
    assert turn(both, at("2026-11-28T06:59Z")) == Turn(ANN, "nights")
    assert turn(both, at("2026-11-28T07:00Z")) == Turn(BOB, "days")
    assert turn(both, at("2026-11-28T17:30Z")) == Turn(BOB, "days")
    assert turn(rota(), at("2026-11-28T17:30Z")) == Turn(None)


def test_a_change_puts_somebody_else_there_for_its_time() -> None:
    evening = change(ChangeKind.OVERRIDE, DOT, "2026-11-26T18:00+01:00", "2026-11-27T08:00+01:00")
    week = rota(layer(ANN, BOB), changes=(evening,))
    assert shifts(week, at("2026-11-26T00:00Z"), at("2026-11-28T00:00Z")) == (
        Shift(at("2026-11-26T00:00Z"), at("2026-11-26T17:00Z"), ANN),
        Shift(at("2026-11-26T17:00Z"), at("2026-11-27T07:00Z"), DOT),
        Shift(at("2026-11-27T07:00Z"), at("2026-11-28T00:00Z"), ANN),
    )
    assert turn(week, at("2026-11-26T17:00Z")) == Turn(DOT, "nights", (evening.change_id,))


def test_a_swap_exchanges_two_spans_and_nothing_else() -> None:
    week = rota(layer(ANN, BOB))
    mine = (ANN, at("2026-11-24T00:00Z"), at("2026-11-25T00:00Z"))
    theirs = (BOB, at("2026-12-01T00:00Z"), at("2026-12-02T00:00Z"))
    halves = swapped(mine, theirs, (UUID(int=7), UUID(int=8)), at("2026-11-20T00:00Z"))
    assert [half.made_with for half in halves] == [UUID(int=8), UUID(int=7)]
    exchanged = week.with_changes(*halves)
    assert on_call(exchanged, at("2026-11-24T12:00Z")) == BOB
    assert on_call(exchanged, at("2026-12-01T12:00Z")) == ANN
    taken = change(ChangeKind.OVERRIDE, CEM, "2026-11-24T10:00Z", "2026-11-24T14:00Z")
    earlier = taken.model_copy(update={"made_at": at("2026-11-19T00:00Z")})
    assert on_call(week.with_changes(*halves, earlier), at("2026-11-24T12:00Z")) == CEM


def test_who_stands_in_for_one_who_is_out_may_be_out_as_well() -> None:
    out = change(ChangeKind.ABSENCE, BOB, "2026-11-24T00:00Z", "2026-11-26T00:00Z", ANN, no=2)
    too = change(ChangeKind.ABSENCE, CEM, "2026-11-25T00:00Z", "2026-11-26T00:00Z", BOB, no=1)
    week = rota(layer(ANN), changes=(out, too))
    assert on_call(week, at("2026-11-24T12:00Z")) == BOB
    assert turn(week, at("2026-11-25T12:00Z")) == Turn(CEM, "nights", (out.change_id, too.change_id))
    both = change(ChangeKind.ABSENCE, ANN, "2026-11-25T00:00Z", "2026-11-26T00:00Z", CEM, no=3)
    assert on_call(week.with_changes(both), at("2026-11-25T12:00Z")) is None


def test_a_shift_is_told_whole_whenever_it_is_asked_for() -> None:
    weekly = rota(layer(ANN, BOB))
    expected = Shift(at("2026-11-30T07:00Z"), at("2026-12-07T07:00Z"), BOB)
    assert shift_at(weekly, at("2026-12-02T00:00Z")) == expected
    assert next_change(weekly, at("2026-11-26T12:00Z")) == expected
    assert next_change(rota(layer(ANN)), at("2026-11-26T12:00Z")) is None
    yearly = rota(layer(ANN, BOB, every=40))
    assert next_change(yearly, at("2026-11-26T12:00Z")) == Shift(at("2027-08-30T06:00Z"), at("2027-12-31T12:00Z"), BOB)


def test_no_time_holds_no_shift() -> None:
    assert shifts(rota(layer(ANN)), at("2026-11-26T12:00Z"), at("2026-11-26T12:00Z")) == ()


def test_everybody_of_a_rota_is_known() -> None:
    taken = change(ChangeKind.OVERRIDE, DOT, "2026-11-24T10:00Z", "2026-11-24T14:00Z")
    assert rota(layer(ANN, BOB), changes=(taken,)).persons == {ANN, BOB, DOT}
