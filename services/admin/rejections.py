"""Lists what was rejected and why, and removes what is no longer needed. `replay` is the way back in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


class RejectionError(ValueError):
    """There is no such rejection; the message names it."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One refused message, or event of a message."""

    rejection_id: int
    first_received_at: datetime
    last_received_at: datetime
    times_received: int
    topic: str
    event_index: int | None
    """Place in the array, from 0; None: the whole message."""
    device_id: str | None
    event_id: UUID | None
    reason: str
    detail: str
    replayed_at: datetime | None
    replay_outcome: str | None
    """`stored`, `duplicate` or `rejected`; None: never replayed."""
    payload: bytes | None = None
    """The message as it came; only `rejection` reads it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rejections; each None means any."""

    device_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    """Received at or after this time."""
    settled: bool | None = None
    """False: those whose events still stand nowhere."""


async def recent_rejections(connection: Connection, which: Filter, *, limit: int = 20) -> tuple[Rejection, ...]:
    """The newest rejections first."""
    rows = await connection.fetch(
        QUERIES["recent_rejections"], which.device_id, which.reason, which.since, which.settled, limit
    )
    return tuple(_rejection(dict(row)) for row in rows)


async def rejection(connection: Connection, rejection_id: int) -> Rejection:
    """One rejection with the bytes of its message.

    Raises:
        RejectionError: There is none.
    """
    row = await connection.fetchrow(QUERIES["rejection"], rejection_id)
    if row is None:
        msg = f"there is no rejection {rejection_id}"
        raise RejectionError(msg)
    return _rejection(dict(row))


async def count_purgeable(connection: Connection, *, before: datetime, unsettled_too: bool) -> int:
    """How many `purge` would remove."""
    count: int = await connection.fetchval(QUERIES["count_purgeable"], before, unsettled_too)
    return count


async def purge(connection: Connection, *, before: datetime, unsettled_too: bool) -> int:
    """Remove rejections last received before a time, and say how many.

    Only those whose events stand in the tables by now, unless `unsettled_too`: then what they carried is gone.
    """
    status = await connection.execute(QUERIES["purge_rejections"], before, unsettled_too)
    return int(status.rpartition(" ")[2])


def _rejection(row: dict[str, object]) -> Rejection:
    known = {name: row.get(name) for name in Rejection.__dataclass_fields__}
    if known["event_index"] == -1:
        known["event_index"] = None
    return Rejection(**known)  # type: ignore[arg-type]
