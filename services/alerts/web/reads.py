"""Who read of which pump, into the trail: one row for each reader, pump and hour.

Guarantee: a database that can only be read shows the board all the same; what was read then is in the log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import asyncpg
import structlog

from services.people.caller import Caller
from services.people.trail.store import note_reads, note_reads_of_persons
from services.runtime.database import Connection

_MOST: Final = 100_000

Read = tuple[Caller, Collection[tuple[str, str]]]
"""Who, and of which pumps: each a clinic and a pump."""

log = structlog.get_logger()


class ReadsNoted:
    """What this process has written down already, so that a page that reloads asks the database for nothing."""

    def __init__(self) -> None:
        self._noted: OrderedDict[tuple[str, str, str, datetime], None] = OrderedDict()

    def lacks(self, caller: Caller, pumps: Iterable[tuple[str, str]], now: datetime) -> bool:
        """Tell whether something of this is not written down yet; each pump is a clinic and a pump."""
        return bool(self._new(caller, pumps, now))

    async def note(
        self, connection: Connection, caller: Caller, pumps: Iterable[tuple[str, str]], now: datetime
    ) -> None:
        """Write down that somebody read of these pumps."""
        new = [(caller, *each) for each in self._new(caller, pumps, now)]
        if new:
            pumps = [(clinic, pump) for _, clinic, pump in new]
            await self._write(note_reads(connection, caller.actor, pumps, now), new, now, actor=caller.actor.id)

    async def note_all(self, connection: Connection, reads: Sequence[Read], now: datetime) -> None:
        """Write down of which pumps many read: persons, in one statement; or one program, who asks by `connection`."""
        if any(caller.person_id is None for caller, _ in reads):
            ((caller, pumps),) = reads
            await self.note(connection, caller, pumps, now)
            return
        new = [(caller, *each) for caller, pumps in reads for each in self._new(caller, pumps, now)]
        if new:
            await self._write(note_reads_of_persons(connection, new, now), new, now, readers=len(reads))

    async def _write(
        self, writing: Awaitable[None], rows: Collection[tuple[Caller, str, str]], now: datetime, **whose: object
    ) -> None:
        try:
            await writing
        except asyncpg.ReadOnlySQLTransactionError:
            log.warning("reads_not_recorded", **whose, pumps=len(rows))
            return
        for caller, clinic, pump in rows:
            self._noted[(caller.actor.id, clinic, pump, _hour(now))] = None
        while len(self._noted) > _MOST:
            self._noted.popitem(last=False)

    def _new(self, caller: Caller, pumps: Iterable[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
        return {each for each in pumps if (caller.actor.id, *each, _hour(now)) not in self._noted}


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
