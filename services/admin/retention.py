"""Removes events that are older than what a clinic keeps. Nothing is removed unless somebody asks for it.

Guarantees: only the dense kinds are removed (readings, bolus requests, statuses). Alarms, therapies, refills and
reports stay: they are few, and the rules need them however old they are. Alerts, the audit trail and dead letters are
not touched. One removal runs at a time; a second one is refused, so it is safe from cron. It never waits long for a
lock, because everything that reads or writes would wait behind it: it lets go, tries again, and holds one chunk at a
time (services/runtime/patience.py). What was removed before an error stays removed; the same call goes on from there.

A hypertable loses the chunks that lie wholly before the time (so up to a chunk's length more is kept); a plain table
loses rows, for some pumps at a time, each in a transaction of its own. A roll-up drops what was removed at its next
refresh.
"""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from schemas.events import EventKind
from services.admin import store
from services.admin.ages import parse_age
from services.runtime.database import Connection
from services.runtime.patience import LOCK_TIMEOUT, TRIES, patiently
from services.runtime.turns import end_turn, take_turn

RETAINED: Final = ("reservoir_readings", "bolus_requests", "device_statuses")
"""The tables that grow by the hour with each pump."""
TABLE_BY_KIND: Final = {
    EventKind.RESERVOIR: "reservoir_readings",
    EventKind.BOLUS: "bolus_requests",
    EventKind.STATUS: "device_statuses",
}
"""The kinds of event that stand in them."""
STATUS_AT_LEAST: Final = timedelta(days=60)
"""How far back the rules look for statuses. Of these only the newest counts, so one that comes again after its removal
changes nothing, and goes with the next removal: they may be kept for a shorter time than ingest takes events of."""

_TURN: Final = "retention"
_PUMPS_AT_ONCE: Final = 20
_YEARS: Final = re.compile(r"(\d{1,2})y")


class RetentionError(RuntimeError):
    """Nothing more can be removed now; the message says why."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How many events were removed from one table, or would be."""

    table: str
    events: int
    until: datetime | None
    """Events before this time; None: there is nothing to remove."""


def parse_keep(text: str, *, longer_than: timedelta) -> timedelta:
    """Read how long events are kept: `7y`, or a length of time as everywhere (`parse_age`).

    Args:
        text: What the operator typed.
        longer_than: How old an event may be when ingest takes it; one that came again after its removal would stand
            in the table again, and count.

    Raises:
        ValueError: It is no length of time, or not longer than that.
    """
    years = _YEARS.fullmatch(text.strip())
    keep = timedelta(days=365.25) * int(years[1]) if years else parse_age(text)
    if keep <= longer_than:
        msg = (
            f"{text} is too short: ingest takes events of the last {longer_than.days} days, and would store them again"
        )
        raise ValueError(msg)
    return keep


def parse_keep_kind(text: str, *, longer_than: timedelta) -> tuple[EventKind, timedelta]:
    """Read how long events of one kind are kept: `status=90d`.

    Args:
        text: What the operator typed.
        longer_than: How old an event may be when ingest takes it; the bound of all kinds but statuses.

    Raises:
        ValueError: It is no kind that can be removed, no length of time, or too short.
    """
    name, _, length = text.partition("=")
    kind = next((kind for kind in TABLE_BY_KIND if kind.value == name.strip()), None)
    if kind is None:
        names = ", ".join(TABLE_BY_KIND)
        stays = f": events of the kind {name} stay, however old" if name in tuple(EventKind) else ""
        msg = f"{text[:40]!r} names no kind that can be removed{stays}; expected one of {names}, such as status=90d"
        raise ValueError(msg)
    if kind is not EventKind.STATUS:
        return kind, parse_keep(length, longer_than=longer_than)
    keep = parse_keep(length, longer_than=timedelta())
    if keep <= STATUS_AT_LEAST:
        msg = f"{length} is too short: the rules look at statuses of the last {STATUS_AT_LEAST.days} days"
        raise ValueError(msg)
    return kind, keep


async def plan(
    connection: Connection, *, before: datetime | None, before_by_kind: Mapping[EventKind, datetime] | None = None
) -> tuple[Removal, ...]:
    """What `remove` would remove now."""
    return tuple([await _plan(connection, *each) for each in _limits(before, before_by_kind or {})])


def _limits(
    before: datetime | None, before_by_kind: Mapping[EventKind, datetime]
) -> Iterator[tuple[str, datetime | None]]:
    for kind, table in TABLE_BY_KIND.items():
        yield table, before_by_kind.get(kind, before)


async def remove(
    connection: Connection,
    *,
    before: datetime | None,
    before_by_kind: Mapping[EventKind, datetime] | None = None,
    tries: int = TRIES,
) -> tuple[Removal, ...]:
    """Remove the dense events before a time.

    Args:
        connection: To the owner of the tables. Outside a transaction.
        before: By the devices' clocks; None: only those of the kinds in `before_by_kind`.
        before_by_kind: For kinds that have a time of their own.
        tries: How often to try for a lock that is not free within a second.

    Raises:
        RetentionError: Another removal runs, or something holds a table for long.
    """
    async with _alone(connection):
        removals = []
        for table, limit in _limits(before, before_by_kind or {}):
            found = await _plan(connection, table, limit)
            if found.until is not None:
                await _remove(connection, table, found.until, tries)
            removals.append(found)
        return tuple(removals)


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    if not await take_turn(connection, _TURN):
        raise RetentionError("another removal is running")
    try:
        await store.set_lock_timeout(connection, LOCK_TIMEOUT)
        yield
    except asyncpg.LockNotAvailableError as error:
        msg = f"a table was in use for too long, and the rest was left for the next time: {error}"
        raise RetentionError(msg) from error
    except asyncpg.DeadlockDetectedError as error:
        msg = f"what is being written was in the way, and the rest was left for the next time: {error}"
        raise RetentionError(msg) from error
    finally:
        await store.reset_lock_timeout(connection)
        await end_turn(connection, _TURN)


async def _plan(connection: Connection, table: str, before: datetime | None) -> Removal:
    if before is None:
        return Removal(table, 0, None)
    until: datetime | None = before
    if await store.is_hypertable(connection, table):
        until = await store.end_of_droppable(connection, table, before)
    events = 0 if until is None else await store.count_before(connection, table, until)
    return Removal(table, events, until if events else None)


async def _remove(connection: Connection, table: str, until: datetime, tries: int) -> None:
    if await store.is_hypertable(connection, table):
        for end in await store.droppable_ends(connection, table, until):
            await patiently(connection, functools.partial(store.drop_chunks, connection, table, end), tries=tries)
        return
    pumps = await store.pump_ids(connection)
    for first in range(0, len(pumps), _PUMPS_AT_ONCE):
        some = pumps[first : first + _PUMPS_AT_ONCE]
        delete = functools.partial(store.delete_before, connection, table, some, until)
        await patiently(connection, delete, tries=tries)
