"""A fleet with a history, made inside the database for bench/alerts/run.py.

Rows come in the order of time, as they would have arrived, so that a pump's rows stand far apart; the keys are built
afterwards, two thirds full as they are after years of inserts; and everything is vacuumed, so that autovacuum does not
do it while something is measured.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

from schemas.paths import SQL_FOLDER
from services.runtime.database import load_queries
from services.runtime.migrate import Edition, migrate

QUERIES: Final = load_queries(Path(__file__).with_name("fleet.sql"))
_DENSE: Final = ("readings", "boluses", "statuses")


async def make_fleet(server_dsn: str, dsn: str, *, pumps: int, days: int, now: datetime) -> str:
    """Make the database anew; returns what it runs on."""
    admin = await asyncpg.connect(server_dsn)
    name = dsn.rpartition("/")[2]
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    connection = await asyncpg.connect(dsn, timeout=30, command_timeout=3600)
    result = await migrate(connection, SQL_FOLDER)
    if result.edition is Edition.POSTGRES:
        raise SystemExit("error: the benchmark needs TimescaleDB")
    await connection.execute(QUERIES["fleet"], pumps)
    keys = await connection.fetch(QUERIES["primary_keys"])
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['table_name']} DROP CONSTRAINT {key['name']}")
    await _write(dsn, pumps, days, now)
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['table_name']} ADD {key['definition']} WITH (fillfactor = 67)")
    await connection.execute(QUERIES["rare"], pumps, days, now)
    await connection.execute(QUERIES["watch"], now)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()
    return result.description


async def _write(dsn: str, pumps: int, days: int, now: datetime) -> None:
    """Write the days, oldest first: two kinds at a time, for two cores."""
    start = now - timedelta(days=days)
    places = asyncio.Semaphore(2)

    async def write(kind: str) -> None:
        async with places:
            connection = await asyncpg.connect(dsn, timeout=30, command_timeout=3600)
            for day in range(days):
                span = (start + timedelta(days=day), start + timedelta(days=day + 1))
                more = (now, days) if kind == "readings" else ()
                await connection.execute(QUERIES[kind], *span, pumps, *more)
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for kind in _DENSE:
            group.create_task(write(kind))
