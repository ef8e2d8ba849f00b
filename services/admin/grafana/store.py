"""All SQL about the logins of clinics' dashboards: one small function for each statement."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import asyncpg

from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def clinics(connection: Connection) -> list[str]:
    """The ids of all clinics."""
    return [row["clinic_id"] for row in await connection.fetch(QUERIES["clinics"])]


async def make_login(connection: Connection, login: str, password: str) -> list[str]:
    """Make a login that may read dashboards, or make it so again; returns what the database refused to limit.

    Raises:
        asyncpg.InsufficientPrivilegeError: The connection's login may not make it, or it is another's.
    """
    for row in await connection.fetch(QUERIES["login_statements"], login, password):
        await connection.execute(row["statement"])
    refused = []
    for row in await connection.fetch(QUERIES["limit_statements"], login):
        try:
            async with connection.transaction():
                await connection.execute(row["statement"])
        except asyncpg.PostgresError as error:
            refused.append(f"{row['statement']}: {error}")
    return refused


async def reads_one_clinic(connection: Connection, login: str, clinic_id: str) -> None:
    """Let a login read one clinic, and no other that it may have read before."""
    await connection.execute(QUERIES["reads_one_clinic"], login, clinic_id)


async def reads_nothing(connection: Connection, login: str) -> bool:
    """Let a login read no clinic any more; returns whether it did read one."""
    return bool(await connection.fetch(QUERIES["reads_nothing"], login))
