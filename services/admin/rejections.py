"""Reads what was rejected, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries

_QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Rejection:
    """One refused message, or event of a message."""

    rejection_id: int
    last_received_at: datetime
    times_received: int
    topic: str
    event_index: int | None
    """Place in the array, from 0; None: the whole message."""
    reason: str
    detail: str
    payload: bytes | None = None
    """The message as it came; only `rejection` reads it."""


async def recent_rejections(
    connection: Connection, *, device_id: str | None = None, reason: str | None = None, limit: int = 20
) -> tuple[Rejection, ...]:
    """The newest rejections first."""
    rows = await connection.fetch(_QUERIES["recent_rejections"], device_id, reason, limit)
    return tuple(_rejection(dict(row)) for row in rows)


async def rejection(connection: Connection, rejection_id: int) -> Rejection | None:
    """One rejection with the bytes of its message."""
    row = await connection.fetchrow(_QUERIES["rejection"], rejection_id)
    return None if row is None else _rejection(dict(row))


def _rejection(row: dict[str, object]) -> Rejection:
    known = {name: row.get(name) for name in Rejection.__dataclass_fields__}
    if known["event_index"] == -1:
        known["event_index"] = None
    return Rejection(**known)  # type: ignore[arg-type]
