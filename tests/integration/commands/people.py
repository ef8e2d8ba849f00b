"""A person who can sign in, for tests of commands."""

from __future__ import annotations

from datetime import UTC, datetime

from services.people.accounts import changes
from services.people.accounts.passwords import Passwords
from services.people.accounts.sign_in import From, choose_by_code
from services.people.model import Actor, Role
from tests.stack import Database

PASSWORD = "rain on the quay"  # noqa: S105


async def add_person(database: Database, sign_in: str, **roles: Role) -> None:
    """With a password, and a role by clinic."""
    now = datetime.now(UTC)
    async with database.pool.acquire() as connection:
        by_clinic = {clinic.replace("_", "-"): role for clinic, role in roles.items()}
        invited = await changes.add(
            connection, sign_in, sign_in.title(), by_clinic, is_operator=False, by=Actor("test:root", "root"), now=now
        )
        assert await choose_by_code(connection, Passwords(), invited.code, PASSWORD, From("test"), now)
