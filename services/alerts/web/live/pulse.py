"""Tells open pages when there may be something new: one look at the database for all of them.

Guarantees: however many pages are open, the database is asked once in `_LOOK_SECONDS` whether anything was written down
about an alert, and once in `_SESSIONS_SECONDS` whether the sessions behind these pages are still good; nobody open,
nothing asked. No connection is kept between two looks, and nothing that a reader can lock or fill is asked for
(docs/decisions/0049-lists-and-live-boards.md). A page whose session has ended or whose rights are other ones is told
so; while the database is away, who was known lately stays, as long as anybody does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from services.alerts.web.identity.callers import KNOWN_FOR
from services.alerts.web.lists.store import trail_ends
from services.alerts.web.live.event import Why
from services.alerts.web.live.seats import Seat
from services.alerts.web.store import lent
from services.people.sessions import life
from services.runtime.database import FAILED, plainly

if TYPE_CHECKING:
    from services.alerts.web.dependencies import Web
    from services.people.caller import Caller

_LOOK_SECONDS: Final = 0.3
_SESSIONS_SECONDS: Final = 2.0

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Listener:
    """One open page, as the pulse knows it."""

    seat: Seat
    caller: Caller
    known_at: float
    news: asyncio.Event = field(default_factory=asyncio.Event)
    stirred_at: float = float("-inf")
    """When something may have changed, by `time.monotonic`: what was read before is too old."""

    def stir(self) -> None:
        """There may be something new."""
        self.stirred_at = time.monotonic()
        self.news.set()

    def end(self, why: Why) -> None:
        """Nothing more comes."""
        self.seat.ended = why
        self.news.set()


class Pulse:
    """Of one process."""

    def __init__(self) -> None:
        self._listeners: dict[Seat, Listener] = {}
        self._task: asyncio.Task[None] | None = None
        self._ends: dict[str, int] = {}
        self._sessions_at = float("-inf")

    @asynccontextmanager
    async def listening(self, web: Web, seat: Seat, caller: Caller) -> AsyncIterator[Listener]:
        """Hear of news as long as this is open. The first who listens has it begin, the last has it end."""
        listener = self._listeners[seat] = Listener(seat, caller, time.monotonic())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._beat(web))
        try:
            yield listener
        finally:
            del self._listeners[seat]
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    def stir(self) -> None:
        """Something was done by this process: everybody looks, and so does who may have signed out."""
        self._sessions_at = float("-inf")
        for each in self._listeners.values():
            each.stir()

    def give_way(self, seats: Collection[Seat]) -> None:
        """Wake those whose place was given to another."""
        for seat in seats:
            if seat in self._listeners:
                self._listeners[seat].news.set()

    async def _beat(self, web: Web) -> None:
        is_away = False
        while True:
            try:
                await self._look(web)
            except FAILED as error:
                if not is_away:
                    log.warning("open_boards_not_told", error=plainly(error))
                    self._tell_all()
                is_away = True
                self._forget_the_unknown()
            else:
                if is_away:
                    self._tell_all()
                is_away = False
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, web: Web) -> None:
        async with lent(web.pool, None) as connection:
            ends = await trail_ends(connection)
            changed = {clinic for clinic, end in ends.items() if self._ends.get(clinic) != end}
            self._ends = ends
            for each in self._listeners.values():
                if not each.seat.clinics.isdisjoint(changed):
                    each.stir()
            if time.monotonic() - self._sessions_at < _SESSIONS_SECONDS:
                return
            self._sessions_at = time.monotonic()
            listeners = tuple(self._listeners.values())
            idle = timedelta(minutes=web.settings.session_idle_minutes)
            good = await life.find_all(connection, {each.seat.session for each in listeners}, web.clock(), idle=idle)
        for each in listeners:
            person = good.get(each.seat.session)
            if person is None:
                each.end(Why.SIGNED_OUT)
            elif person.roles != each.caller.roles:
                each.end(Why.RIGHTS)
            else:
                each.known_at = self._sessions_at

    def _tell_all(self) -> None:
        for each in self._listeners.values():
            each.stir()

    def _forget_the_unknown(self) -> None:
        for each in self._listeners.values():
            if time.monotonic() - each.known_at > KNOWN_FOR.total_seconds():
                each.end(Why.SIGNED_OUT)


async def news_within(listener: Listener, seconds: float) -> None:
    """Wait until there may be something new, or so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await listener.news.wait()
    listener.news.clear()
