"""All SQL of the doctor: one small function for each statement. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from services.admin.doctor.model import Session
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))

Right = tuple[str, str, str | None, str]
"""Login, table, column (None: the whole table) and what may be done."""


async def database_clock(connection: Connection) -> datetime:
    """The database's clock now."""
    now: datetime = await connection.fetchval(QUERIES["clock"])
    return now


async def logins_there(connection: Connection, logins: Sequence[str]) -> frozenset[str]:
    """Those of the logins that exist."""
    return frozenset(row["login"] for row in await connection.fetch(QUERIES["logins_there"], list(logins)))


async def rights_missing(connection: Connection, wanted: Sequence[Right]) -> tuple[str, ...]:
    """Those rights that are not held, in words; the logins must exist."""
    columns = [list(column) for column in zip(*wanted, strict=True)] or [[], [], [], []]
    return tuple(row["missing"] for row in await connection.fetch(QUERIES["rights_missing"], *columns))


async def service_sessions(connection: Connection) -> tuple[Session, ...]:
    """By which logins the services are connected now."""
    return tuple(Session(**row) for row in await connection.fetch(QUERIES["sessions"]))
