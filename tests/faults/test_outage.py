"""The short form of `bench.outage`: eight seconds without a database."""

from __future__ import annotations

import pytest

from bench.outage import CAUGHT_UP_LIMIT_SECONDS, GROWTH_LIMIT_MB, run_outage

pytestmark = pytest.mark.long


async def test_while_the_database_is_gone_memory_stays_and_afterwards_nothing_is_missing(ready_made, tmp_path):
    outage = await run_outage(
        rate=1_500, seconds=8, warm_seconds=3, folder=tmp_path, make_server=ready_made.make_server
    )
    assert (outage.missing, outage.twice, outage.alive) == (0, 0, True)
    assert outage.rss_growth_mb < GROWTH_LIMIT_MB
    assert outage.caught_up_seconds < CAUGHT_UP_LIMIT_SECONDS
