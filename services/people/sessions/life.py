"""The life of a session: begun at a sign-in, found at each request, and ended.

Guarantees: the token is 256 bits of chance, new at each sign-in, and nowhere but in the browser's cookie; a session
ends when it is not used for a while, at the latest some hours after it began, at sign-out, when its person is disabled
and when their password changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import asyncpg

from services.people.accounts.rules import CHANCE_BYTES, code_of, digest_of
from services.people.model import Person
from services.people.sessions import store
from services.runtime.database import Connection

IDLE: Final = timedelta(hours=1)
LASTS: Final = timedelta(hours=12)
_SEEN_EVERY: Final = timedelta(minutes=1)
_LONGEST_TOKEN: Final = 100


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in."""

    person: Person
    how: str


async def begin(
    connection: Connection,
    person_id: UUID,
    how: Literal["password", "oidc"],
    now: datetime,
    *,
    lasts: timedelta = LASTS,
) -> str:
    """Begin a session; returns its token, for the cookie."""
    token = code_of(secrets.token_bytes(CHANCE_BYTES))
    await store.begin(connection, digest_of(token), person_id, how, now, now + lasts)
    return token


async def find(connection: Connection, token: str, now: datetime, *, idle: timedelta = IDLE) -> Session | None:
    """The session of a token, which counts as used now; None: there is none that is good."""
    if len(token) > _LONGEST_TOKEN:
        return None
    digest = digest_of(token)
    found = await store.find(connection, digest, now, now - idle)
    if found is None:
        return None
    person, seen_at, how = found
    if now - seen_at >= _SEEN_EVERY:
        with suppress(asyncpg.ReadOnlySQLTransactionError):  # a standby: it can be read
            await store.seen(connection, digest, now)
    return Session(person, how)


async def find_all(
    connection: Connection, tokens: Iterable[str], now: datetime, *, idle: timedelta = IDLE
) -> dict[str, Person]:
    """The persons of those of these tokens whose session is good; each counts as used now."""
    by_digest = {digest_of(token): token for token in tokens}
    found = await store.find_all(connection, by_digest, now, now - idle)
    late = [digest for digest, _, seen_at in found if now - seen_at >= _SEEN_EVERY]
    if late:
        with suppress(asyncpg.ReadOnlySQLTransactionError):  # a standby: it can be read
            await store.seen_all(connection, late, now)
    return {by_digest[digest]: person for digest, person, _ in found}


async def end(connection: Connection, token: str, now: datetime) -> None:
    """End a session."""
    await store.end(connection, digest_of(token), now)


async def end_others(connection: Connection, person_id: UUID, token: str, now: datetime) -> None:
    """End every session of a person but this one."""
    await store.end_all(connection, person_id, now, digest_of(token))
