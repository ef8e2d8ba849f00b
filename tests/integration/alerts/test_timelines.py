"""Timelines: what a pump sends and when it arrives, and exactly which transitions and pages that makes.

Each runs twice: plainly, and roughly (every event twice, every evaluation killed once before its commit, a new worker
at every step). The outcome must be the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.devstack.servers.postgres import DatabaseServer
from services.runtime.database import Pool, open_pool
from tests.alerts_world import Step, Story
from tests.integration.alerts.timelines import CLOCKS, DEMAND, ESCALATION, PUMP_ALARMS, RESERVOIR
from tests.stack import execute_at, make_database


@pytest.fixture(scope="module")
async def shared(timescaledb: DatabaseServer) -> AsyncIterator[tuple[Pool, str]]:
    await execute_at(timescaledb.dsn(), "DROP DATABASE IF EXISTS pw_alerts_timelines WITH (FORCE)")
    dsn = await make_database(timescaledb, "pw_alerts_timelines")
    pool = await open_pool(dsn, application_name="test")
    yield pool, dsn
    await pool.close()
    await execute_at(timescaledb.dsn(), "DROP DATABASE pw_alerts_timelines WITH (FORCE)")


@pytest.mark.parametrize("rough", [False, True], ids=["plain", "rough"])
@pytest.mark.parametrize(
    ("steps", "trail", "pages"),
    [*PUMP_ALARMS, *CLOCKS, *ESCALATION, *RESERVOIR, *DEMAND],
)
async def test_timeline(
    shared: tuple[Pool, str], steps: list[Step], trail: list[str], pages: list[str], rough: bool
) -> None:
    pool, dsn = shared
    story = Story(pool, dsn, rough=rough)
    try:
        await story.run(steps)
        assert await story.trail() == trail
        assert await story.pages() == pages
    finally:
        await story.cleanup()
