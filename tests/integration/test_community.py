"""What only TimescaleDB Community does: columns, and roll-ups that are kept.

Needs TEST_COMMUNITY_DATABASE_URL, or a TEST_DATABASE_URL that is one.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.admin import retention
from services.ingest.storage.store import QUERIES
from services.runtime.migrate import Edition
from tests.servers.community import community_server
from tests.servers.external import ExternalServer
from tests.stack import execute_at, migrate_at

NOW = datetime.now(UTC).replace(microsecond=0)
PUMPS = 20
SERVER = community_server() or ""
INGEST = f"pw_store_ingest_{uuid.uuid4().hex[:8]}"
"""A role with the rights that deploy/timescaledb/roles.sql gives to ingest."""


@pytest.fixture
async def empty():
    """A connection to a fresh migrated database, whose jobs come only when they are called."""
    server = ExternalServer(SERVER)
    name = f"pw_store_test_{uuid.uuid4().hex[:8]}"
    await execute_at(server.dsn(), f"CREATE DATABASE {name}")
    result = await migrate_at(server.dsn(name))
    assert result.edition is Edition.COMMUNITY, result.description
    connection = await asyncpg.connect(server.dsn(name))
    await connection.execute(
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000"
    )
    yield connection
    await connection.close()
    await execute_at(server.dsn(), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def connection(empty):
    """The same, with 500 days of events, old ones converted as the policy will."""
    await empty.execute(
        """INSERT INTO bolus_requests
           SELECT 'pump-' || p, $1::timestamptz - n * interval '6 hours', gen_random_uuid(), $1, 'h', n, 'delivered', 1
           FROM generate_series(1, $2::int) AS p, generate_series(0, 4 * 500) AS n""",
        NOW,
        PUMPS,
    )
    await empty.execute("CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL)")
    await empty.execute(f"CREATE ROLE {INGEST}")
    await empty.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {INGEST}")
    await convert(empty)
    yield empty
    await empty.execute("RESET ROLE")
    await empty.execute(f"DROP OWNED BY {INGEST}")
    await empty.execute(f"DROP ROLE {INGEST}")


async def convert(connection):
    """Do what TimescaleDB's job does for each kind of event."""
    jobs = await connection.fetch(
        "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name ~ '^policy_(compression|columnstore)$'"
    )
    assert len(jobs) == 3
    for job in jobs:
        await connection.execute(f"CALL run_job({job['job_id']})")


async def columns_of(connection, compressed):
    return await connection.fetchval(
        """SELECT array_agg(range_end ORDER BY range_end) FROM timescaledb_information.chunks
           WHERE hypertable_name = 'bolus_requests' AND is_compressed = $1""",
        compressed,
    )


async def send(connection, rows):
    columns = [list(column) for column in zip(*rows, strict=True)]
    status = await connection.execute(QUERIES["insert_bolus"], NOW, *columns)
    return int(status.split()[-1])


async def test_chunks_are_converted_when_no_upload_is_expected_any_more(connection):
    converted, rows = await columns_of(connection, True), await columns_of(connection, False)
    assert max(converted) < NOW - timedelta(days=30) <= min(rows)


async def test_a_late_batch_into_columns_is_stored_once(connection):
    before = await connection.fetchval("SELECT count(*) FROM bolus_requests")
    late = [
        (f"pump-{n % PUMPS + 1}", (NOW - timedelta(days=40 + n % 350, minutes=1)).timestamp(), uuid.uuid4(), "h", n,
         "delivered", 1.0)
        for n in range(2_000)
    ]  # fmt: skip
    there = await connection.fetch(
        """SELECT pump_id, extract(epoch FROM observed_at)::float8, event_id, device_id, seq, outcome, dose_mcg
           FROM bolus_requests WHERE observed_at < now() - interval '60 days' ORDER BY event_id LIMIT 2000"""
    )
    await connection.execute(f"SET ROLE {INGEST}")
    assert await send(connection, [tuple(row) for row in there]) == 0
    assert await send(connection, late) == 2_000
    assert await send(connection, late) == 0
    assert await send(connection, [*late, *(tuple(row) for row in there)]) == 0
    counted = await connection.fetchrow("SELECT count(*), count(DISTINCT event_id) FROM bolus_requests")
    assert tuple(counted) == (before + 2_000, before + 2_000)


async def test_late_batches_into_columns_while_older_ones_are_removed_are_stored_once(connection):
    before = NOW - timedelta(days=410)
    server = ExternalServer(SERVER)
    second = await asyncpg.connect(server.dsn(await connection.fetchval("SELECT current_database()")))
    young = "SELECT count(*), count(DISTINCT event_id) FROM bolus_requests WHERE observed_at >= $1"
    there = (await connection.fetchrow(young, before))[0]
    removing = asyncio.create_task(retention.remove(second, before=before))
    for round_ in range(10):
        late = [
            (f"pump-{n % PUMPS + 1}", (NOW - timedelta(days=40 + n * 7 % 350, minutes=2 + round_)).timestamp(),
             uuid.uuid4(), "h", n, "delivered", 1.0)
            for n in range(200)
        ]  # fmt: skip
        assert await send(connection, late) == 200
        assert await send(connection, late) == 0
    assert sum(removal.events for removal in await removing) > 0
    await second.close()
    assert tuple(await connection.fetchrow(young, before)) == (there + 2_000, there + 2_000)


async def test_what_was_removed_leaves_the_roll_up_too(connection):
    before = NOW - timedelta(days=410)
    [removal] = [r for r in await retention.remove(connection, before=before) if r.table == "bolus_requests"]
    assert removal.events > 0
    assert await connection.fetchval("SELECT min(observed_at) FROM bolus_requests") >= removal.until
    await connection.execute("CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL)")
    assert await connection.fetchval("SELECT min(bucket) FROM bolus_daily") >= removal.until


async def test_what_is_told_again_late_counts_once_before_the_roll_up_knows_of_it(connection):
    await connection.execute(
        """INSERT INTO clinics VALUES ('north', 'north');
           INSERT INTO devices VALUES
               ('p-1', 'pump', 'north'), ('h-1', 'handheld', 'north'), ('h-2', 'handheld', 'north');
           INSERT INTO pairings (handheld_id, pump_id) VALUES ('h-1', 'p-1'), ('h-2', 'p-1');
           INSERT INTO clinic_readers SELECT session_user, NULL ON CONFLICT DO NOTHING"""
    )
    noon = NOW.replace(hour=12, minute=0, second=0) - timedelta(days=5)
    told = [
        ("p-1", (noon + timedelta(seconds=n)).timestamp(), uuid.uuid4(), f"h-{n}", n, "delivered", 5.0) for n in (1, 2)
    ]
    assert await send(connection, told[:1]) == 1
    await connection.execute("CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL)")
    assert await send(connection, told[1:]) == 1
    for _ in range(2):
        [day] = await connection.fetch("SELECT * FROM dashboard.boluses_daily WHERE pump_id = 'p-1'")
        assert (day["attempts"], day["delivered"], day["delivered_mcg"]) == (1, 1, 5)
        usual = "SELECT usual_per_day * 5 FROM dashboard.demand WHERE pump_id = 'p-1'"
        assert await connection.fetchval(usual) == pytest.approx(1, abs=0.3)
        await connection.execute("CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL)")


async def overdue(connection):
    return {
        (row["kind"], row["name"]) for row in await connection.fetch("SELECT * FROM upkeep WHERE overdue_since < now()")
    }


async def test_work_that_the_database_has_not_done_is_seen_and_so_is_that_it_is_done(empty):
    for days, late in (
        (1, set()),
        (3, {("rollup", "bolus_daily")}),
        (50, {("rollup", "bolus_daily"), ("columns", "bolus_requests")}),
    ):
        at = (NOW - timedelta(days=days)).timestamp()
        assert await send(empty, [("pump-1", at, uuid.uuid4(), "h", days, "delivered", 1.0)]) == 1
        assert await overdue(empty) == late
    await empty.execute("CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL)")
    assert await overdue(empty) == {("columns", "bolus_requests")}
    await convert(empty)
    assert await overdue(empty) == set()


async def test_a_job_that_is_recorded_as_failed_comes_as_often_as_one_that_is_not(empty):
    jobs = await empty.fetch(
        "SELECT retry_period, schedule_interval FROM timescaledb_information.jobs WHERE job_id >= 1000"
    )
    assert len(jobs) == 4
    # TimescaleDB waits for twenty retry periods at most.
    assert all(20 * job["retry_period"] <= job["schedule_interval"] for job in jobs)
