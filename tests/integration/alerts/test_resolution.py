"""An alert about one thing that happened is resolved by a person and never comes back; the next is another alert."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from schemas.paths import SQL_FOLDER
from services.devstack.servers.postgres import DatabaseServer
from services.runtime.migrate import migrate
from tests.alerts_pages import STALL, Site, client_for, person
from tests.alerts_world import T0, Step, Story, verify_undated
from tests.stack import Database, execute_at

DAY = 1440
MISSING = "refill 38 10 5"
TICKS: list[Step] = [(day * DAY, "tick") for day in range(1, 5)]


@pytest.fixture
async def story(database: Database) -> Story:
    return Story(database.pool, database.dsn)


@pytest.fixture
async def site(story: Story) -> AsyncIterator[Site]:
    async with client_for(story) as client:
        yield Site(story, client)


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "every step goes wrong once"])
async def test_it_closes_for_good_and_the_next_refill_is_another_alert(story: Story, rough: bool) -> None:
    story.rough = rough
    await story.run([(0, MISSING), (5, "ack Ann"), (30, "resolve Ben the programmer had the old volume"), *TICKS])
    resolved = ["0 infusion opened medium", "5 infusion acknowledged medium", "30 infusion closed medium"]
    assert await story.trail() == resolved
    assert await story.pages() == ["0 nurse opened"]
    await story.run_more([(5 * DAY, "refill 38 10 4"), (5 * DAY + 1, "tick")])
    assert await story.trail() == [*resolved, "7200 infusion opened medium"]
    assert await story.pages() == ["0 nurse opened", "7200 nurse opened"]


async def test_without_that_it_comes_back_when_the_acknowledgement_expires(story: Story) -> None:
    await story.run([(0, MISSING), (5, "ack Ann"), (DAY, "tick")])
    assert (await story.trail())[-1] == "1440 infusion acknowledgement_expired medium"


async def test_a_second_refill_with_a_discrepancy_pages_though_the_first_is_taken(story: Story) -> None:
    await story.run([(0, MISSING), (5, "ack Ann"), (60, "refill 36 12 6")])
    assert await story.pages() == ["0 nurse opened", "60 nurse opened"]


async def test_an_older_refill_that_arrives_later_does_not_bring_it_back(story: Story) -> None:
    await story.run([(0, MISSING), (30, "resolve Ben checked"), (60, "refill 38 5 5 @-80000"), *TICKS])
    assert (await story.trail())[-1] == "30 infusion closed medium"


async def test_over_http(site: Site) -> None:
    await site.story.run([(0, MISSING)])
    alert = await site.alert()
    where, words = f"/v1/alerts/{alert['alert_id']}/resolve", {"note": "old volume; reprogrammed"}
    assert (await site.client.post(where, json={"note": "  "})).status_code == 422
    site.story.now += timedelta(minutes=3)
    assert [(await site.client.post(where, json=words)).status_code for _ in range(2)] == [204, 204]
    other = await site.client.post(where, json={"note": "me too"}, auth=person(site.story, "Eve"))
    assert (other.status_code, other.json()["detail"]) == (409, "Ann has already resolved this alert")
    assert (await site.client.post(f"/v1/alerts/{UUID(int=1)}/resolve", json=words)).status_code == 404

    alert = await site.alert("closed")
    assert (alert["resolved_by"], alert["resolution"]) == ("Ann", "old volume; reprogrammed")
    assert alert["resolved_at"] == alert["closed_at"] == "2026-03-02T09:03:00Z"
    last = (await site.client.get(f"/v1/alerts/{alert['alert_id']}")).json()["transitions"][-1]
    assert (last["kind"], last["reason"], last["detail"]["name"]) == ("closed", "person_resolved", "Ann")
    assert last["detail"]["note"] == "old volume; reprogrammed"
    async with site.story.pool.acquire() as connection:
        assert not (await verify_undated(connection)).faults


async def test_what_ends_by_itself_cannot_be_resolved(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert = await site.alert()
    refused = await site.client.post(f"/v1/alerts/{alert['alert_id']}/resolve", json={"note": "done"})
    assert refused.status_code == 409
    assert "ends by itself when its condition does" in refused.json()["detail"]
    assert (await site.alert())["state"] == "active"
    assert "Resolved" not in (await site.client.get(f"/alerts/{alert['alert_id']}")).text


async def test_pages_that_have_not_gone_out_are_cancelled(site: Site) -> None:
    await site.story.enrol()
    async with site.story.pool.acquire() as connection:
        await site.story.insert(connection, MISSING.split(), T0)
    await site.story.queue()
    await site.story.new_worker().queue_once()
    alert = await site.alert()
    await site.client.post(f"/v1/alerts/{alert['alert_id']}/resolve", json={"note": "done"})
    assert [each["state"] for each in (await site.alert("closed"))["deliveries"]] == ["cancelled"]


async def test_on_the_board(site: Site) -> None:
    await site.story.run([(0, MISSING), (5, "ack Ann")])
    alert = await site.alert()
    here = f"/alerts/{alert['alert_id']}"
    assert f'<a href="{here}">Resolve it</a>' in (await site.client.get("/")).text
    refused = await site.client.post(f"{here}/resolve", data={"note": " "})
    assert refused.status_code == 422
    assert "Give what was done" in refused.text
    done = await site.client.post(f"{here}/resolve", data={"note": "<b>old volume</b>"})
    assert (done.status_code, done.headers["Location"]) == (303, here)
    page = (await site.client.get(here)).text
    assert "resolved by Ann" in page
    assert "Resolved by Ann" in page
    assert "&lt;b&gt;old volume&lt;/b&gt;" in page
    assert 'action="/alerts/' + str(alert["alert_id"]) + '/resolve"' not in page
    again = await site.client.post(f"{here}/resolve", data={"note": "me too"}, auth=person(site.story, "Eve"))
    assert (again.status_code, "Not resolved: Ann has already resolved this alert." in again.text) == (409, True)


async def test_an_alert_of_before_goes_on_under_its_new_key(timescaledb: DatabaseServer, tmp_path: Path) -> None:
    """From a schema without resolutions: nobody is paged again for what is open."""
    name = f"pumpwatch_before_0016_{os.getpid()}"
    for file in SQL_FOLDER.glob("*.sql"):
        if file.name < "0016":
            shutil.copy(file, tmp_path)
    await execute_at(timescaledb.dsn(), f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(timescaledb.dsn(name))
    try:
        await migrate(connection, tmp_path)
        await connection.execute("INSERT INTO clinics VALUES ('north', 'north')")
        await connection.execute(
            "INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, "
            "updated_at, policy_version) SELECT 'north', 'pump-1', 'infusion', key, 'medium', state, '', '', $1, $1, "
            "$1, '1' FROM (VALUES ('refill', 'acknowledged'), ('refill', 'closed'), ('volume', 'active')) "
            "AS n (key, state)",
            T0,
        )
        await migrate(connection, SQL_FOLDER)
        keys = [row["key"] for row in await connection.fetch("SELECT key FROM alerts ORDER BY key")]
    finally:
        await connection.close()
        await execute_at(timescaledb.dsn(), f"DROP DATABASE {name} WITH (FORCE)")
    assert keys == ["refill", "refill@2026-03-02T09:00:00Z", "volume"]
