"""A turn ends: both hear of it once, also after a restart and a pause; one that nobody took over is told."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from services.alerts.health.hand_over.store import accept, make_promise
from services.alerts.health.hand_over.watch import HandOverWatch
from services.devstack.pages import PageCollector
from services.people.rota.hand_over import last_hand_over
from services.people.rota.store import load_rotas
from tests.alerts_pages import dispatcher_for
from tests.alerts_world import stall
from tests.integration.people.clinic import BOB
from tests.integration.people.rota.on_call_story import MINUTE, SIX, OnCallStory
from tests.signed_in import somebody
from tests.stack import Database


@pytest.fixture
async def on_call(database: Database, page_collector: PageCollector) -> OnCallStory:
    story = OnCallStory(database, page_collector)
    await story.begin()
    return story


async def told_at(on_call: OnCallStory, minutes: int) -> dict[str, str]:
    """Who was told by then of a turn or a promise, and the title of it."""
    on_call.story.now = SIX + minutes * MINUTE
    await HandOverWatch(on_call.resources).look_once()  # each time as after a restart
    rows = await on_call.database.pool.fetch("SELECT contact, title FROM deliveries WHERE kind = 'notice' ORDER BY 2")
    return {row["contact"]: row["title"] for row in rows}


async def notices(on_call: OnCallStory) -> int:
    count: int = await on_call.database.pool.fetchval("SELECT count(*) FROM deliveries WHERE kind = 'notice'")
    return count


async def test_both_hear_of_it_once_and_late_if_nobody_looked(on_call: OnCallStory) -> None:
    assert await told_at(on_call, -1) == {}, "Ann has it for a day"
    assert await told_at(on_call, 40) == {
        "person:ann": "Pumpwatch LOW: your turn is over",
        "person:bob": "Pumpwatch LOW: you are on call",
    }
    await told_at(on_call, 41)
    assert await notices(on_call) == 2
    await dispatcher_for(on_call.resources).send_due()
    assert sorted(on_call.received()) == ["Ann", "Bob"]
    assert "/brief" in " ".join(page.body for page in on_call.collector.pages)
    assert await told_at(on_call, 24 * 60 - 1) != {}
    assert await notices(on_call) == 2, "with nothing open nobody waits for an answer"


async def test_what_waits_rings_for_who_comes_and_who_does_not_take_it_over_is_told_of(on_call: OnCallStory) -> None:
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    assert (await told_at(on_call, 1))["person:bob"] == "Pumpwatch HIGH: you are on call"
    await told_at(on_call, 59)
    assert await notices(on_call) == 2
    found = await told_at(on_call, 61)
    assert found["person:vic"] == "Pumpwatch LOW: a turn was not taken over"
    assert await notices(on_call) == 4, "Vic, who is the administrator, and Ann, who left"


async def test_who_took_it_over_is_not_told_of(on_call: OnCallStory) -> None:
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    await told_at(on_call, 1)
    async with on_call.database.pool.acquire() as connection:
        [kept] = await load_rotas(connection, None, on_call.story.now)
        turn = last_hand_over(kept.rota, on_call.story.now, timedelta(hours=12))
        assert turn is not None
        for name in ("Bob", "Bobby"):  # twice: the first word stays
            await accept(
                connection, kept.rota_id, on_call.story.clinic_id, turn, BOB, somebody(name), on_call.story.now
            )
    await told_at(on_call, 61)
    assert await notices(on_call) == 2
    names = await on_call.database.pool.fetch("SELECT accepted_name FROM hand_overs")
    assert [row["accepted_name"] for row in names] == ["Bob"]


async def test_a_promise_rings_at_its_time_for_whoever_is_on_call_then(on_call: OnCallStory) -> None:
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    alert = await on_call.database.pool.fetchval("SELECT alert_id FROM alerts")
    async with on_call.database.pool.acquire() as connection:
        await make_promise(
            connection, uuid4(), alert, "Call again", SIX + 2 * 60 * MINUTE, somebody("Ann"),
            on_call.story.now,
        )  # fmt: skip
    due = "SELECT contact FROM deliveries WHERE title = 'Pumpwatch MEDIUM: a promise is due'"
    for minutes, told in ((119, []), (120, ["person:bob"]), (125, ["person:bob"])):
        await told_at(on_call, minutes)
        assert [row["contact"] for row in await on_call.database.pool.fetch(due)] == told
