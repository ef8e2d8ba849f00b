"""A TimescaleDB Community that somebody else runs: no Debian package holds one."""

from __future__ import annotations

import asyncio
import functools
import os

import asyncpg

from tests.servers.external import ExternalServer
from tests.stack import drop_database, execute_at


@functools.cache
def community_server() -> str | None:
    """The address of one: `TEST_COMMUNITY_DATABASE_URL`, or `TEST_DATABASE_URL` where that is one. None: neither."""
    named, any_edition = (os.environ.get(f"TEST_{kind}DATABASE_URL") for kind in ("COMMUNITY_", ""))
    return named or (any_edition if any_edition and asyncio.run(_is_community(any_edition)) else None)


async def _is_community(url: str) -> bool:
    """Ask in a database of one's own: only where the extension is, is it known."""
    server, name = ExternalServer(url), f"pumpwatch_edition_{os.getpid()}"
    await execute_at(server.dsn(), f"CREATE DATABASE {name}")
    try:
        connection = await asyncpg.connect(server.dsn(name))
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            return bool(await connection.fetchval("SELECT current_setting('timescaledb.license', true)") == "timescale")
        finally:
            await connection.close()
    finally:
        await drop_database(server, name)
