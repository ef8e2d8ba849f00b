"""What the demo asks the database: to be migrated, and how much is in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

from schemas.paths import SQL_FOLDER
from services.devstack.errors import DevStackError
from services.runtime.database import UNAVAILABLE, Connection, load_queries
from services.runtime.migrate import MigrationError, migrate

_QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in the database."""

    events: int
    rejected: int
    open_alerts: int


class DemoDatabase:
    """One connection, used from synchronous code. A context manager."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self._url = url
        self._connection: Connection | None = None

    def migrate(self) -> str:
        """Bring the schema up to date and describe the database."""
        try:
            result = self._runner.run(migrate(self._connected(), SQL_FOLDER))
        except MigrationError as error:
            raise DevStackError(str(error)) from error
        return f"{result.description}: applied {len(result.applied)} migrations"

    def counts(self) -> Counts:
        """How much is in the database now."""

        async def read() -> Counts:
            row = await self._connected().fetchrow(_QUERIES["counts"])
            assert row is not None  # noqa: S101 - an aggregate always has a row
            return Counts(row["events"], row["rejected"], row["open_alerts"])

        try:
            return self._runner.run(read())
        except UNAVAILABLE as error:
            msg = f"the database went away: {error}"
            raise DevStackError(msg) from error

    def _connected(self) -> Connection:
        if self._connection is None:
            msg = "used outside its context"
            raise DevStackError(msg)
        return self._connection

    def __enter__(self) -> Self:
        try:
            self._connection = self._runner.run(asyncpg.connect(self._url, timeout=10))
        except (*UNAVAILABLE, asyncpg.PostgresError, ValueError) as error:
            msg = f"the database cannot be used: {error}"
            raise DevStackError(msg) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
