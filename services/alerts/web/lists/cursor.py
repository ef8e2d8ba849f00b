"""PURE. Where a list goes on that is read in parts: after the last thing of the part before.

So that however many things come and go meanwhile, none that was there all the time is left out.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from services.alerts.web.lists.asked import NotUnderstood

_LONGEST: Final = 500
_PARTS: Final = 4
_MOST: Final = 2**62
_PARAMETER: Final = "cursor"
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Place:
    """Of one alert in the order of a list: what it is sorted by, and its own name."""

    pump: str
    urgency: int
    at: int
    alert_id: UUID

    @property
    def text(self) -> str:
        """As it stands in an address."""
        return _written([self.pump, self.urgency, self.at, str(self.alert_id)])


@dataclass(frozen=True, slots=True)
class Part(Generic[_Thing]):
    """A part of a list, and how many things there are in all parts together."""

    things: tuple[_Thing, ...]
    total: int
    next_cursor: str | None
    """Where the next part begins; None: this is the last."""


def place_of(text: str) -> Place:
    """Read what `Place.text` gave.

    Raises:
        NotUnderstood: It gave it not.
    """
    try:
        said = _read(text)
        if len(said) != _PARTS:
            raise ValueError
        pump, urgency, at, alert_id = said
        if type(pump) is not str or type(urgency) is not int or type(at) is not int or type(alert_id) is not str:
            raise ValueError
        if not (0 <= urgency < 100 and abs(at) < _MOST and pump.isprintable()):
            raise ValueError
        return Place(pump, urgency, at, UUID(alert_id))
    except (ValueError, binascii.Error, RecursionError):
        raise _no_cursor() from None


def cursor_after(of: str, name: str) -> str:
    """What asks a list (`of`) for what comes after the thing of that name."""
    return _written([of, name])


def name_in(of: str, cursor: str | None) -> str:
    """The name after which a list goes on; none: from the first on.

    Raises:
        NotUnderstood: The cursor is none of `cursor_after` for that list.
    """
    if not cursor:
        return ""
    try:
        said = _read(cursor)
        match said:
            case [list_, str(name)] if list_ == of and name.isprintable():
                return name
            case _:
                raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise _no_cursor() from None


def part_of(
    of: str, things: Iterable[_Thing], name: Callable[[_Thing], str], *, cursor: str | None, limit: int
) -> Part[_Thing]:
    """A part of what is few enough to be had whole, in the order of the names.

    Raises:
        NotUnderstood: The cursor is none of this list.
    """
    after, found = name_in(of, cursor), sorted(things, key=name)
    rest = [each for each in found if name(each) > after]
    more = cursor_after(of, name(rest[limit - 1])) if len(rest) > limit else None
    return Part(tuple(rest[:limit]), len(found), more)


def _written(said: list[str | int]) -> str:
    text = json.dumps(said, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(text: str) -> list[Any]:
    if len(text) > _LONGEST:
        raise ValueError
    said = json.loads(base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", altchars=b"-_", validate=True))
    if not isinstance(said, list):
        raise ValueError  # noqa: TRY004 - one thing is wrong, whatever it is
    return said


def _no_cursor() -> NotUnderstood:
    msg = "this cursor is of no list: expected the next_cursor of an answer, as it was"
    return NotUnderstood(msg, _PARAMETER)
