"""What is written down of drills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from schemas.topics import DRILL
from services.alerts.health.drill.course import Drill
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the alarm of a drill came in the database."""

    opened_at: datetime | None = None
    paged_at: datetime | None = None
    last_error: str | None = None
    """What the last try to page ended with."""


@dataclass(frozen=True, slots=True)
class ToTell:
    """A drill that was missed, and of which the operator is to be told."""

    drill_id: UUID
    due_at: datetime
    missed: str


async def enrol(connection: Connection) -> bool:
    """Put the drill's pump into its clinic. False: the pump is in another clinic, from before its name was kept."""
    enrolled: bool = await connection.fetchval(QUERIES["enrol"])
    return enrolled


async def last_due(connection: Connection) -> datetime | None:
    """For which moment a drill was planned last, not counting those that were asked for."""
    at: datetime | None = await connection.fetchval(QUERIES["last_due"])
    return at


async def plan(connection: Connection, due_at: datetime, now: datetime) -> None:
    """Write down that a drill is due; once, whoever says it."""
    await connection.execute(QUERIES["plan"], due_at, now)


async def give_up(connection: Connection, planned_before: datetime, why: str, now: datetime) -> None:
    """End, as missed, what was planned before then and has not begun."""
    await connection.execute(QUERIES["give_up"], now, planned_before, why)


async def alarm_stands(connection: Connection) -> bool:
    """Whether an alert of a drill is open: the next one would be no new alarm."""
    stands: bool = await connection.fetchval(QUERIES["stands"], DRILL)
    return stands


async def ask(connection: Connection, by: str, now: datetime) -> UUID:
    """Ask for a drill now."""
    drill_id: UUID = await connection.fetchval(QUERIES["ask"], now, by)
    return drill_id


async def take_back(connection: Connection, drill_id: UUID) -> bool:
    """Ask no more for a drill. False: it has begun."""
    return await connection.fetchval(QUERIES["take_back"], drill_id) is not None


async def begin(connection: Connection, now: datetime) -> Drill | None:
    """Begin the next one that waits, if none is under way."""
    return _drill(await connection.fetchrow(QUERIES["begin"], now))


async def under_way(connection: Connection) -> Drill | None:
    """The drill whose alarm stands, or may."""
    return _drill(await connection.fetchrow(QUERIES["under_way"]))


async def load(connection: Connection, drill_id: UUID) -> Drill | None:
    """One drill."""
    return _drill(await connection.fetchrow(QUERIES["drill"], drill_id))


async def newest(connection: Connection, limit: int) -> tuple[Drill, ...]:
    """The last drills, the newest first."""
    return tuple(Drill(**dict(row)) for row in await connection.fetch(QUERIES["newest"], limit))


async def last_ended(connection: Connection) -> Drill | None:
    """The drill that ended last."""
    return _drill(await connection.fetchrow(QUERIES["last_ended"]))


async def passed_at(connection: Connection) -> datetime | None:
    """When a drill came through last."""
    at: datetime | None = await connection.fetchval(QUERIES["passed_at"])
    return at


async def record_sent(
    connection: Connection, drill_id: UUID, accepted_at: datetime | None, stored_at: datetime | None
) -> None:
    """Write down what the broker and ingest said."""
    await connection.execute(QUERIES["sent"], drill_id, accepted_at, stored_at)


async def reached(connection: Connection, drill_id: UUID) -> Reached:
    """Look how far it came since, and write that down."""
    row = await connection.fetchrow(QUERIES["reached"], drill_id, DRILL)
    return Reached() if row is None else Reached(**dict(row))


async def end(connection: Connection, drill_id: UUID, missed: str | None, now: datetime) -> None:
    """It has come through (None), or was missed."""
    await connection.execute(QUERIES["end"], drill_id, now, missed)


async def record_cleared(connection: Connection, drill_id: UUID, now: datetime) -> None:
    """Its device has said that the alarm is over."""
    await connection.execute(QUERIES["cleared"], drill_id, now)


async def claim_to_tell(connection: Connection, now: datetime, until: datetime) -> ToTell | None:
    """One that was missed and of which nobody was told. Nobody else gets it before `until`."""
    row = await connection.fetchrow(QUERIES["claim_to_tell"], now, until)
    return None if row is None else ToTell(**dict(row))


async def record_told(connection: Connection, drill_id: UUID, now: datetime) -> None:
    """The operator was told that it was missed."""
    await connection.execute(QUERIES["told"], drill_id, now)


async def forget(connection: Connection, before: datetime) -> None:
    """Forget drills that are older than this."""
    await connection.execute(QUERIES["forget"], before)


def _drill(row: asyncpg.Record | None) -> Drill | None:
    return None if row is None else Drill(**dict(row))
