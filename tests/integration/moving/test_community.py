"""From TimescaleDB Apache to Community, where events become columns and roll-ups are kept, and on to plain PostgreSQL.

Needs TEST_COMMUNITY_DATABASE_URL, or a TEST_DATABASE_URL that is one.
"""

from __future__ import annotations

import uuid

import asyncpg

from tests.command import pumpwatch
from tests.integration.moving.world import everything
from tests.integration.patients.world import make
from tests.servers.community import community_server
from tests.servers.external import ExternalServer
from tests.stack import Database, drop_database, execute_at


async def test_to_community_and_on_to_plain_nothing_is_lost(database: Database, plain_postgres):
    server, name = ExternalServer(community_server() or ""), f"pw_copy_{uuid.uuid4().hex[:8]}"
    for each in (server, plain_postgres):
        await execute_at(each.dsn(), f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(database.dsn)
    await make(connection)
    await connection.close()
    before = await everything(database.dsn)
    done = pumpwatch("database", "copy", "--from", database.dsn, "--to", server.dsn(name))
    assert done.returncode == 0, done.stderr
    assert "Community" in done.stdout
    assert await everything(server.dsn(name)) == before
    connection = await asyncpg.connect(server.dsn(name))
    for job in await connection.fetch(
        "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name ~ '^policy_(compression|columnstore)$'"
    ):
        await connection.execute(f"CALL run_job({job['job_id']})")
    assert await connection.fetchval("SELECT bool_or(is_compressed) FROM timescaledb_information.chunks")
    assert await connection.fetchval("SELECT sum(attempts) FROM bolus_daily") == 8
    await connection.close()
    back = pumpwatch("database", "copy", "--from", server.dsn(name), "--to", plain_postgres.dsn(name))
    assert back.returncode == 0, back.stderr
    assert await everything(plain_postgres.dsn(name)) == before
    for each in (server, plain_postgres):
        await drop_database(each, name)
