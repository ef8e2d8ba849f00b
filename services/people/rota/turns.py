"""PURE. Who is on call, from when until when.

Guarantees: at each moment a rota gives one person or nobody, and the edges of shifts are exact to the second. How it is
found (the order is the rule):

1. The first layer that has somebody at that moment.
2. Overrides and swaps that hold then, in the order in which they were made: an override puts its person there whoever
   it was, a swap only where it was who it says.
3. Absences: while who is found is out, who has it instead. If that one is out as well, who has it for them; if all of
   them are, nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from services.people.rota.local_time import first_moment, wall_date
from services.people.rota.model import Change, ChangeKind, Hours, Layer, Rota, Weekday

LOOKS_AHEAD: Final = timedelta(days=400)
"""`next_change` looks no further."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who has it at a moment, and why."""

    person_id: UUID | None
    """None: nobody has it."""
    layer: str | None = None
    """The layer that decided, before any change; None: no layer has anybody."""
    changes: tuple[UUID, ...] = ()
    """The changes by which it is this person, in their order."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One person has it, or nobody, from `begins` until just before `ends`; both in UTC."""

    begins: datetime
    ends: datetime
    person_id: UUID | None


def on_call(rota: Rota, at: datetime) -> UUID | None:
    """Who has it at a moment; None: nobody."""
    return turn(rota, at).person_id


def turn(rota: Rota, at: datetime) -> Turn:
    """Who has it at a moment, and by which layer and changes."""
    person, layer_name = None, None
    for layer in rota.layers:
        person = _of_layer(layer, at, rota.timezone)
        if person is not None:
            layer_name = layer.name
            break
    holding = [change for change in rota.changes if change.holds_at(at)]
    by: list[UUID] = []
    for change in holding:
        if change.kind is not ChangeKind.ABSENCE and change.instead_of in {None, person}:
            by = [change.change_id] if change.kind is ChangeKind.OVERRIDE else [*by, change.change_id]
            person = change.person_id
    person, absences = _stand_in(person, holding)
    return Turn(person, layer_name, (*by, *(each.change_id for each in absences)))


def who_is_out(rota: Rota, at: datetime) -> tuple[tuple[Change, UUID | None], ...]:
    """Of everybody who is out, their newest absence and who has it in the end; None: all of those are out."""
    holding = [change for change in rota.changes if change.holds_at(at)]
    out = dict.fromkeys(each.instead_of for each in holding if each.kind is ChangeKind.ABSENCE)
    found = []
    for person in out:
        stand_in, absences = _stand_in(person, holding)
        found.append((absences[0], stand_in))
    return tuple(found)


def shifts(rota: Rota, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
    """Every shift between two moments, without a hole: the spans with nobody are shifts of nobody.

    The first begins at `begins` and the last ends at `ends`, wherever their turns do; neighbours are of different
    persons. Empty if `ends` is not after `begins`.
    """
    begins, ends = begins.astimezone(UTC), ends.astimezone(UTC)
    if ends <= begins:
        return ()
    edges = sorted({begins, ends, *(edge for edge in _edges(rota, begins, ends) if begins < edge < ends)})
    found: list[Shift] = []
    for edge, next_edge in pairwise(edges):
        person = on_call(rota, edge)
        if found and found[-1].person_id == person:
            found[-1] = Shift(found[-1].begins, next_edge, person)
        else:
            found.append(Shift(edge, next_edge, person))
    return tuple(found)


def shift_at(rota: Rota, at: datetime, *, looks: timedelta = LOOKS_AHEAD) -> Shift:
    """The whole shift that a moment is in, as far as `looks` before and after it."""
    return next(shift for shift in shifts(rota, at - looks, at + looks) if shift.begins <= at < shift.ends)


def next_change(rota: Rota, after: datetime, *, looks: timedelta = LOOKS_AHEAD) -> Shift | None:
    """The first shift that begins after a moment: who has it next, which may be nobody; None: it stays as it is."""
    days = 1
    while True:
        # Most hand-overs are near: the far ones are looked for only if there is none.
        ahead = min(timedelta(days=days), looks)
        found = shifts(rota, after, after + ahead)
        if len(found) > 1:
            return found[1] if len(found) > 2 or ahead == looks else _whole(rota, found[1], after + looks)
        if ahead == looks:
            return None
        days *= 4


def _whole(rota: Rota, shift: Shift, until: datetime) -> Shift:
    return shifts(rota, shift.begins, until)[0]


def _stand_in(person: UUID | None, holding: list[Change]) -> tuple[UUID | None, tuple[Change, ...]]:
    """Who has it in the place of a person, and by which absences; the person, if they are not out."""
    asked: set[UUID] = set()
    absences: list[Change] = []
    while person is not None and (absence := _absence_of(person, holding)) is not None:
        asked.add(person)
        absences.append(absence)
        person = None if absence.person_id in asked else absence.person_id
    return person, tuple(absences)


def _absence_of(person: UUID, holding: list[Change]) -> Change | None:
    """The newest absence of a person."""
    own = (each for each in reversed(holding) if each.kind is ChangeKind.ABSENCE and each.instead_of == person)
    return next(own, None)


def _of_layer(layer: Layer, at: datetime, timezone: str) -> UUID | None:
    if layer.hours and not any(_holds(hours, at, timezone) for hours in layer.hours):
        return None
    if layer.ends is not None and at >= first_moment(layer.ends, layer.hand_over, timezone):
        return None
    number = (wall_date(at, timezone) - layer.begins).days // layer.turn_days + 1
    while number >= 0 and first_moment(_day_of(layer, number), layer.hand_over, timezone) > at:
        number -= 1
    return layer.members[number % len(layer.members)] if number >= 0 else None


def _day_of(layer: Layer, number: int) -> date:
    """The day on which a turn begins; the first is number 0."""
    return layer.begins + number * layer.turn_days * _DAY


def _holds(hours: Hours, at: datetime, timezone: str) -> bool:
    today = wall_date(at, timezone)
    return any(
        begins <= at < ends
        for day in (today - 2 * _DAY, today - _DAY, today)
        for begins, ends in _span(hours, day, timezone)
    )


def _span(hours: Hours, day: date, timezone: str) -> Iterator[tuple[datetime, datetime]]:
    if Weekday.of(day) in hours.weekdays:
        last = day + _DAY if hours.ends_next_day else day
        yield first_moment(day, hours.begins, timezone), first_moment(last, hours.ends, timezone)


def _edges(rota: Rota, begins: datetime, ends: datetime) -> Iterator[datetime]:
    """Every moment at which another person may have it, and some at which nobody changes."""
    for change in rota.changes:
        yield change.begins.astimezone(UTC)
        yield change.ends.astimezone(UTC)
    first, last = wall_date(begins, rota.timezone) - 2 * _DAY, wall_date(ends, rota.timezone) + 2 * _DAY
    for layer in rota.layers:
        if layer.ends is not None:
            yield first_moment(layer.ends, layer.hand_over, rota.timezone)
        number = max(0, (first - layer.begins).days // layer.turn_days)
        while (day := _day_of(layer, number)) <= last:
            yield first_moment(day, layer.hand_over, rota.timezone)
            number += 1
        for hours in layer.hours:
            for offset in range((last - first).days + 1):
                for span in _span(hours, first + offset * _DAY, rota.timezone):
                    yield from span
