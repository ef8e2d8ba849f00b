"""A person signs in by a password, chooses one by a code, or changes it.

Guarantees: a name that nobody has, one that is disabled and a wrong password are answered alike and take as long; each
try is a row of the trail, and what was typed is in none; a sign-in ends no other session, and a new password every one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.people.accounts import store
from services.people.accounts.passwords import Passwords
from services.people.accounts.rules import digest_of, sign_in_of
from services.people.model import Actor, Person
from services.people.sessions import life
from services.people.sessions.store import end_all
from services.people.trail.model import NOBODY, Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class From:
    """Where a request comes from, for the trail."""

    place: str
    lasts: timedelta = life.LASTS
    """How long a session lasts at most that begins by it."""


async def sign_in(
    connection: Connection, passwords: Passwords, name: str, password: str, origin: From, now: datetime
) -> str | None:
    """Begin a session; returns its token. None: that is not how somebody signs in."""
    kept = sign_in_of(name)
    found = await store.account(connection, kept or "")
    is_right = await passwords.is_right(password, found.password_hash if found and not found.disabled_at else None)
    actor = Actor(f"person:{found.person_id}", found.name) if found else NOBODY
    more = {"how": "password", "from": origin.place}
    if found is None or not is_right:
        about = found.person_id if found else None
        await append(connection, Access(AccessKind.SIGN_IN_FAILED, actor, about, more=more), now)
        return None
    async with connection.transaction():
        await append(connection, Access(AccessKind.SIGNED_IN, actor, found.person_id, more=more), now)
        return await life.begin(connection, found.person_id, "password", now, lasts=origin.lasts)


async def choose_by_code(
    connection: Connection, passwords: Passwords, code: str, password: str, origin: From, now: datetime
) -> str | None:
    """Keep the password that somebody chose by their code, and sign them in; None: the code is good no more."""
    hashed = await passwords.hash_of(password)
    async with connection.transaction():
        person_id = await store.set_password_by_code(connection, digest_of(code), now, hashed)
        if person_id is None:
            return None
        return await _begin_anew(connection, person_id, origin, now, how="code")


async def change(
    connection: Connection, passwords: Passwords, person: Person, old: str, new: str, origin: From, now: datetime
) -> str | None:
    """Keep a new password in place of the old one; every session ends, and one begins. None: the old one is wrong."""
    found = await store.person(connection, person.person_id)
    if not await passwords.is_right(old, found[1] if found else None):
        more = {"how": "change", "from": origin.place}
        await append(connection, Access(AccessKind.SIGN_IN_FAILED, person.actor, person.person_id, more=more), now)
        return None
    hashed = await passwords.hash_of(new)
    async with connection.transaction():
        await store.set_password(connection, person.person_id, hashed)
        return await _begin_anew(connection, person.person_id, origin, now, how="change")


async def sign_out(connection: Connection, actor: Actor, person_id: UUID, token: str, now: datetime) -> None:
    """End a session."""
    async with connection.transaction():
        await life.end(connection, token, now)
        await append(connection, Access(AccessKind.SIGNED_OUT, actor, person_id), now)


async def _begin_anew(connection: Connection, person_id: UUID, origin: From, now: datetime, *, how: str) -> str:
    found = await store.person(connection, person_id)
    assert found is not None  # noqa: S101 - its row was changed in this transaction
    await end_all(connection, person_id, now)
    more = {"how": how, "from": origin.place}
    await append(connection, Access(AccessKind.PASSWORD_SET, found[0].actor, person_id, more=more), now)
    await append(connection, Access(AccessKind.SIGNED_IN, found[0].actor, person_id, more=more), now)
    return await life.begin(connection, person_id, "password", now, lasts=origin.lasts)
