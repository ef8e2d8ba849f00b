"""After an erasure the pump is watched for whoever has it, and the board shows what was and what is."""

from __future__ import annotations

import pytest

from services.admin.patients.erase import Order, erase
from tests.alerts_pages import client_for
from tests.alerts_world import Story
from tests.stack import Database

STALL = "alarm motor_stall raised"


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_the_rules_and_the_board_go_on_for_the_pump(database: Database, rough: bool) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run([(0, STALL), (1, "level 0.5"), (2, "ack Ann"), (5, "implant")])
    assert len(await story.pages()) == 2
    async with database.pool.acquire() as connection:
        done = await erase(connection, story.pump_id, 1, Order("Dr Who", "asked"))
    assert (done.counts["alarm"], done.counts["reservoir"], done.counts["alert"]) == (1, 1, 2)
    await story.run_more([(60, "tick"), (61, STALL), (62, "level 1.4")])
    assert (await story.trail())[-2:] == ["61 pump_alarm opened high", "62 low_reservoir opened medium"]
    assert (await story.pages())[-2:] == ["61 nurse opened", "62 nurse opened"]
    old = await database.pool.fetchval("SELECT alert_id FROM alerts WHERE title = 'Erased' LIMIT 1")
    async with client_for(story) as browser:
        board, page = await browser.get("/"), await browser.get(f"/alerts/{old}")
    assert (board.status_code, page.status_code) == (200, 200)
    assert "motor" in board.text.lower()
    assert "Erased" in page.text
