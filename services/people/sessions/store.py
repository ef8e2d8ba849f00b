"""All SQL about sessions: one small function for each statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.accounts.store import roles_in
from services.people.model import Person
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def begin(
    connection: Connection, digest: bytes, person_id: UUID, how: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a session."""
    await connection.execute(QUERIES["begin"], digest, person_id, how, now, expires_at)


async def find(
    connection: Connection, digest: bytes, now: datetime, used_after: datetime
) -> tuple[Person, datetime, str] | None:
    """Whose session it is, when it was used last, and how they signed in; None: it is none that is good now."""
    row = await connection.fetchrow(QUERIES["find"], digest, now, used_after)
    if row is None:
        return None
    person = Person(row["person_id"], row["name"], roles_in(row["roles"]), row["is_operator"], row["sign_in"])
    return person, row["seen_at"], row["how"]


async def find_all(
    connection: Connection, digests: Collection[bytes], now: datetime, used_after: datetime
) -> tuple[tuple[bytes, Person, datetime], ...]:
    """Of these sessions, those that are good now: the digest, whose it is, and when it was used last."""
    return tuple(
        (
            row["digest"],
            Person(row["person_id"], row["name"], roles_in(row["roles"]), row["is_operator"], row["sign_in"]),
            row["seen_at"],
        )
        for row in await connection.fetch(QUERIES["find_all"], list(digests), now, used_after)
    )


async def seen_all(connection: Connection, digests: Collection[bytes], now: datetime) -> None:
    """Remember that sessions were used."""
    await connection.execute(QUERIES["seen_all"], list(digests), now)


async def seen(connection: Connection, digest: bytes, now: datetime) -> None:
    """Remember that a session was used."""
    await connection.execute(QUERIES["seen"], digest, now)


async def end(connection: Connection, digest: bytes, now: datetime) -> None:
    """End a session."""
    await connection.execute(QUERIES["end"], digest, now)


async def end_all(connection: Connection, person_id: UUID, now: datetime, but: bytes = b"") -> None:
    """End every session of a person, but for the one with the digest `but`."""
    await connection.execute(QUERIES["end_all"], person_id, now, but)
