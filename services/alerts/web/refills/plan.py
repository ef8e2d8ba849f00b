"""PURE. What people type to book, move or end a refill visit: from the fields of a form to what is written down.

Guarantee: what cannot be read, or is not so any more, is a `Refused` with what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from services.alerts.errors import Refused
from services.alerts.facts.model import VisitKind
from services.alerts.rules.reservoir.booked import Booked
from services.alerts.wording import day_words
from services.people.rota.local_time import first_moment, wall_date
from services.texts.model import msgid

_FARTHEST: Final = timedelta(days=400)
"""Nobody books a refill for later: no drug is good for so long."""
ACTIONS: Final = {
    "book": VisitKind.BOOKED,
    "move": VisitKind.MOVED,
    "done": VisitKind.DONE,
    "cancel": VisitKind.CANCELLED,
}
"""What a form's address says, and what that means."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was last said of a visit, as it is stored."""

    entry_id: UUID
    kind: VisitKind
    on: date
    begins: datetime
    has_hour: bool
    said_at: datetime
    said_name: str


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says now; `follows` is the entry that they had before them."""

    kind: VisitKind
    on: date
    begins: datetime
    has_hour: bool
    follows: UUID | None


def what_is_said(
    kind: VisitKind, typed: Mapping[str, str], newest: Entry | None, visit: Booked | None, zone: str, now: datetime
) -> Said:
    """From the fields `on` and `at` (the clinic's own clock; `at` may be empty) and `follows`.

    Args:
        kind: What the form is for.
        typed: Its fields.
        newest: What was last said on the board.
        visit: Which visit is booked, by the board or by the device.
        zone: The clinic's.
        now: The moment.

    Raises:
        Refused: A field cannot be read, or there is no such visit, or the visit was changed meanwhile.
    """
    follows = newest.entry_id if newest else None
    if typed.get("follows", "") != str(follows or ""):
        raise Refused(msgid("somebody changed this visit meanwhile; look at it as it is now, and say it again"))
    of_board = newest if visit is not None and visit.by_board else None
    if kind is VisitKind.DONE and visit is not None:
        return Said(kind, visit.on, visit.begins, of_board.has_hour if of_board else False, follows)
    if kind in (VisitKind.MOVED, VisitKind.CANCELLED, VisitKind.DONE):
        if of_board is None:
            raise Refused(msgid("no visit is booked on this board; book one first"))
        if kind is VisitKind.CANCELLED:
            return Said(kind, of_board.on, of_board.begins, of_board.has_hour, follows)
    elif of_board is not None:
        raise Refused(msgid("a visit is booked for %(day)s already; move that one"), day=day_words(of_board.on))
    on, hour = _day(typed.get("on", ""), zone, now), _hour(typed.get("at", ""))
    begins = first_moment(on, hour or "00:00", zone)
    return Said(kind, on, begins, hour is not None, follows)


def _day(text: str, zone: str, now: datetime) -> date:
    today = wall_date(now, zone)
    such = today + timedelta(days=7)
    try:
        on = date.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(
            msgid("%(text)s is no day; expected a day from today on, such as %(such)s"), text=repr(text[:60]), such=such
        ) from error
    if not today <= on <= today + _FARTHEST:
        what = msgid("%(day)s is too far ahead; expected a day from today on, such as %(such)s")
        if on < today:
            what = msgid("%(day)s is over; expected a day from today on, such as %(such)s")
        raise Refused(what, day=day_words(on), such=such)
    return on


def _hour(text: str) -> str | None:
    if not text.strip():
        return None
    try:
        return f"{datetime.combine(date(2000, 1, 1), time.fromisoformat(text.strip()), UTC):%H:%M}"
    except ValueError as error:
        raise Refused(
            msgid("%(text)s is no time of day; expected one such as 10:30, or none"), text=repr(text[:60])
        ) from error
