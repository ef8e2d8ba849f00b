"""Many devices fall silent at the same moment, as when a clinic's network goes down: how soon is somebody told?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import psutil

from bench.alerts.fleet import QUERIES
from schemas.paths import SQL_FOLDER
from services.devstack.pages import PageCollector
from services.devstack.servers.postgres import DatabaseServer
from services.devstack.service import ServiceProcess
from services.runtime.migrate import migrate

_CLINICS: Final = 4
_WARNING: Final = timedelta(seconds=15)
"""From the start of the service until the devices' limit passes."""
_DATABASE: Final = "silence_bench"
_AFTERWARDS_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Silence:
    """From the moment that the devices' limit passes until the page reaches a local HTTP server."""

    devices: int
    clinics: int
    pages: int
    first_page_seconds: float
    last_page_seconds: float
    then_cpu_percent: float
    """Of the alert process, while all these alerts are open and nothing changes, in percent of one core."""


async def silence(
    server: DatabaseServer,
    pager: PageCollector,
    alert_workers: Callable[[str, PageCollector, int], AbstractContextManager[list[ServiceProcess]]],
    devices: int,
) -> Silence:
    """Let `devices` pumps in four clinics, heard twice a day so far, be heard no more."""
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {_DATABASE}")
    await admin.close()
    dsn = server.dsn(_DATABASE)
    connection = await asyncpg.connect(dsn, timeout=30, command_timeout=120)
    await migrate(connection, SQL_FOLDER)
    limit_at = datetime.now(UTC) + _WARNING
    # Heard every 12 hours: three times that is less than the 48 hours that are the least.
    await connection.execute(QUERIES["falls_silent"], devices, _CLINICS, limit_at - timedelta(hours=48))
    with alert_workers(dsn, pager, 1) as (worker,):
        await pager.wait_for(_CLINICS, within_seconds=150)
        process = psutil.Process(worker.pid)
        before = process.cpu_times()
        await asyncio.sleep(_AFTERWARDS_SECONDS)  # for a page too many
        after = process.cpu_times()
        pages = pager.pages
    await connection.close()
    took = [(page.received_at - limit_at).total_seconds() for page in pages]
    busy = (after.user + after.system - before.user - before.system) / _AFTERWARDS_SECONDS
    result = Silence(devices, _CLINICS, len(pages), round(min(took), 2), round(max(took), 2), round(100 * busy, 1))
    pager.clear()
    return result
