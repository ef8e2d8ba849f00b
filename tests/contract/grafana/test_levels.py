"""The level that dashboards show is the one that alerts go by."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.alerts.facts.store import load_facts
from services.alerts.rules.reservoir.level import level_of
from tests.alerts_world import T0, Story
from tests.stack import Database

DAY = 24 * 60
THERAPY = f"therapy of morphine 0.4 10 @{-20 * DAY}"
FASTER = f"therapy of morphine 1.0 5 @{-2 * DAY}"
FILLED = f"refill 18 2 2 @{-20 * DAY}"


@pytest.mark.parametrize(
    ("told", "basis"),
    [
        ([THERAPY, FILLED], "refill"),
        ([THERAPY, FILLED, "level 9.9 @-60"], "computed"),
        ([THERAPY, FILLED, f"level 3 measured @{-2 * DAY}", "level 9.9 @-60"], "measured"),
        ([THERAPY, FILLED, f"level 3 measured @{-2 * DAY}"], "measured"),
        ([THERAPY, FILLED, f"level 9 measured @{-2 * DAY}", "level 1.5 @-60"], "computed"),
        ([FILLED, f"level 3 measured @{-2 * DAY}", "level 9.9 @-60"], "measured"),
        ([FILLED, f"level 3 measured @{-20 * DAY + 5}"], "refill"),
        ([THERAPY, f"level 9 measured @{-6 * DAY}", FASTER, "level 9.9 @-5"], "measured"),
        ([f"level 9 measured @{-6 * DAY}", FASTER, "level 9.9 @-5"], "measured"),
        ([THERAPY, "refill 83 2 2 @-60"], "refill"),
        ([THERAPY, "level 83 @-60"], "computed"),
        ([], None),
    ],
)
async def test_a_dashboard_shows_the_level_that_alerts_go_by(
    database: Database, told: list[str], basis: str | None
) -> None:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    async with database.pool.acquire() as connection:
        now = await connection.fetchval("SELECT now()")
        for text in told:
            words, at = story.parse(text)
            story.now = now
            await story.insert(connection, words, now + (at - T0))
        await connection.execute("INSERT INTO clinic_readers SELECT session_user, NULL ON CONFLICT DO NOTHING")
        (facts,) = await load_facts(connection, [story.pump_id], now, windows=28)
        row = await connection.fetchrow("SELECT * FROM dashboard.pumps WHERE pump_id = $1", story.pump_id)
    assert row is not None
    level = level_of(facts, now)
    assert (level and level.basis, row["volume_basis"]) == (basis, basis)
    if level:
        assert row["volume_ml"] == pytest.approx(level.volume_ml, abs=0.01)
        assert abs(row["volume_observed_at"] - level.told_at) < timedelta(seconds=1)
