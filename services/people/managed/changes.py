"""What an administrator does with the persons of their clinics, from the page of persons.

Guarantees: each change and its row in the trail are one transaction; the database refuses what is not theirs to do, and
the last administrator of a clinic stays one; a person who is none of theirs answers as one who is not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from services.people.accounts import changes, store
from services.people.accounts.changes import AccountRefusedError, Invited
from services.people.caller import Caller
from services.people.managed.store import ManagedPerson, managed_persons
from services.people.model import Role
from services.people.trail.model import Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection
from services.texts.model import msgid
from services.texts.phrase import phrase


class NoSuchPersonError(LookupError):
    """Nobody of that id has a role in a clinic that the caller administers."""


async def invite(
    connection: Connection, caller: Caller, sign_in: str, name: str, clinic_id: str, role: Role, now: datetime
) -> Invited:
    """Make a person with one role, who chooses a password by the code.

    Raises:
        AccountRefusedError: The caller does not administer the clinic, or a name cannot be.
    """
    _must_administer(caller, clinic_id)
    async with _refusals():
        return await changes.add(
            connection, sign_in, name, {clinic_id: role}, is_operator=False, by=caller.actor, now=now
        )


async def set_role(
    connection: Connection, caller: Caller, person_id: UUID, clinic_id: str, role: Role | None, now: datetime
) -> None:
    """Give a person a role in a clinic in place of the one that they have there; None: none.

    Raises:
        NoSuchPersonError: They are none of the caller's.
        AccountRefusedError: The caller does not administer the clinic, or nobody else would.
    """
    await _of(connection, person_id)
    _must_administer(caller, clinic_id)
    async with _refusals(), connection.transaction():
        if role is not None:
            await store.give_role(connection, person_id, clinic_id, role, now, caller.actor.id)
            kind, said = AccessKind.ROLE_GIVEN, role
        else:
            had = await store.take_role(connection, person_id, clinic_id)
            if had is None:
                return
            kind, said = AccessKind.ROLE_TAKEN, had
        await append(connection, Access(kind, caller.actor, person_id, clinic_id, {"role": said.value}), now)


async def disable(connection: Connection, caller: Caller, person_id: UUID, now: datetime) -> None:
    """Let nobody sign in as this person, and end their sessions.

    Raises:
        NoSuchPersonError: They are none of the caller's.
        AccountRefusedError: They are disabled, have a role elsewhere, or are the last administrator.
    """
    sign_in = _governed(await _of(connection, person_id))
    async with _refusals():
        await changes.disable(connection, sign_in, by=caller.actor, now=now)


async def enable(connection: Connection, caller: Caller, person_id: UUID, now: datetime) -> None:
    """Let this person sign in again, as before.

    Raises:
        NoSuchPersonError: They are none of the caller's.
        AccountRefusedError: They are not disabled, or have a role elsewhere.
    """
    sign_in = _governed(await _of(connection, person_id))
    async with _refusals():
        await changes.enable(connection, sign_in, by=caller.actor, now=now)


async def reset(connection: Connection, caller: Caller, person_id: UUID, now: datetime) -> Invited:
    """Forget a person's password and end their sessions; they choose another by the code.

    Raises:
        NoSuchPersonError: They are none of the caller's.
        AccountRefusedError: They have a role elsewhere.
    """
    sign_in = _governed(await _of(connection, person_id))
    async with _refusals():
        return await changes.reset(connection, sign_in, by=caller.actor, now=now)


async def _of(connection: Connection, person_id: UUID) -> ManagedPerson:
    found = await managed_persons(connection, person_id)
    if not found:
        msg = phrase("there is no person %(id)s", id=person_id)
        raise NoSuchPersonError(msg)
    return found[0]


def _must_administer(caller: Caller, clinic_id: str) -> None:
    if not caller.may(Role.ADMINISTRATOR, clinic_id):
        msg = phrase("%(clinic)s is no clinic of which you are an administrator", clinic=repr(clinic_id[:80]))
        raise AccountRefusedError(msg)


def _governed(person: ManagedPerson) -> str:
    if not person.governed or person.sign_in is None:
        msg = phrase(
            "%(name)s is you, has a role in another clinic too, or runs the installation: ask who runs it",
            name=person.name,
        )
        raise AccountRefusedError(msg)
    return person.sign_in


@asynccontextmanager
async def _refusals() -> AsyncIterator[None]:
    """The database's refusals in words."""
    try:
        yield
    except asyncpg.RestrictViolationError:
        msg = msgid("the clinic would have no administrator left: make somebody else one first")
        raise AccountRefusedError(msg) from None
    except asyncpg.InsufficientPrivilegeError:
        msg = msgid("this is not yours to change: ask who runs the installation")
        raise AccountRefusedError(msg) from None
