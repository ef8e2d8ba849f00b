"""The demo's connection to its database: to migrate it, and to tell how much is in it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

import asyncpg

from schemas.paths import SQL_FOLDER
from services.devstack.demo import store
from services.devstack.demo.store import Counts
from services.devstack.errors import DevStackError
from services.runtime.database import FAILED, UNAVAILABLE, Connection
from services.runtime.migrate import MigrationError, migrate

_UNUSABLE: Final[tuple[type[Exception], ...]] = (*FAILED, ValueError)


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
        try:
            return self._runner.run(store.count(self._connected()))
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
        except _UNUSABLE as error:
            msg = f"the database cannot be used: {error}"
            raise DevStackError(msg) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
