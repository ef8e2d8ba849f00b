"""PURE. Who has a page open that is kept true: so many in all, of a person and of a browser.

Guarantees: no person takes the places of others, and no browser all of its own connections to this server (six, by
HTTP/1.1), so that its next page still loads: of theirs, the one that has been open longest gives way. Where all places
are taken, the next is refused, and its page asks now and then as it did before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.alerts.web.live.event import Why

OF_A_PERSON: Final = 8
OF_A_BROWSER: Final = 4


@dataclass(eq=False, slots=True)
class Seat:
    """One page that is open."""

    person_id: UUID
    session: str = field(repr=False)
    clinics: frozenset[str]
    ended: Why | None = None
    """Why nothing more comes; None: it goes on."""


class Seats:
    """The pages that are open, the one of longest ago first.

    Args:
        most: In all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[Seat, None] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def __iter__(self) -> Iterator[Seat]:
        return iter(tuple(self._taken))

    def take(self, seat: Seat) -> tuple[Seat, ...] | None:
        """Take a place; returns who gives way for it, or None: there is none."""
        of_person = [each for each in self._taken if each.person_id == seat.person_id]
        of_browser = [each for each in of_person if each.session == seat.session]
        leaving = of_browser[: max(0, len(of_browser) - OF_A_BROWSER + 1)]
        left = [each for each in of_person if each not in leaving]
        leaving += left[: max(0, len(left) - OF_A_PERSON + 1)]
        if len(self._taken) - len(leaving) >= self._most:
            return None
        for each in leaving:
            each.ended = Why.ENOUGH
            self.leave(each)
        self._taken[seat] = None
        return tuple(leaving)

    def leave(self, seat: Seat) -> None:
        """Give a place back; twice is as good as once."""
        self._taken.pop(seat, None)
