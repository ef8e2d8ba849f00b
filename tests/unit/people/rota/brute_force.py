"""Who is on call, found by looking at the clinic's wall clock every minute; shares nothing with what it checks.

A hand-over is due as soon as the clock shows its time of its day, or a later one; what was due stays done, though the
clock goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from services.people.rota.model import Change, ChangeKind, Hours, Layer, Rota

MINUTE = timedelta(minutes=1)
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@lru_cache(maxsize=64)
def walls(timezone: str, begins: datetime, minutes: int) -> tuple[datetime, ...]:
    """What the wall clock shows, minute by minute."""
    zone = ZoneInfo(timezone)
    return tuple((begins + number * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0) for number in range(minutes))


def by_the_minute(rota: Rota, begins: datetime, minutes: int, warm_up_days: int) -> list[UUID | None]:
    """Who has it in each minute from `begins` on; every layer must begin within the `warm_up_days` before, or later."""
    before = warm_up_days * 1440
    clock = walls(rota.timezone, begins - timedelta(days=warm_up_days), before + minutes)
    by_layer = [_layer(layer, clock) for layer in rota.layers]
    found: list[UUID | None] = []
    for number in range(minutes):
        people = [members[before + number] for members in by_layer]
        first = next((person for person in people if person is not None), None)
        found.append(_changed(first, rota.changes, begins + number * MINUTE))
    return found


def _layer(layer: Layer, clock: Sequence[datetime]) -> list[UUID | None]:
    days = layer.every if layer.turns.value == "days" else 7 * layer.every
    due = datetime.combine(layer.begins, time.fromisoformat(layer.hand_over))
    over = datetime.combine(layer.ends, time.fromisoformat(layer.hand_over)) if layer.ends else datetime.max  # noqa: DTZ901 - a wall
    whose, is_over = -1, False
    found: list[UUID | None] = []
    opened = [_Opened(hours, clock) for hours in layer.hours]
    for wall in clock:
        while wall >= due:
            whose, due = whose + 1, due + timedelta(days=days)
        is_over = is_over or wall >= over
        is_open = [each.at(wall) for each in opened]
        nobody = whose < 0 or is_over or (bool(opened) and not any(is_open))
        found.append(None if nobody else layer.members[whose % len(layer.members)])
    return found


class _Opened:
    """The hours of a layer, each day of them with a switch that goes on once and off once."""

    def __init__(self, hours: Hours, clock: Sequence[datetime]) -> None:
        day, last = clock[0].date() - timedelta(days=2), clock[-1].date() + timedelta(days=2)
        self._ahead: list[tuple[datetime, datetime]] = []
        self._on: list[datetime] = []
        while day <= last:
            if _NAMES[day.weekday()] in hours.weekdays:
                begins = datetime.combine(day, time.fromisoformat(hours.begins))
                ends = datetime.combine(day, time.fromisoformat(hours.ends))
                self._ahead.append((begins, ends if ends > begins else ends + timedelta(days=1)))
            day += timedelta(days=1)

    def at(self, wall: datetime) -> bool:
        while self._ahead and wall >= self._ahead[0][0]:
            self._on.append(self._ahead.pop(0)[1])
        self._on = [ends for ends in self._on if wall < ends]
        return bool(self._on)


def _changed(person: UUID | None, changes: Sequence[Change], at: datetime) -> UUID | None:
    now = [change for change in changes if not (at < change.begins or at >= change.ends)]
    for change in now:
        if change.kind is ChangeKind.OVERRIDE:
            person = change.person_id
        if change.kind is ChangeKind.SWAP and person is not None and person == change.instead_of:
            person = change.person_id
    out = {change.instead_of: change.person_id for change in now if change.kind is ChangeKind.ABSENCE}
    for _ in range(len(out) + 1):
        if person not in out:
            return person
        person = out[person]
    return None  # everybody who was asked is out


def moments(begins: datetime, minutes: int) -> list[datetime]:
    """The minutes themselves."""
    return [begins + number * MINUTE for number in range(minutes)]


def utc(day: date) -> datetime:
    """The day's begin, UTC."""
    return datetime.combine(day, time(), UTC)
