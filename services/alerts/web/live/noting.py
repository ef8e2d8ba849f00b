"""Writes down who was shown which pumps by open boards: in turns, so that a storm of alarms is not one of writing too.

Guarantees: the first that a board shows is written at once, and whatever follows within `_TURN_SECONDS`, together,
many readers in one statement and in a tenth of the time; nothing that cannot be written holds up what is shown; what
was shown is written down also where the page has been closed meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from services.alerts.web.store import lent
from services.runtime.database import UNAVAILABLE, plainly

if TYPE_CHECKING:
    from services.alerts.web.dependencies import Web
    from services.alerts.web.reads import Read
    from services.people.caller import Caller

_TURN_SECONDS: Final = 5.0
_AT_ONCE: Final = 200
"""So many rows in one statement: until it is committed, no other row is written to the trail of who read."""
_REST: Final = 9.0
"""So many times as long as writing took, nothing is written: each row is a link of the chain, beside what pages."""

log = structlog.get_logger()


class Noting:
    """Of one process."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Caller, set[tuple[str, str]]]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._wrote_at = float("-inf")

    def shown(self, web: Web, caller: Caller, pumps: frozenset[tuple[str, str]]) -> None:
        """Somebody was shown something of these pumps, each a clinic and a pump."""
        if not web.reads.lacks(caller, pumps, web.clock()):
            return
        self._waiting.setdefault(caller.actor.id, (caller, set()))[1].update(pumps)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(web))

    async def _write(self, web: Web) -> None:
        await asyncio.sleep(max(0.0, self._wrote_at + _TURN_SECONDS - time.monotonic()))
        while self._waiting:
            turn = self._next()
            began = time.monotonic()
            try:
                async with lent(web.pool, turn[0][0]) as connection:
                    await web.reads.note_all(connection, turn, web.clock())
            except UNAVAILABLE as error:  # the next reading tries again
                log.warning("reads_not_recorded", readers=len(turn), error=plainly(error))
            if self._waiting:
                await asyncio.sleep(_REST * (time.monotonic() - began))
        self._wrote_at = time.monotonic()

    def _next(self) -> list[Read]:
        """A program by itself; of persons as many as are written at once."""
        turn: list[Read] = []
        while self._waiting:
            caller, pumps = next(iter(self._waiting.values()))
            if turn and (caller.person_id is None or sum(len(read) for _, read in turn) + len(pumps) > _AT_ONCE):
                break
            del self._waiting[caller.actor.id]
            turn.append((caller, pumps))
            if caller.person_id is None:
                break
        return turn
