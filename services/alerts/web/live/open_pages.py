"""What the process keeps for the pages that are open: their places, what they show, and what has changed of it.

Guarantee: what changed between two pictures is worked out once, however many pages show them; what is kept has a bound.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Hashable
from typing import Any, Final, TypeVar

from services.alerts.web.live.event import Kind, event
from services.alerts.web.live.picture import Picture, difference
from services.alerts.web.live.pulse import Pulse
from services.alerts.web.live.seats import Seats
from services.runtime.http.kept import Kept

_PICTURES: Final = 64
_CHANGES: Final = 64
_Read = TypeVar("_Read")


class OpenPages:
    """Of one process.

    Args:
        most: So many pages are kept true at once.
        seconds: So long what was read of one alert is kept for others.
    """

    def __init__(self, most: int = 256, seconds: float = 0.0) -> None:
        self.seats = Seats(most)
        self.pulse = Pulse()
        self.noting = asyncio.Lock()
        """One reader after the other is written down."""
        self.alerts: Kept[Picture] = Kept(seconds)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._pictures: OrderedDict[tuple[Hashable, str], Picture] = OrderedDict()
        self._changes: OrderedDict[tuple[Hashable, str, str], bytes] = OrderedDict()

    async def whole(self, reading: Awaitable[_Read]) -> _Read:
        """What a reading gives. It goes on if who began it leaves: others may wait for the same."""
        task = asyncio.ensure_future(reading)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # is told to who waits, if anybody does

    def remember(self, key: Hashable, picture: Picture) -> None:
        """Keep what was shown, so that a page which shows it can be told what has changed since."""
        self._pictures[key, picture.version] = picture
        self._pictures.move_to_end((key, picture.version))
        while len(self._pictures) > _PICTURES:
            self._pictures.popitem(last=False)

    def known(self, key: Hashable, version: str) -> Picture | None:
        """What was shown under a key as this version; None: that is too long ago, or never was."""
        return self._pictures.get((key, version))

    def told(self, key: Hashable, old: Picture, new: Picture) -> bytes:
        """The event that brings a page from one picture to the other."""
        if old.version == new.version:
            return event(Kind.SAME, {"read_at": new.read_at.isoformat()}, new.version)
        change = (key, old.version, new.version)
        if change not in self._changes:
            said = {"read_at": new.read_at.isoformat(), **difference(old, new)}
            self._changes[change] = event(Kind.CHANGE, said, new.version)
            while len(self._changes) > _CHANGES:
                self._changes.popitem(last=False)
        return self._changes[change]
