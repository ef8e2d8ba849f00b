"""What was answered while the database was away is recorded once, as of when it was given, if it still holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.alerts.policies import policies_of
from services.alerts.web.links.record import Outcome, record_late, settle_waiting
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from services.people.links.answers import Answer
from services.people.links.tokens import Link, Purpose
from services.runtime.database import open_pool
from tests.alerts_pages import KeptAsGiven, client_for, person
from tests.integration.alerts.links.linked import Linked, linked
from tests.logins import web_pool
from tests.stack import Database, eventually


@pytest.fixture
async def site(database: Database, page_collector: PageCollector, tmp_path: Path) -> Linked:
    return await linked(database, page_collector, tmp_path)


def answer(site: Linked, about: UUID, *, who: str = "Ann", purpose: Purpose = Purpose.ALERT) -> Answer:
    """Given now, by the story's clock."""
    return Answer(Link(purpose, about, site.people[who], uuid4()), site.story.now)


async def record(site: Linked, *answers: Answer) -> list[Answer]:
    async with web_pool(site.story.pool).acquire() as connection:
        return await record_late(connection, answers, policies_of(site.story.policy), site.story.now)


async def settle(site: Linked) -> int:
    async with web_pool(site.story.pool).acquire() as connection:
        return await settle_waiting(connection, policies_of(site.story.policy), site.story.now)


async def outcomes(site: Linked) -> list[str | None]:
    rows = await site.story.pool.fetch("SELECT outcome FROM link_answers ORDER BY given_at, taken_at")
    return [row["outcome"] for row in rows]


async def times(site: Linked) -> list[Any]:
    rows = await site.story.pool.fetch("SELECT at FROM alert_transitions WHERE kind = 'acknowledged'")
    return [row["at"] for row in rows]


async def test_it_is_recorded_once_though_it_is_handed_in_again_after_a_kill(site: Linked) -> None:
    await site.page()
    given = answer(site, (await site.alert())["alert_id"])
    site.story.now += timedelta(minutes=30)
    for _ in range(3):  # killed before it was taken out of the file
        assert await record(site, given) == [given]
    assert await times(site) == [given.given_at]
    assert await outcomes(site) == ["taken"]
    alert = await site.alert()
    assert (alert["state"], alert["acknowledged_by"], alert["acknowledged_at"]) == (
        "acknowledged",
        "Ann",
        given.given_at,
    )


async def test_it_acknowledges_nothing_that_has_become_worse_since(site: Linked) -> None:
    """The answer was to what the person saw; what came while nobody could tell them is paged."""
    await site.story.run_more([(0, "level 1.9")])
    before = await site.alert()
    given = answer(site, before["alert_id"])
    await site.story.run_more([(30, "level 0 measured")])
    after = await site.alert()
    assert (before["priority"], after["priority"]) == ("medium", "high")
    assert await record(site, given) == [given]
    assert (await site.alert())["state"] == "active"
    assert await outcomes(site) == ["refused: it has become more urgent, or has returned, since you answered"]


async def test_whose_it_is_by_then_it_stays_and_the_second_hears_why(site: Linked) -> None:
    path = await site.page()
    alert_id = (await site.alert())["alert_id"]
    given = answer(site, alert_id)
    async with client_for(site.story, auth=person(site.story, "Bob")) as board:
        assert (await board.post(f"/v1/alerts/{alert_id}/acknowledge", json={})).is_success
    await record(site, given)
    assert (await site.alert())["acknowledged_by"] == "Bob"
    assert await outcomes(site) == ["refused: Bob has already acknowledged this alert"]
    assert "Acknowledged by Bob." in (await site.client.get(path)).text


async def test_who_was_disabled_meanwhile_has_answered_nothing_and_holds_up_no_other(site: Linked) -> None:
    await site.page()
    alert_id = (await site.alert())["alert_id"]
    by_ann, by_bob = answer(site, alert_id), answer(site, alert_id, who="Bob")
    await site.story.pool.execute(
        "UPDATE persons SET disabled_at = $2, disabled_by = 'test' WHERE person_id = $1",
        site.people["Ann"],
        site.story.now,
    )
    assert await record(site, by_ann, by_bob) == [by_ann, by_bob]
    assert (await site.alert())["acknowledged_by"] == "Bob"
    assert sorted(map(str, await outcomes(site))) == ["refused: you may not act in this clinic (any more)", "taken"]


async def bypassed(site: Linked, event_id: UUID, alert_id: UUID | None, *, settled: bool) -> None:
    """A page went out past the database about that event."""
    story = site.story
    await story.pool.execute(
        "INSERT INTO bypassed_pages (event_id, pump_id, clinic_id, rule, key, step, contact, channel, priority, title,"
        " body, sent_at, alert_id, settled_at)"
        " VALUES ($1, $2, $3, 'pump_alarm', 'infusion', 0, 'tann', 'push', 'high', 't', 'b', $4, $5, $6)",
        event_id, story.pump_id, story.clinic_id, story.now, alert_id, story.now if settled else None,
    )  # fmt: skip


async def test_an_answer_to_an_alarm_waits_for_the_alert_that_comes_of_it(site: Linked) -> None:
    event_id = uuid4()
    given = answer(site, event_id, purpose=Purpose.ALARM)
    await record(site, given)
    assert await outcomes(site) == [None]
    assert await settle(site) == 0
    site.story.now += timedelta(minutes=2)
    await site.page()
    await bypassed(site, event_id, (await site.alert())["alert_id"], settled=True)
    assert await settle(site) == 1
    assert await settle(site) == 0
    assert await outcomes(site) == ["taken"]
    assert await times(site) == [given.given_at]
    assert (await site.alert())["acknowledged_by"] == "Ann"


async def test_an_alarm_that_is_over_by_then_and_one_of_which_nothing_came_are_let_go(site: Linked) -> None:
    over, nothing = answer(site, uuid4(), purpose=Purpose.ALARM), answer(site, uuid4(), purpose=Purpose.ALARM)
    await bypassed(site, over.link.about, None, settled=True)
    await record(site, over, nothing)
    site.story.now += timedelta(hours=24, minutes=1)
    assert await settle(site) == 1
    assert sorted(map(str, await outcomes(site))) == ["no alert came of it", "over"]


async def test_who_presses_again_when_the_database_is_back_has_answered_when_they_first_did(site: Linked) -> None:
    await site.page()
    given = answer(site, (await site.alert())["alert_id"])
    kept = KeptAsGiven(site.story.policy)
    away = await open_pool(f"postgresql://127.0.0.1:{free_port()}/x", application_name="test")
    taken = await site.desk.take(away, kept, given, site.story.now)
    assert (taken.outcome, taken.recorded, taken.told) == (Outcome.WAITS, False, False)  # no worker is there either
    site.story.now += timedelta(minutes=3)
    again = replace(given, given_at=site.story.now)
    taken = await site.desk.take(web_pool(site.story.pool), kept, again, site.story.now)
    assert (taken.outcome, taken.recorded) == (Outcome.TAKEN, True)
    assert await times(site) == [given.given_at]
    recording = asyncio.create_task(site.desk.keep_recording(web_pool(site.story.pool), kept, lambda: site.story.now))
    await eventually(lambda: not site.desk.has(given.link.delivery_id))
    recording.cancel()
    await asyncio.gather(recording, return_exceptions=True)
    assert await times(site) == [given.given_at]
    away.terminate()
