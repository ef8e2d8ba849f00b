"""What the process keeps for the pages that are open: their places, what they show, and what has changed of it.

Guarantee: what changed between two pictures is worked out once, however many pages show them; what is kept has a bound.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Final

from services.alerts.web.live.event import Kind, event
from services.alerts.web.live.noting import Noting
from services.alerts.web.live.picture import Picture, difference
from services.alerts.web.live.pulse import Pulse
from services.alerts.web.live.seats import Seats
from services.runtime.http.kept import Kept

_PICTURES: Final = 64
_CHANGES: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """What one reading of a page gave: how it looks, and of which pumps (with their clinics) it tells."""

    picture: Picture
    pumps: frozenset[tuple[str, str]]


class OpenPages:
    """Of one process.

    Args:
        most: So many pages are kept true at once.
        seconds: So long what was read of one alert is kept for others.
    """

    def __init__(self, most: int = 256, seconds: float = 0.0) -> None:
        self.seats = Seats(most)
        self.pulse = Pulse()
        self.noting = Noting()
        self.alerts: Kept[Picture] = Kept(seconds)
        self._under_way: set[asyncio.Future[Shown]] = set()
        self._newest: dict[Hashable, tuple[float, asyncio.Future[Shown]]] = {}
        self._pictures: OrderedDict[tuple[Hashable, str], Picture] = OrderedDict()
        self._changes: OrderedDict[tuple[Hashable, str, str], bytes] = OrderedDict()

    async def shared(self, key: Hashable, begun_after: float, read: Callable[[], Awaitable[Shown]]) -> Shown:
        """What a reading gives, or how it fails: one for all who wait for the same, also where the database hangs.

        It goes on if who began it leaves. What was begun before `begun_after` (of `time.monotonic`) is too old.
        """
        began, task = self._newest.get(key, (float("-inf"), None))
        if task is None or began < begun_after:
            task = asyncio.ensure_future(read())
            self._newest[key] = (time.monotonic(), task)
            self._under_way.add(task)
            task.add_done_callback(partial(self._ended, key))
        return await asyncio.shield(task)

    def _ended(self, key: Hashable, task: asyncio.Future[Shown]) -> None:
        self._under_way.discard(task)
        if self._newest.get(key, (0.0, None))[1] is task:
            del self._newest[key]
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
            return event(Kind.SAME, new.reading, new.version)
        change = (key, old.version, new.version)
        if change not in self._changes:
            said = {**new.reading, **difference(old, new)}
            self._changes[change] = event(Kind.CHANGE, said, new.version)
            while len(self._changes) > _CHANGES:
                self._changes.popitem(last=False)
        return self._changes[change]
