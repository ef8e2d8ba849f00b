"""Signs of life: of the workers, of ingest, and of the work that waits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg

from services.alerts.health.policy_state import BoardWarning
from services.alerts.health.upkeep import UNSEEN, Upkeep
from services.people.channels.sending.store import Came
from services.runtime.database import UNAVAILABLE, Connection, load_queries
from services.runtime.isolation import described

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Status:
    """The oldest work that waits, and when each service last lived; None: never, or nothing waits."""

    oldest_queued_at: datetime | None
    oldest_evaluated_at: datetime | None
    pumps: int
    unjudged: int
    alerts_alive_at: datetime | None
    ingest_alive_at: datetime | None


async def load_status(connection: Connection) -> Status:
    """Whether what the board shows is current."""
    row = await connection.fetchrow(QUERIES["watch_status"])
    assert row is not None  # noqa: S101 - it has no FROM
    return Status(**dict(row))


async def clinics_with_pumps(connection: Connection) -> tuple[str, ...]:
    """The clinics that look after a pump which is not retired."""
    return tuple(row["clinic_id"] for row in await connection.fetch(QUERIES["clinics_with_pumps"]))


async def count_unreached(connection: Connection) -> dict[str, int]:
    """By clinic, how many active alerts there are of which somebody should have been told and nobody was."""
    return {row["clinic_id"]: row["alerts"] for row in await connection.fetch(QUERIES["unreached"])}


async def record_heartbeat(connection: Connection, worker_id: str, now: datetime) -> None:
    """Say that this worker lives."""
    await connection.execute(QUERIES["record_heartbeat"], worker_id, now)


async def forget_heartbeats(connection: Connection, before: datetime) -> None:
    """Forget workers that were last heard of before then."""
    await connection.execute(QUERIES["forget_heartbeats"], before)


async def say_state(
    connection: Connection, worker_id: str, warnings: Iterable[BoardWarning], public_url: str, now: datetime
) -> None:
    """Say what people at the board should know of this worker's policies, and where it thinks that the board is."""
    said = json.dumps([{"clinic_id": each.clinic_id, "words": each.words} for each in warnings])
    await connection.execute(QUERIES["say_state"], worker_id, now, said, public_url)


async def warnings_of_workers(connection: Connection, heard_since: datetime) -> tuple[BoardWarning, ...]:
    """What the workers say that have been heard of since then; what several say, once."""
    rows = await connection.fetch(QUERIES["warnings_of_workers"], heard_since)
    return tuple(dict.fromkeys(BoardWarning(**each) for row in rows for each in json.loads(row["warnings"])))


async def load_upkeep(connection: Connection) -> tuple[Upkeep, ...]:
    """What the database does by itself, and whether it is done in time.

    The view reads TimescaleDB's own tables, which a new version may change: paging does not end by that.
    """
    try:
        async with connection.transaction():
            return tuple(Upkeep(**dict(row)) for row in await connection.fetch(QUERIES["upkeep"]))
    except UNAVAILABLE:
        raise
    except asyncpg.PostgresError as error:
        return (Upkeep(UNSEEN, described(error), None, None),)


async def came_of_notices(connection: Connection, clinic_id: str, episode: str) -> tuple[Came, ...]:
    """What came of the pages of one notice, by the names of their channels."""
    rows = await connection.fetch(QUERIES["came_of_notices"], clinic_id, episode)
    return tuple(Came(**dict(row)) for row in rows)
