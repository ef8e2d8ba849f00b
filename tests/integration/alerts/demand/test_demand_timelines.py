"""Demand that rises and stays: one alert, until demand falls or a person accepts the level; and how that is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from services.alerts.backtest.run import backtest
from services.alerts.facts.from_events import History
from services.alerts.facts.store import load_facts
from tests.alerts_pages import STALL, Site, client_for, person
from tests.alerts_world import POLICY, T0, Step, Story, verify_undated
from tests.integration.alerts.timelines import TWO_A_DAY
from tests.stack import Database

DAY = 1440
OPENED = "1 bolus_demand opened medium"


def daily(first: int, last: int, times: int) -> list[Step]:
    """So many requests on each day from day `first` to day `last`, uploaded as they are made."""
    return [(day * DAY + 1, f"bolus delivered x{times}") for day in range(first, last + 1)]


@pytest.fixture
async def story(database: Database) -> Story:
    return Story(database.pool, database.dsn)


@pytest.fixture
async def site(story: Story) -> AsyncIterator[Site]:
    async with client_for(story) as client:
        yield Site(story, client)


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "every step goes wrong once"])
async def test_a_surge_that_goes_on_is_one_alert_until_demand_falls(story: Story, rough: bool) -> None:
    story.rough = rough
    await story.run([*TWO_A_DAY, *daily(0, 14, 12), *daily(15, 18, 2)])
    assert await story.trail() == [OPENED, f"{17 * DAY + 1} bolus_demand closed medium"]


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "every step goes wrong once"])
async def test_a_surge_that_looks_like_over_once_is_not_over(story: Story, rough: bool) -> None:
    story.rough = rough
    back = (16 * DAY + 360, "bolus delivered x12")
    await story.run([*TWO_A_DAY, *daily(0, 14, 12), *daily(15, 16, 2), back, (16 * DAY + 780, "tick")])
    assert await story.trail() == [OPENED]
    await story.run_more(daily(17, 22, 2))
    assert await story.trail() == [OPENED, f"{18 * DAY + 1} bolus_demand closed medium"]


async def test_a_level_that_a_person_accepts_is_the_new_one(story: Story) -> None:
    await story.run([*TWO_A_DAY, *daily(0, 3, 12), (3 * DAY + 60, "accept Ann the new dose wears off sooner")])
    accepted = [OPENED, f"{3 * DAY + 60} bolus_demand closed medium"]
    assert await story.trail() == accepted
    await story.run_more([(3 * DAY + 70, "tick"), *daily(4, 12, 12)])
    assert await story.trail() == accepted
    await story.run_more([(13 * DAY + 1, "bolus delivered x40")])
    assert await story.trail() == [*accepted, f"{13 * DAY + 1} bolus_demand opened medium"]
    assert (await story.pages())[-1] == f"{13 * DAY + 1} nurse opened"


async def test_a_further_surge_minutes_after_the_acceptance_pages(story: Story) -> None:
    """It is not the same alert that flaps: nobody was told of this one."""
    await story.run([*TWO_A_DAY, (1, "bolus delivered x12"), (60, "accept Ann known")])
    await story.run_more([(65, "bolus delivered x60 @64")])
    assert await story.trail() == [OPENED, "60 bolus_demand closed medium", "65 bolus_demand opened medium"]
    assert (await story.pages())[-1] == "65 nurse opened"


async def test_a_backtest_takes_the_acceptance_as_said(story: Story, database: Database) -> None:
    await story.run([*TWO_A_DAY, *daily(0, 3, 12), (3 * DAY + 60, "accept Ann known"), *daily(4, 12, 12)])
    async with database.pool.acquire() as connection:
        found = await backtest(connection, POLICY, T0, story.now, clinic_id=story.clinic_id, sweep=timedelta(days=400))
        (facts,) = await load_facts(connection, [story.pump_id], story.now, windows=40)
        (earlier,) = await load_facts(connection, [story.pump_id], T0 + timedelta(days=3), windows=40)
    assert [each.kind.value for each in found.changes] == ["opened", "closed"]
    assert facts.accepted is not None
    assert facts.accepted.at == T0 + timedelta(days=3, minutes=60)
    assert (facts.accepted.at - facts.accepted.since, facts.accepted.per_day) == (timedelta(days=4), 12.125)
    assert earlier.accepted is None
    history = History(story.pump_id, story.clinic_id, accepted=[facts.accepted])
    assert history.facts(story.now, 40).accepted == facts.accepted
    assert history.facts(T0 + timedelta(days=3), 40).accepted is None


async def test_over_http(site: Site) -> None:
    await site.story.run([*TWO_A_DAY, (1, "bolus delivered x12")])
    alert = await site.alert()
    where, words = f"/v1/alerts/{alert['alert_id']}/accept", {"note": "new work, more pain"}
    assert (await site.client.post(where, json={"note": " "})).status_code == 422
    site.story.now += timedelta(minutes=3)
    assert [(await site.client.post(where, json=words)).status_code for _ in range(2)] == [204, 204]
    other = await site.client.post(where, json={"note": "me too"}, auth=person(site.story, "Ben"))
    assert (other.status_code, other.json()["detail"]) == (409, "Ann has already accepted this level")
    assert (await site.client.post(f"/v1/alerts/{UUID(int=1)}/accept", json=words)).status_code == 404
    alert = await site.alert("closed")
    assert (alert["accepted_by"], alert["accepted_per_day"]) == ("Ann", 12.5)
    assert alert["accepted_at"] == alert["closed_at"] == "2026-03-02T09:04:00Z"
    last = (await site.client.get(f"/v1/alerts/{alert['alert_id']}")).json()["transitions"][-1]
    assert (last["kind"], last["reason"], last["detail"]["name"]) == ("closed", "person_accepted", "Ann")
    assert last["detail"]["note"] == "new work, more pain (12.5 requests a day)"
    async with site.story.pool.acquire() as connection:
        assert not (await verify_undated(connection)).faults
        queued = await connection.fetchval("SELECT pump_ids FROM evaluation_queue ORDER BY queue_id DESC LIMIT 1")
    assert queued == [site.story.pump_id]


async def test_what_is_no_level_of_demand_cannot_be_accepted(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert = await site.alert()
    refused = await site.client.post(f"/v1/alerts/{alert['alert_id']}/accept", json={"note": "fine"})
    assert (refused.status_code, "not about a level of demand" in refused.json()["detail"]) == (409, True)
    assert (await site.alert())["state"] == "active"
    assert "Accept" not in (await site.client.get(f"/alerts/{alert['alert_id']}")).text


async def test_on_the_board(site: Site) -> None:
    await site.story.run([*TWO_A_DAY, (1, "bolus delivered x12"), (5, "ack Ben")])
    here = f"/alerts/{(await site.alert())['alert_id']}"
    assert f'<a href="{here}">Accept the new level</a>' in (await site.client.get("/")).text
    for missing in ("note", "sure"):
        form = {"note": "more pain", "sure": "1"} | {missing: " " if missing != "sure" else ""}
        refused = await site.client.post(f"{here}/accept", data=form)
        assert (refused.status_code, "Say why" in refused.text) == (422, True)
    done = await site.client.post(f"{here}/accept", data={"note": "<b>more</b>", "sure": "1"})
    assert (done.status_code, done.headers["Location"]) == (303, here)
    page = (await site.client.get(here)).text
    assert "accepted as the new level by Ann" in page
    assert "Accepted as the new level by Ann" in page
    assert "&lt;b&gt;more&lt;/b&gt;" in page
    assert f'action="{here}/accept"' not in page
    again = await site.client.post(
        f"{here}/accept", data={"note": "me too", "sure": "1"}, auth=person(site.story, "Ben")
    )
    assert (again.status_code, "Not accepted: Ann has already accepted this level." in again.text) == (409, True)
