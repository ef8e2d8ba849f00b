"""All SQL about keys: one small function for each statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries
from services.runtime.http.keys import NewKey

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as an operator sees it: everything but the key."""

    key_id: str
    name: str
    clinic_id: str | None
    scopes: list[str]
    made_at: datetime
    made_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None


async def make_key(
    connection: Connection,
    key: NewKey,
    *,
    name: str,
    clinic_id: str | None,
    scopes: tuple[str, ...],
    now: datetime,
    by: str,
    expires_at: datetime,
) -> None:
    """Keep what is kept of a new key."""
    values = (key.key_id, key.digest, name, clinic_id, list(scopes), now, by, expires_at)
    await connection.execute(QUERIES["make_key"], *values)


async def list_keys(connection: Connection, clinic_id: str | None) -> list[ListedKey]:
    """Every key, the oldest first; of one clinic if it is named."""
    return [ListedKey(**dict(row)) for row in await connection.fetch(QUERIES["list_keys"], clinic_id)]


async def revoke_key(connection: Connection, key_id: str, now: datetime, by: str) -> str | None:
    """Revoke a key; returns its name, or None where there is none that is good."""
    name: str | None = await connection.fetchval(QUERIES["revoke_key"], key_id, now, by)
    return name


async def is_there(connection: Connection, key_id: str) -> bool:
    """Whether there is, or was, a key of that name."""
    return await connection.fetchrow(QUERIES["key_is_there"], key_id) is not None


async def clinic_is_there(connection: Connection, clinic_id: str) -> bool:
    """Whether there is such a clinic."""
    return bool(await connection.fetchval(QUERIES["clinic_is_there"], clinic_id))
