"""Timelines: what a pump sends and when it arrives, and exactly which transitions and pages that makes.

Each runs twice: plainly, and roughly (every event twice, every evaluation killed once before its commit, a new worker
at every step). The outcome must be the same.
"""

from __future__ import annotations

import pytest

from services.runtime.database import Pool
from tests.alerts_world import Step, Story
from tests.integration.alerts.timelines import CLOCKS, DEMAND, ESCALATION, PUMP_ALARMS, RESERVOIR
from tests.stack import Database


@pytest.fixture(scope="module")
def shared(shared_database: Database) -> tuple[Pool, str]:
    return shared_database.pool, shared_database.dsn


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
