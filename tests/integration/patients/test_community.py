"""An erasure reaches what only TimescaleDB Community has: columns, and roll-ups that are kept.

Needs TEST_COMMUNITY_DATABASE_URL, or a TEST_DATABASE_URL that is one.
"""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from services.admin.patients.erase import Order, erase
from services.alerts.audit.verify import verify_chain
from services.runtime.migrate import Edition
from tests.integration.patients.world import FIRST, SECOND, World, dump, make
from tests.servers.community import community_server
from tests.servers.external import ExternalServer
from tests.stack import execute_at, migrate_at


@pytest.fixture
async def world():
    """Two patients' events, the old ones converted, the roll-up made; jobs come only when they are called."""
    server, name = ExternalServer(community_server() or ""), f"pw_patient_{uuid.uuid4().hex[:8]}"
    await execute_at(server.dsn(), f"CREATE DATABASE {name}")
    assert (await migrate_at(server.dsn(name))).edition is Edition.COMMUNITY
    connection = await asyncpg.connect(server.dsn(name))
    await connection.execute(
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000"
    )
    made = await make(connection)
    await connection.execute("CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL)")
    for job in await connection.fetch(
        "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name ~ '^policy_(compression|columnstore)$'"
    ):
        await connection.execute(f"CALL run_job({job['job_id']})")
    yield made, server.dsn(name)
    await connection.close()
    await execute_at(server.dsn(), f"DROP DATABASE {name} WITH (FORCE)")


async def test_columns_and_the_kept_roll_up_lose_it_and_keep_the_other_patients(world):
    made: World
    made, dsn = world
    connection, before = made.connection, dump(dsn)
    compressed = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
    assert await connection.fetchval(compressed) > 3
    assert await connection.fetchval("SELECT sum(attempts) FROM bolus_daily") == 8
    [rollup] = await connection.fetch(
        "SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) AS name"
        " FROM timescaledb_information.continuous_aggregates"
    )
    assert await connection.fetchval(f"SELECT sum(attempts) FROM {rollup['name']}") == 8  # noqa: S608
    done = await erase(connection, FIRST, None, Order("Dr Who", "asked"))
    assert [done.counts[kind] for kind in ("reservoir", "bolus", "status", "alarm")] == [5, 5, 5, 5]
    after = dump(dsn)
    assert FIRST in before
    assert [each for each in (*made.events[FIRST], *made.texts[FIRST]) if each in after] == []
    assert FIRST not in after.replace(SECOND, "")
    assert await connection.fetchval(f"SELECT sum(attempts) FROM {rollup['name']}") == 3  # noqa: S608
    stored = "SELECT count(*) FROM (SELECT event_id FROM {0} WHERE event_id = ANY ($1::uuid[])) found"
    for table in ("reservoir_readings", "bolus_requests", "device_statuses"):
        assert await connection.fetchval(stored.format(table), made.events[SECOND]) == 3
        assert await connection.fetchval(stored.format(table), made.events[FIRST]) == 0
    assert (await verify_chain(connection)).faults == ()
