"""What an administrator does to accounts. What is refused names what was wrong and what was expected; nothing changes.

Guarantees: each change and its row in the trail are one transaction; who is disabled or reset is signed out everywhere,
at once; a set-up code is shown once, is good once and ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.people.accounts import store
from services.people.accounts.rules import CHANCE_BYTES, CODE_LASTS, code_of, digest_of, sign_in_of
from services.people.model import Actor, Role
from services.people.sessions.store import end_all
from services.people.trail.model import Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection
from services.texts.line_words import refusal_phrase
from services.texts.phrase import phrase

_LONGEST_NAME: Final = 80


class AccountRefusedError(ValueError):
    """An account cannot be changed so; the message says why."""


@dataclass(frozen=True, slots=True)
class Invited:
    """Who may choose a password, by which code, until when. The code is in no other place."""

    person_id: UUID
    code: str
    until: datetime


async def add(
    connection: Connection,
    sign_in: str,
    name: str,
    roles: Mapping[str, Role],
    *,
    is_operator: bool,
    by: Actor,
    now: datetime,
) -> Invited:
    """Make a person with these roles by clinic, who chooses a password by the code.

    Raises:
        AccountRefusedError: The names cannot be, somebody has that sign-in name, or there is no such clinic.
    """
    kept = sign_in_of(sign_in)
    if kept is None:
        msg = phrase(
            "%(given)s is no sign-in name: expected at most 64 of a-z, 0-9 and . _ @ + -, such as ann.example",
            given=repr(sign_in[:80]),
        )
        raise AccountRefusedError(msg)
    name = name.strip()
    if why := refusal_phrase(name):
        msg = phrase("%(given)s is no name: it %(why)s", given=repr(name[:80]), why=why)
        raise AccountRefusedError(msg)
    if not name or len(name) > _LONGEST_NAME:
        msg = phrase(
            "%(given)s is no name: expected one line, at most %(most)s characters, as 'Ann Example'",
            given=repr(name[:80]),
            most=_LONGEST_NAME,
        )
        raise AccountRefusedError(msg)
    code, until = code_of(secrets.token_bytes(CHANCE_BYTES)), now + CODE_LASTS
    async with connection.transaction():
        person_id = await store.make_person(
            connection, name=name, sign_in=kept, digest=digest_of(code), until=until, is_operator=is_operator,
            now=now, by=by.id,
        )  # fmt: skip
        if person_id is None:
            msg = phrase(
                "somebody has the sign-in name %(name)s already; one who left is disabled, and keeps it",
                name=repr(kept),
            )
            raise AccountRefusedError(msg)
        more = {"sign_in": kept, "person": name} | ({"operator": True} if is_operator else {})
        await append(connection, Access(AccessKind.PERSON_MADE, by, person_id, more=more), now)
        for clinic_id, role in sorted(roles.items()):
            await _give(connection, person_id, clinic_id, role, by, now)
    return Invited(person_id, code, until)


async def reset(connection: Connection, sign_in: str, *, by: Actor, now: datetime) -> Invited:
    """Forget a person's password and end their sessions; they choose another by the code.

    Raises:
        AccountRefusedError: There is no such person.
    """
    code, until = code_of(secrets.token_bytes(CHANCE_BYTES)), now + CODE_LASTS
    async with connection.transaction():
        person_id = await _existing(connection, sign_in)
        await store.reset_person(connection, person_id, digest_of(code), until)
        await end_all(connection, person_id, now)
        await append(connection, Access(AccessKind.PERSON_RESET, by, person_id), now)
    return Invited(person_id, code, until)


async def disable(connection: Connection, sign_in: str, *, by: Actor, now: datetime) -> None:
    """Let nobody sign in as this person, and end their sessions.

    Raises:
        AccountRefusedError: There is no such person, or they are disabled.
    """
    async with connection.transaction():
        person_id = await _existing(connection, sign_in)
        if not await store.disable_person(connection, person_id, now, by.id):
            msg = phrase("%(name)s is disabled already", name=repr(sign_in))
            raise AccountRefusedError(msg)
        await end_all(connection, person_id, now)
        await append(connection, Access(AccessKind.PERSON_DISABLED, by, person_id), now)


async def enable(connection: Connection, sign_in: str, *, by: Actor, now: datetime) -> None:
    """Let this person sign in again, as before.

    Raises:
        AccountRefusedError: There is no such person, or they are not disabled.
    """
    async with connection.transaction():
        person_id = await _existing(connection, sign_in)
        if not await store.enable_person(connection, person_id):
            msg = phrase("%(name)s is not disabled", name=repr(sign_in))
            raise AccountRefusedError(msg)
        await append(connection, Access(AccessKind.PERSON_ENABLED, by, person_id), now)


async def give_role(
    connection: Connection, sign_in: str, clinic_id: str, role: Role, *, by: Actor, now: datetime
) -> None:
    """Give a person a role in a clinic, in place of the one that they had there. It holds from their next request on.

    Raises:
        AccountRefusedError: There is no such person or clinic.
    """
    async with connection.transaction():
        await _give(connection, await _existing(connection, sign_in), clinic_id, role, by, now)


async def take_role(connection: Connection, sign_in: str, clinic_id: str, *, by: Actor, now: datetime) -> None:
    """Take a person's role in a clinic away. It holds from their next request on.

    Raises:
        AccountRefusedError: There is no such person, or they have no role there.
    """
    async with connection.transaction():
        person_id = await _existing(connection, sign_in)
        role = await store.take_role(connection, person_id, clinic_id)
        if role is None:
            msg = phrase("%(name)s has no role in clinic %(clinic)s", name=repr(sign_in), clinic=repr(clinic_id))
            raise AccountRefusedError(msg)
        await append(connection, Access(AccessKind.ROLE_TAKEN, by, person_id, clinic_id, {"role": role.value}), now)


async def _give(connection: Connection, person_id: UUID, clinic_id: str, role: Role, by: Actor, now: datetime) -> None:
    known = await store.clinics(connection)
    if clinic_id not in known:
        msg = phrase(
            "there is no clinic %(clinic)s; expected one of: %(known)s",
            clinic=repr(clinic_id),
            known=", ".join(known) or phrase("none is there yet"),
        )
        raise AccountRefusedError(msg)
    await store.give_role(connection, person_id, clinic_id, role, now, by.id)
    await append(connection, Access(AccessKind.ROLE_GIVEN, by, person_id, clinic_id, {"role": role.value}), now)


async def _existing(connection: Connection, sign_in: str) -> UUID:
    kept = sign_in_of(sign_in)
    found = await store.person_id_of(connection, kept) if kept else None
    if found is None:
        msg = phrase(
            "nobody has the sign-in name %(name)s; `pumpwatch user list` shows everybody", name=repr(sign_in[:80])
        )
        raise AccountRefusedError(msg)
    return found
