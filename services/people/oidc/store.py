"""All SQL of the sign-in by an identity provider: one small function for each statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.model import Role
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who signed in by the provider before, or whose account was joined to it."""

    person_id: UUID
    name: str
    is_operator: bool
    disabled_at: datetime | None


async def find(connection: Connection, issuer: str, subject: str) -> Known | None:
    """Who it is; None: nobody yet. The caller owns the transaction."""
    row = await connection.fetchrow(QUERIES["find"], issuer, subject)
    return Known(**dict(row)) if row else None


async def make(
    connection: Connection, *, name: str, sign_in: str, issuer: str, subject: str, now: datetime, by: str
) -> UUID | None:
    """Make a person; None: somebody has that sign-in name."""
    found: UUID | None = await connection.fetchval(QUERIES["make"], name, sign_in, issuer, subject, now, by)
    return found


async def link(connection: Connection, person_id: UUID, issuer: str, subject: str) -> None:
    """Let a person sign in by the provider."""
    await connection.execute(QUERIES["link"], person_id, issuer, subject)


async def roles(connection: Connection, person_id: UUID, by: str) -> tuple[dict[str, Role], frozenset[str]]:
    """Somebody's roles by clinic, and the clinics in which `by` gave it."""
    rows = await connection.fetch(QUERIES["roles"], person_id)
    held = {row["clinic_id"]: Role(row["role"]) for row in rows}
    return held, frozenset(row["clinic_id"] for row in rows if row["given_by"] == by)


async def keep_session(
    connection: Connection, digest: bytes, nonce_digest: bytes, provider_session: str | None
) -> bool:
    """Remember that a session began by the provider's word; False: that word began one before."""
    return await connection.fetchval(QUERIES["keep_session"], digest, nonce_digest, provider_session) is not None


async def is_by_provider(connection: Connection, digest: bytes) -> bool:
    """Whether a session began by the provider's word."""
    return bool(await connection.fetchval(QUERIES["is_by_provider"], digest))
