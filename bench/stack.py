"""The servers that a benchmark runs on: TimescaleDB with full durability, Mosquitto, and one's own services.

Somebody else's database server takes the place of the first where it is named; its settings are what they are.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol
from urllib.parse import urlsplit

import asyncpg

from schemas.paths import SQL_FOLDER
from services.devstack.servers import timescaledb
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import DatabaseServer
from services.devstack.service import ServiceProcess
from services.runtime.migrate import MigrationResult, migrate

CLINIC: Final = "bench"
DATABASE: Final = "bench"
READY_MADE: Final = "pumpwatch_ready_made"
"""A migrated database that servers of the tests are born with (tests/servers/ready_made.py), until it is taken."""
# Half a gigabyte of shared buffers and room for WAL, as any production server has; durability is left at its default.
_SETTINGS: Final = {"shared_buffers": "512MB", "max_wal_size": "4GB", "max_connections": "50"}


class HasDatabases(Protocol):
    """A server that runs."""

    port: int

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""


class OutsideServer:
    """A server that is somebody else's: it is neither started nor stopped, and only one database of it is ours."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.port = self._url.port or 5432

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return self._url._replace(path=f"/{database}").geturl()


def checked_bench_url(url: str) -> str:
    """Give back the address of a database that a benchmark may drop and make anew.

    Raises:
        SystemExit: Its name does not say that it is one.
    """
    if not re.search(r"/\w+_bench$", urlsplit(url).path):
        raise SystemExit("error: the database is dropped and made anew, so its name must end in _bench")
    return url


@dataclass(frozen=True, slots=True)
class BenchStack:
    """The servers, running."""

    folder: Path
    database: HasDatabases
    broker: MosquittoServer
    name: str = DATABASE

    @property
    def dsn(self) -> str:
        """The benchmark's own database."""
        return self.database.dsn(self.name)


@contextmanager
def servers(database_url: str | None = None) -> Iterator[BenchStack]:
    """Start a database server and a broker of the benchmark's own, and remove them afterwards.

    Args:
        database_url: A database on a server that runs, to be used instead (`checked_bench_url`); it is there no more
            afterwards.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pumpwatch-bench-")))
        if database_url is not None:
            name = urlsplit(checked_bench_url(database_url)).path.removeprefix("/")
            outside = BenchStack(folder, OutsideServer(database_url), stack.enter_context(MosquittoServer()), name)
            stack.callback(lambda: asyncio.run(_drop(outside)))
            yield outside
            return
        database: DatabaseServer = timescaledb.make_server(settings=_SETTINGS)
        database.start()
        stack.callback(database.remove)
        broker = stack.enter_context(MosquittoServer())
        yield BenchStack(folder, database, broker)


async def _drop(stack: BenchStack) -> None:
    admin = await asyncpg.connect(stack.database.dsn())
    await admin.execute(f'DROP DATABASE IF EXISTS "{stack.name}" WITH (FORCE)')
    await admin.close()


@contextmanager
def service(command: str, environment: dict[str, str], *, log_path: Path) -> Iterator[ServiceProcess]:
    """Run one of Pumpwatch's services, ready when it is yielded."""
    process = ServiceProcess(command, environment, log_path=log_path)
    process.start()
    try:
        process.wait_until(process.is_ready, within_seconds=30, waiting_for="readiness")
        yield process
    finally:
        process.terminate()


async def fresh_database(stack: BenchStack, *, devices: int) -> MigrationResult:
    """Make the database anew, migrate it, and enrol `devices` pumps named pump-000000 and on.

    On a server that has a migrated one ready, it is a copy of that.
    """
    await _drop(stack)
    admin = await asyncpg.connect(stack.database.dsn())
    ready = await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", READY_MADE)
    template = f" TEMPLATE {READY_MADE} STRATEGY FILE_COPY" if ready else ""
    await admin.execute(f'CREATE DATABASE "{stack.name}"{template}')
    await admin.close()
    connection = await asyncpg.connect(stack.dsn)
    result = await migrate(connection, SQL_FOLDER)
    await connection.execute("INSERT INTO clinics VALUES ($1, $1)", CLINIC)
    await connection.execute(
        """INSERT INTO devices (device_id, kind, clinic_id)
           SELECT 'pump-' || lpad(n::text, 6, '0'), 'pump', $1 FROM generate_series(0, $2::int - 1) n""",
        CLINIC,
        devices,
    )
    await connection.execute("CHECKPOINT")
    await connection.close()
    return result


def wait_until(condition: Callable[[], bool], *, within_seconds: float, what: str) -> None:
    """Look every 20 ms until `condition()` holds.

    Raises:
        TimeoutError: It does not in time.
    """
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what}: not within {within_seconds:g} s"
            raise TimeoutError(msg)
        time.sleep(0.02)
