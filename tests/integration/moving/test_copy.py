"""`pumpwatch database copy`: an installation goes from one edition to another, and back, with everything it had."""

from __future__ import annotations

import json
import os

import asyncpg
import pytest

from tests.command import pumpwatch
from tests.ingest_world import ingest_settings
from tests.integration.moving.world import everything
from tests.integration.patients.world import make
from tests.stack import drop_database, execute_at, make_database


async def numbers(dsn: str) -> list[int]:
    """What each numbered table would give its next row."""
    connection = await asyncpg.connect(dsn)
    made = [
        await connection.fetchval("INSERT INTO implantations (pump_id, began_at) VALUES ('p-2', now()) RETURNING 1"),
        await connection.fetchval("INSERT INTO evaluation_queue (pump_ids) VALUES ('{p-2}') RETURNING 1"),
    ]
    await connection.fetch(
        """SELECT append_to_audit('{north}', ARRAY[alert_id], '{commented}', '{active}', '{active}', '{high}',
               '{person_wrote}', '{Ann}', now(), ARRAY['{}']) FROM alerts LIMIT 1"""
    )
    await connection.close()
    return made


@pytest.fixture
async def places(plain_postgres, timescaledb, database_template):
    """A plain database with data, and two empty ones: on TimescaleDB, and plain."""
    name = f"pumpwatch_copy_{os.getpid()}"
    first = await make_database(plain_postgres, f"{name}_a")
    connection = await asyncpg.connect(first)
    await make(connection)
    await connection.close()
    await execute_at(timescaledb.dsn(), f"CREATE DATABASE {name}_b")
    await execute_at(plain_postgres.dsn(), f"CREATE DATABASE {name}_c")
    yield first, timescaledb.dsn(f"{name}_b"), plain_postgres.dsn(f"{name}_c")
    for server, end in ((plain_postgres, "a"), (timescaledb, "b"), (plain_postgres, "c")):
        await drop_database(server, f"{name}_{end}")


async def test_from_plain_to_timescale_and_back_nothing_is_lost_and_services_go_on(places, broker, run_service):
    plain, timescale, again = places
    before = await everything(plain)
    for source, target, edition in ((plain, timescale, "TimescaleDB"), (timescale, again, "PostgreSQL")):
        done = pumpwatch("database", "copy", "--from", source, "--to", target, "--json")
        assert done.returncode == 0, done.stderr
        copied = json.loads(done.stdout)
        assert edition in copied["database"]
        assert (copied["audit_rows"], copied.keys()) == (6, {"database", "rows", "tables", "audit_rows", "rights"})
        assert await everything(target) == before
        assert await everything(source) == before
        verified = pumpwatch("audit", "verify", DATABASE_URL=target)
        assert verified.stdout.startswith("6 rows, unbroken")
    connection = await asyncpg.connect(timescale)
    hypertables = await connection.fetchval("SELECT count(*) FROM timescaledb_information.hypertables")
    assert hypertables == 7
    allowed = "SELECT has_table_privilege('pumpwatch_ingest', 'reservoir_readings', 'INSERT')"
    assert await connection.fetchval(allowed)
    await connection.close()
    for dsn in (timescale, again):
        assert await numbers(dsn) == [1, 1]
        assert pumpwatch("audit", "verify", DATABASE_URL=dsn).stdout.startswith("7 rows, unbroken")
    service = await run_service("ingest", ingest_settings(again, broker))
    assert service.is_running


async def test_a_target_that_holds_something_and_a_source_of_another_schema_are_refused(places, timescaledb):
    plain, timescale, again = places
    done = pumpwatch("database", "copy", "--from", timescale, "--to", plain)
    assert (done.returncode, done.stderr) == (
        1,
        "error: the target has tables already: expected an empty database (CREATE DATABASE)\n",
    )
    same = pumpwatch("database", "copy", "--from", plain, "--to", plain)
    assert (same.returncode, same.stderr) == (2, "error: --to: expected another database than --from\n")
    await execute_at(
        plain, "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)"
    )
    older = pumpwatch("database", "copy", "--from", plain, "--to", again)
    assert "run `pumpwatch migrate` there first" in older.stderr
    connection = await asyncpg.connect(again)
    assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    await connection.close()


async def test_what_cannot_be_copied_whole_is_not_copied_at_all(places):
    plain, timescale, _ = places
    await execute_at(plain, "CREATE TABLE notes (of_ours text)")
    done = pumpwatch("database", "copy", "--from", plain, "--to", timescale)
    assert (done.returncode, done.stderr) == (
        1,
        "error: tables that are not the same in both: notes; nothing of them can be copied for sure\n",
    )
    connection = await asyncpg.connect(timescale)
    assert await connection.fetchval("SELECT count(*) FROM devices") == 0
    await connection.close()
