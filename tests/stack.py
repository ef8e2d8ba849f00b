"""What the fixtures in conftest.py hand out, and the one way to wait in a test."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

import asyncpg

from bench.stack import READY_MADE
from schemas.paths import GRANTS_FILE, SQL_FOLDER
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import DatabaseServer
from services.devstack.service import ServiceProcess
from services.runtime.database import Pool
from services.runtime.migrate import MigrationResult, migrate
from tests.logins import make_logins

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
    """Starts `python -m services.cli COMMAND`, mostly as a fork, and waits until it is ready, unless told not to."""

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
    """Migrate the database at `dsn`, and give the logins that are there their rights."""
    connection = await asyncpg.connect(dsn)
    try:
        return await migrate(connection, SQL_FOLDER, GRANTS_FILE)
    finally:
        await connection.close()


async def make_database(server: DatabaseServer, name: str = "pumpwatch") -> str:
    """Make a migrated database on a server, and return its address: the ready-made one is taken if it is there."""
    connection = await asyncpg.connect(server.dsn())
    try:
        if await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", READY_MADE):
            await connection.execute(f'ALTER DATABASE {READY_MADE} RENAME TO "{name}"')
            return server.dsn(name)
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    await make_logins(server.dsn())
    await migrate_at(server.dsn(name))
    return server.dsn(name)


async def clone_database(server: DatabaseServer, template: str, name: str) -> str:
    """Make a database that is like `template`, to which nobody can connect, and return its address."""

    async def cloned() -> bool:
        try:
            await execute_at(
                server.dsn(),
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'",  # noqa: S608
                f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY",  # a tenth of the time of WAL_LOG
            )
        except asyncpg.ObjectInUseError:  # a background worker of an external server looked into it
            return False
        return True

    await eventually(cloned, 10, what=f"clone of {template}")
    return server.dsn(name)


async def drop_database(server: DatabaseServer, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    await execute_at(server.dsn(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def execute_at(dsn: str, *statements: str) -> None:
    """Run statements one by one, each in a transaction of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
