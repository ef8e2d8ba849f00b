"""The servers that a benchmark runs on: TimescaleDB with full durability, Mosquitto, and one's own services."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

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


@dataclass(frozen=True, slots=True)
class BenchStack:
    """The servers, running."""

    folder: Path
    database: DatabaseServer
    broker: MosquittoServer

    @property
    def dsn(self) -> str:
        """The benchmark's own database."""
        return self.database.dsn(DATABASE)


@contextmanager
def servers() -> Iterator[BenchStack]:
    """Start a database server and a broker of the benchmark's own, and remove them afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pumpwatch-bench-")))
        database = timescaledb.make_server(settings=_SETTINGS)
        database.start()
        stack.callback(database.remove)
        broker = stack.enter_context(MosquittoServer())
        yield BenchStack(folder, database, broker)


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
    admin = await asyncpg.connect(stack.database.dsn())
    await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    ready = await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", READY_MADE)
    await admin.execute(f"CREATE DATABASE {DATABASE}" + (f" TEMPLATE {READY_MADE} STRATEGY FILE_COPY" if ready else ""))
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
