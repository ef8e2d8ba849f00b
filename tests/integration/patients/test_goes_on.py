"""After an erasure the pump is watched for whoever has it, and the board shows what was and what is."""

from __future__ import annotations

import httpx
import pytest

from services.admin.patients.erase import Order, erase
from tests.alerts_world import Story
from tests.stack import Database, RunService

STALL = "alarm motor_stall raised"


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_the_rules_and_the_board_go_on_for_the_pump(
    database: Database, run_service: RunService, rough: bool
) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run([(0, STALL), (1, "level 0.5"), (2, "ack Ann"), (5, "implant")])
    assert len(await story.pages()) == 2
    async with database.pool.acquire() as connection:
        done = await erase(connection, story.pump_id, 1, Order("Dr Who", "asked"))
    assert (done.counts["alarm"], done.counts["reservoir"], done.counts["alert"]) == (1, 1, 2)
    await story.run_more([(60, "tick"), (61, STALL), (62, "level 1.4")])
    assert (await story.trail())[-2:] == ["61 pump_alarm opened high", "62 low_reservoir opened medium"]
    assert (await story.pages())[-2:] == ["61 nurse opened", "62 nurse opened"]
    web = await run_service("web", {"WEB_DATABASE_URL": database.dsn})
    old = await database.pool.fetchval("SELECT alert_id FROM alerts WHERE title = 'Erased' LIMIT 1")
    async with httpx.AsyncClient(base_url=web.url) as browser:
        board, page = await browser.get("/"), await browser.get(f"/alerts/{old}")
        listed = await browser.get(f"/api/v1/alerts/{old}")
    assert (board.status_code, page.status_code, listed.status_code) == (200, 200, 200)
    assert story.pump_id in board.text
    assert "Erased" in page.text
