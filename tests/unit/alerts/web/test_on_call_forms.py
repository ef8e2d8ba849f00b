"""What people type to change whose turn it is becomes changes of the rota, or is refused with what was expected."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.alerts.errors import Refused
from services.alerts.web.on_call.forms import change_asked, swap_asked
from services.people.rota.model import ChangeKind, Layer, Rota
from services.people.rota.turns import on_call, shifts

ANN, BOB, ROTA = UUID(int=1), UUID(int=2), UUID(int=9)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
WEEKS = Rota(
    clinic_id="north",
    name="first",
    timezone="Europe/Berlin",
    layers=(Layer(name="week", members=(ANN, BOB), begins=date(2026, 11, 23)),),
)
TIMES = {"begins": "2026-11-26T18:00", "ends": "2026-11-27T08:00"}


def test_times_are_those_of_the_rota() -> None:
    change = change_asked(WEEKS, ROTA, TIMES, BOB, None, NOW)
    assert (change.kind, change.person_id, change.made_at) == (ChangeKind.OVERRIDE, BOB, NOW)
    assert (change.begins, change.ends) == (NOW + timedelta(hours=5), NOW + timedelta(hours=19))
    absence = change_asked(WEEKS, ROTA, TIMES, BOB, ANN, NOW)
    assert (absence.kind, absence.instead_of) == (ChangeKind.ABSENCE, ANN)
    assert absence.change_id != change.change_id


@pytest.mark.parametrize(
    ("typed", "instead_of", "said"),
    [
        ({}, None, "is no time"),
        (TIMES | {"ends": "2026-11-26T18:00"}, None, "expected an end after the begin"),
        (TIMES | {"ends": "2029-11-26T18:00"}, None, "within 400 days"),
        (TIMES, BOB, "cannot stand in for themselves"),
    ],
)
def test_times_and_persons_that_cannot_be_are_refused(
    typed: dict[str, str], instead_of: UUID | None, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        change_asked(WEEKS, ROTA, typed, BOB, instead_of, NOW)


def shown(number: int) -> str:
    shift = shifts(WEEKS, NOW, NOW + timedelta(days=30))[number]
    return f"{shift.person_id}/{shift.begins.isoformat()}/{shift.ends.isoformat()}"


def test_two_shifts_change_hands() -> None:
    halves = swap_asked(WEEKS, ROTA, {"mine": shown(0), "theirs": shown(1)}, ANN, NOW)
    swapped = WEEKS.with_changes(*halves)
    assert [on_call(swapped, NOW + timedelta(days=days)) for days in (0, 7, 14)] == [BOB, ANN, ANN]
    assert halves[0].made_with == halves[1].change_id


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("", shown(1), "choose a shift of yours"),
        (shown(0), "x/y/z", "choose a shift of theirs"),
        (f"{ANN}/2026-11-26T12:00/2026-11-27T12:00", shown(1), "choose a shift of yours"),
        (f"{ANN}/0001-01-01T00:00+00:00/2026-11-27T12:00+00:00", shown(1), "choose a shift of yours"),
        (f"{ANN}/2026-11-27T12:00+00:00/2026-11-27T12:00+00:00", shown(1), "choose a shift of yours"),
        (f"{BOB}/2026-11-26T13:00+00:00/2026-11-26T14:00+00:00", shown(1), "changed meanwhile"),
        (shown(1), shown(0), "not a shift of yours"),
        (shown(0), shown(2), "cannot stand in for themselves"),
    ],
)
def test_a_swap_of_what_is_not_so_is_refused(mine: str, theirs: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        swap_asked(WEEKS, ROTA, {"mine": mine, "theirs": theirs}, ANN, NOW)
