"""All SQL about persons, their passwords and roles: one small function for each statement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from services.people.model import Person, Role
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Account:
    """What a password is compared with."""

    person_id: UUID
    name: str
    password_hash: str | None
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class SetUp:
    """Who may choose a password by a code."""

    person_id: UUID
    name: str
    sign_in: str


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person as an administrator sees them."""

    person_id: UUID
    name: str
    sign_in: str | None
    is_operator: bool
    made_at: datetime
    disabled_at: datetime | None
    has_password: bool
    by_provider: bool
    set_up_until: datetime | None
    roles: Mapping[str, Role]
    seen_at: datetime | None


def roles_in(text: str) -> dict[str, Role]:
    """Roles by clinic, as a query gives them."""
    return {clinic: Role(role) for clinic, role in json.loads(text).items()}


async def account(connection: Connection, sign_in: str) -> Account | None:
    """The account of a sign-in name; None: nobody has it."""
    row = await connection.fetchrow(QUERIES["account"], sign_in)
    return Account(**dict(row)) if row else None


async def account_by_code(connection: Connection, digest: bytes, now: datetime) -> SetUp | None:
    """Whose set-up code it is; None: it is none, or none that is good now."""
    row = await connection.fetchrow(QUERIES["account_by_code"], digest, now)
    return SetUp(**dict(row)) if row else None


async def person(connection: Connection, person_id: UUID) -> tuple[Person, str | None] | None:
    """A person with their roles, and what is kept of their password; None: there is none, or they are disabled."""
    row = await connection.fetchrow(QUERIES["person"], person_id)
    if row is None:
        return None
    found = Person(row["person_id"], row["name"], roles_in(row["roles"]), row["is_operator"], row["sign_in"])
    return found, row["password_hash"]


async def person_id_of(connection: Connection, sign_in: str) -> UUID | None:
    """Who has a sign-in name, also when they are disabled; None: nobody."""
    found: UUID | None = await connection.fetchval(QUERIES["is_there"], sign_in)
    return found


async def set_password(connection: Connection, person_id: UUID, kept: str) -> None:
    """Keep a new password."""
    await connection.execute(QUERIES["set_password"], person_id, kept)


async def set_password_by_code(connection: Connection, digest: bytes, now: datetime, kept: str) -> UUID | None:
    """Keep a password that was chosen by a code, which is good no more; None: it was not."""
    found: UUID | None = await connection.fetchval(QUERIES["set_password_by_code"], digest, now, kept)
    return found


async def make_person(
    connection: Connection, *, name: str, sign_in: str, digest: bytes, until: datetime, is_operator: bool,
    now: datetime, by: str,
) -> UUID | None:  # fmt: skip
    """Make a person who may choose a password until then; None: somebody has that sign-in name."""
    values = (name, sign_in, digest, until, is_operator, now, by)
    found: UUID | None = await connection.fetchval(QUERIES["make_person"], *values)
    return found


async def list_persons(connection: Connection) -> list[ListedPerson]:
    """Everybody, by sign-in name."""
    rows = [dict(row) for row in await connection.fetch(QUERIES["list_persons"])]
    return [ListedPerson(**row | {"roles": roles_in(row["roles"])}) for row in rows]


async def reset_person(connection: Connection, person_id: UUID, digest: bytes, until: datetime) -> None:
    """Forget a password; another is chosen by the new code."""
    await connection.execute(QUERIES["reset_person"], person_id, digest, until)


async def disable_person(connection: Connection, person_id: UUID, now: datetime, by: str) -> bool:
    """Let nobody sign in as this person; False: so it was."""
    return await connection.fetchval(QUERIES["disable_person"], person_id, now, by) is not None


async def enable_person(connection: Connection, person_id: UUID) -> bool:
    """Let this person sign in again; False: so it was."""
    return await connection.fetchval(QUERIES["enable_person"], person_id) is not None


async def give_role(
    connection: Connection, person_id: UUID, clinic_id: str, role: Role, now: datetime, by: str
) -> None:
    """Give a role in a clinic, in place of the one that the person had there."""
    await connection.execute(QUERIES["give_role"], person_id, clinic_id, role.value, now, by)


async def take_role(connection: Connection, person_id: UUID, clinic_id: str) -> Role | None:
    """Take the role in a clinic away; None: there was none."""
    found: Any = await connection.fetchval(QUERIES["take_role"], person_id, clinic_id)
    return Role(found) if found else None


async def clinics(connection: Connection) -> list[str]:
    """Every clinic."""
    return [row["clinic_id"] for row in await connection.fetch(QUERIES["clinics"])]
