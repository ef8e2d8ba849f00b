"""What the fixtures in conftest.py hand out, and the one way to wait in a test."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

import asyncpg

from schemas.paths import SQL_FOLDER
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import DatabaseServer
from services.devstack.service import ServiceProcess
from services.runtime.database import Pool
from services.runtime.migrate import MigrationResult, migrate

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of a test's own."""

    name: str
    dsn: str
    pool: Pool


class StartPostgres(Protocol):
    """Starts a TimescaleDB server of a test's own, which it may stop and kill."""

    def __call__(self, **settings: str) -> DatabaseServer: ...


class StartBroker(Protocol):
    """Starts a Mosquitto of a test's own, which it may stop and kill."""

    def __call__(self, *, persistence: bool = False, extra: tuple[str, ...] = ()) -> MosquittoServer: ...


class RunService(Protocol):
    """Starts `python -m services.cli COMMAND` and waits until it is ready, unless told not to."""

    async def __call__(
        self,
        command: str,
        environment: Mapping[str, str],
        *,
        wait: bool = True,
        options: tuple[str, ...] = (),
    ) -> ServiceProcess: ...


@overload
async def eventually(
    condition: Callable[[], Awaitable[Answer]], within_seconds: float = 10.0, *, what: str = ""
) -> Answer: ...
@overload
async def eventually(condition: Callable[[], Answer], within_seconds: float = 10.0, *, what: str = "") -> Answer: ...
async def eventually(condition: Callable[[], Any], within_seconds: float = 10.0, *, what: str = "") -> Any:
    """Wait until `condition()` (a function or a coroutine function) gives something true, and return that.

    Raises:
        AssertionError: The time is over; tells what it gave last.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        given = condition()
        answer = await given if inspect.isawaitable(given) else given
        if answer:
            return answer
        if time.monotonic() > deadline:
            msg = f"{what or inspect.getsource(condition).strip()}: still {answer!r} after {within_seconds:g} s"
            raise AssertionError(msg)
        await asyncio.sleep(0.02)


async def migrate_at(dsn: str) -> MigrationResult:
    """Migrate the database at `dsn`."""
    connection = await asyncpg.connect(dsn)
    try:
        return await migrate(connection, SQL_FOLDER)
    finally:
        await connection.close()


async def make_database(server: DatabaseServer, name: str = "pumpwatch") -> str:
    """Make a migrated database on a server of a test's own, and return its address."""
    await execute_at(server.dsn(), f'CREATE DATABASE "{name}"')
    await migrate_at(server.dsn(name))
    return server.dsn(name)


async def execute_at(dsn: str, *statements: str) -> None:
    """Run statements one by one, each in a transaction of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
