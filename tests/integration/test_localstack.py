"""The local stack: servers keep what was committed, and nothing outlives whoever started it."""

from __future__ import annotations

import asyncpg

from tests.stack import Database, execute_at, make_database


async def test_a_database_is_fresh_and_migrated(database: Database):
    assert await database.pool.fetchval("SELECT count(*) FROM clinics") == 0
    await database.pool.execute("INSERT INTO clinics (clinic_id, name) VALUES ('a', 'A')")


async def test_each_test_has_a_database_of_its_own(database: Database):
    assert await database.pool.fetchval("SELECT count(*) FROM clinics") == 0


async def test_killed_postgres_keeps_what_was_committed(own_postgres):
    server = own_postgres()
    dsn = await make_database(server)
    await execute_at(dsn, "INSERT INTO clinics (clinic_id, name) VALUES ('a', 'A')")
    server.kill()
    server.start()
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT name FROM clinics") == "A"
    await connection.close()
