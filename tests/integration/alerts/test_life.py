"""Silences, quiet hours, remarks, groups, and pages that cannot be sent: on a real database and receiver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry

from schemas.events import AlarmCode
from schemas.policy import Channel, Contact, PagingPolicy, Policy, Priority, QuietHours
from services.alerts.clock import utc_now
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.evaluation.worker import Worker
from services.alerts.policies import policies_of
from services.alerts.resources import Resources
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from tests.alerts_pages import STALL, client_for, dispatcher_for, person
from tests.alerts_world import T0, Story, enrol, resources_for, route, stall, verify_undated
from tests.stack import Database, eventually

OTHER = "alarm other raised"
HOUR = timedelta(hours=1)
TRIES: dict[str, Any] = {"send_timeout_seconds": 5, "send_attempts": 3}


def policy_for(*urls: str, **paging: object) -> Policy:
    """The nurse has one channel for each address; the doctor has the last."""
    channels = tuple(Channel(name=f"channel {place}", url=url) for place, url in enumerate(urls))
    people = (Contact(name="nurse", channels=channels), Contact(name="doctor", channels=channels[-1:]))
    steps = route((0, "nurse"), (30, "doctor"))
    return Policy(contacts=people, routes=dict.fromkeys(Priority, steps), paging=PagingPolicy.model_validate(paging))


async def memory_errors(database: Database, names: list[str]) -> None:
    """An alarm of medium priority on every pump."""
    await stall(database, names)
    await database.pool.execute("UPDATE pump_alarms SET code = 'memory_error'")


def changed(policy: Policy, **priorities: Priority) -> Policy:
    """The same policy with other priorities of alarms."""
    alarms = policy.alarm_priorities | {AlarmCode(code): priority for code, priority in priorities.items()}
    return policy.model_copy(update={"alarm_priorities": alarms})


@dataclass
class Site:
    """A pump, its clinic's pager, and the API."""

    story: Story
    resources: Resources
    dispatcher: Dispatcher
    client: httpx.AsyncClient
    pages: PageCollector

    async def happens(self, minute: float, text: str) -> None:
        self.story.now = T0 + timedelta(minutes=minute)
        await self.story._step(self.story.new_worker(), text)
        await self.dispatcher.send_due()

    async def alert(self) -> dict[str, Any]:
        (found,) = (await self.client.get("/v1/alerts")).json()["alerts"]
        return dict(found)

    async def silence(self, **values: object) -> httpx.Response:
        body = {
            "reason": "refill at ten",
            "clinic_id": self.story.clinic_id,
            "pump_id": self.story.pump_id,
            "ends_at": (self.story.now + HOUR).isoformat(),
        }
        return await self.client.post("/v1/silences", json=body | values)

    def titles(self) -> list[str]:
        return [page.title for page in self.pages.pages]


async def site_for(database: Database, page_collector: PageCollector, **paging: object) -> Site:
    policy = policy_for(page_collector.url, **{"group_wait_seconds": 0} | paging)
    story = Story(database.pool, database.dsn, policy=policy)
    await story.enrol()
    resources = story.resources(**TRIES)
    return Site(story, resources, dispatcher_for(resources), client_for(story), page_collector)


@pytest.fixture
async def site(database: Database, page_collector: PageCollector) -> AsyncIterator[Site]:
    here = await site_for(database, page_collector)
    async with here.client:
        yield here


async def test_a_silence_holds_a_page_and_lets_it_go_at_its_end(site: Site) -> None:
    assert (await site.silence(includes_high=True)).status_code == 201
    await site.happens(1, STALL)
    (delivery,) = (await site.alert())["deliveries"]
    assert (delivery["state"], delivery["held_by"], delivery["attempts"]) == ("due", "silence", 0)
    board = (await site.client.get("/")).text
    assert "Not telling nurse by channel 0 yet (silenced), until" in board
    assert "refill at ten" in board
    assert site.titles() == []
    await site.happens(59, "tick")
    assert site.titles() == []
    await site.happens(60, "status")
    assert len(site.titles()) == 2  # the nurse, and the doctor whose step came meanwhile


async def test_a_silence_that_somebody_ends_lets_the_page_go_at_once(site: Site) -> None:
    silence_id = (await site.silence()).json()["silence_id"]
    await site.happens(1, OTHER)
    assert site.titles() == []
    assert (await site.client.post(f"/v1/silences/{silence_id}/end", auth=person(site.story, "Bob"))).status_code == 204
    await site.happens(2, "status")
    assert site.titles() == ["Pumpwatch MEDIUM: pump alarm"]
    assert (await site.client.post(f"/v1/silences/{silence_id}/end", auth=person(site.story, "Bob"))).status_code == 404
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


async def test_a_high_alert_goes_through_a_silence_that_does_not_name_it(site: Site) -> None:
    await site.silence()
    await site.silence(pump_id=None)
    assert (await site.silence(pump_id=None, includes_high=True)).status_code == 409
    assert (await site.silence(clinic_id="nowhere")).json()["detail"] == "there is no clinic 'nowhere'"
    await site.happens(1, STALL)
    assert site.titles() == ["Pumpwatch HIGH: pump alarm"]


async def test_a_silence_made_while_a_page_is_tried_again_holds_it(site: Site) -> None:
    site.pages.answer_status = 500
    await site.happens(0, OTHER)
    await site.silence()
    site.pages.answer_status = 200
    await site.happens(5, "status")
    assert site.titles() == []


async def test_what_is_over_when_the_silence_ends_pages_nobody(site: Site) -> None:
    await site.silence(kind="maintenance")
    await site.happens(1, OTHER)
    await site.happens(2, "alarm other cleared")
    await site.happens(70, "tick")
    assert site.titles() == []


async def test_quiet_hours_hold_low_alerts_until_morning(database: Database, page_collector: PageCollector) -> None:
    site = await site_for(database, page_collector, quiet_hours=QuietHours(begins="08:00", ends="10:00"))
    site.story.policy = changed(site.story.policy, other=Priority.LOW)
    await site.happens(0, "alarm memory_error raised")
    await site.happens(0, OTHER)
    assert site.titles() == ["Pumpwatch MEDIUM: pump alarm"]
    await site.happens(59, "status")
    assert len(site.titles()) == 2  # the doctor, of the medium one
    await site.happens(60, "status")
    assert sorted(site.titles())[:1] == ["Pumpwatch LOW (nobody has acknowledged): pump alarm"]


async def test_remarks_stand_in_the_audit_trail(site: Site) -> None:
    await site.happens(0, STALL)
    alert_id = (await site.alert())["alert_id"]
    url = f"/v1/alerts/{alert_id}/remarks"
    assert (await site.client.post(url, json={"text": "called the ward"})).status_code == 204
    done = {"text": "pump interrogated, stall recovered", "acted": True}
    assert (await site.client.post(url, json=done, auth=person(site.story, "Bob"))).status_code == 204
    assert (await site.client.post(url, json={"text": " "})).status_code == 422
    assert (await site.client.post(f"/v1/alerts/{UUID(int=1)}/remarks", json=done)).status_code == 404
    trail = (await site.client.get(f"/v1/alerts/{alert_id}")).json()["transitions"]
    assert [(each["kind"], each["detail"].get("name"), each["detail"].get("note")) for each in trail[1:]] == [
        ("commented", "Ann", "called the ward"),
        ("acted", "Bob", "pump interrogated, stall recovered"),
    ]
    async with site.story.pool.acquire() as connection:
        assert (await verify_undated(connection)).faults == ()
    await site.happens(1, "ack Ann")  # a remark takes nothing from anybody
    page = (await site.client.get(f"/alerts/{alert_id}")).text
    assert "Done by Bob" in page


async def test_the_boards_forms(site: Site) -> None:
    await site.happens(0, OTHER)
    alert_id = (await site.alert())["alert_id"]
    refused = await site.client.post(f"/alerts/{alert_id}/remark", data={"text": "half a senten" + "x" * 1000})
    assert (refused.status_code, "half a senten" in refused.text) == (422, True)
    said = await site.client.post(f"/alerts/{alert_id}/remark", data={"text": "<b>seen</b>"})
    assert (said.status_code, said.headers["location"]) == (303, f"/alerts/{alert_id}")
    assert "&lt;b&gt;seen" in (await site.client.get(f"/alerts/{alert_id}")).text
    form = await site.client.get(f"/alerts/{alert_id}/silence")
    assert (form.status_code, "with high alerts 4" in form.text) == (200, True)
    ask = {"reason": "known", "hours": "2"}
    for wrong in (
        {"hours": "nan"},
        {"hours": "x"},
        {"reason": ""},
        {"kind": "x"},
        {"begins_in_hours": "-1"},
    ):
        assert (await site.client.post(f"/alerts/{alert_id}/silence", data=ask | wrong)).status_code == 422
    too_long = await site.client.post(f"/alerts/{alert_id}/silence", data=ask | {"hours": "999"})
    assert (too_long.status_code, "at most 168 hours" in too_long.text) == (409, True)
    assert (await site.client.post(f"/alerts/{alert_id}/silence", data=ask | {"hours": "1,5"})).status_code == 303
    (silence,) = (await site.client.get("/v1/silences")).json()["silences"]
    assert (silence["rule"], silence["pump_id"], silence["created_by"]) == ("pump_alarm", site.story.pump_id, "Ann")
    ended = f"/silences/{silence['silence_id']}/end"
    assert (await site.client.post(ended)).status_code == 303
    assert (await site.client.post(ended)).status_code == 404
    for url in (f"/alerts/{UUID(int=1)}/silence", f"/alerts/{UUID(int=1)}/remark"):
        assert (await site.client.post(url, data=ask | {"text": "x"})).status_code == 404
    assert (await site.client.get(f"/alerts/{UUID(int=1)}/silence")).status_code == 404


async def test_the_next_channel_is_used_when_one_fails(database: Database, page_collector: PageCollector) -> None:
    policy = policy_for("env:NOT_SET", f"json://127.0.0.1:{free_port()}/", page_collector.url)
    story = Story(database.pool, database.dsn, policy=policy)
    await story.run([])
    await stall(database, [story.pump_id])
    await story.new_worker().queue_once()
    dispatcher = dispatcher_for(story.resources(**TRIES))
    await dispatcher.send_due()  # the first fails for good, the second once
    assert not list(page_collector.pages)
    story.now += timedelta(seconds=3)
    await dispatcher.send_due()  # the second fails again, and the third is used beside it
    assert len(page_collector.pages) == 1
    rows = await database.pool.fetch("SELECT channel, state, kind FROM deliveries ORDER BY channel")
    assert [tuple(row) for row in rows] == [
        ("channel 0", "failed", "opened"),
        ("channel 1", "due", "opened"),
        ("channel 2", "sent", "opened"),
    ]


async def test_the_next_contact_is_told_when_the_first_cannot_be(
    database: Database, page_collector: PageCollector
) -> None:
    policy = policy_for(page_collector.url)
    nobody = Contact(name="nurse", channels=(Channel(name="sms", url="env:NOT_SET"),))
    once = {each: route.model_copy(update={"repeat_minutes": 0}) for each, route in policy.routes.items()}
    policy = policy.model_copy(update={"contacts": (nobody, policy.contacts[1]), "routes": once})
    story = Story(database.pool, database.dsn, policy=policy)
    await story.run([])
    await stall(database, [story.pump_id])
    worker = story.new_worker()
    await worker.queue_once()
    await dispatcher_for(story.resources(**TRIES)).send_due()
    assert len(page_collector.pages) == 1  # the doctor, half an hour early
    story.now += timedelta(minutes=31)
    await worker.escalate_once()
    await dispatcher_for(story.resources(**TRIES)).send_due()
    assert len(page_collector.pages) == 1


async def test_what_reaches_nobody_is_on_the_board_and_in_a_metric(database: Database) -> None:
    policy = policy_for("env:NOT_SET")
    story = Story(database.pool, database.dsn, policy=policy)
    await story.run([])
    await stall(database, [story.pump_id])
    registry = CollectorRegistry()
    resources = resources_for(database.pool, database.dsn, policy, registry=registry)
    worker = Worker(resources)
    await worker.queue_once()
    await worker.measure_once()
    assert registry.get_sample_value("pumpwatch_alerts_unreached") == 0  # being told
    await dispatcher_for(resources).send_due()
    await worker.measure_once()
    assert registry.get_sample_value("pumpwatch_alerts_unreached") == 1
    async with client_for(story) as client:
        assert "1 alert has reached nobody" in (await client.get("/")).text
        assert "reached nobody" not in (await client.get("/", params={"clinic_id": "another"})).text


async def test_2000_at_once_are_one_page_for_each_clinic(database: Database, page_collector: PageCollector) -> None:
    names = await enrol(database, 2000, clinics=4)
    policy = policy_for(page_collector.url)
    await memory_errors(database, names)
    began = time.monotonic()
    resources = resources_for(database.pool, database.dsn, policy, clock=utc_now, **TRIES)
    worker = Worker(resources)
    running = asyncio.create_task(dispatcher_for(resources).run())
    try:
        while await worker.queue_once():
            pass
        pages = await page_collector.wait_for(4, within_seconds=60)
        took = time.monotonic() - began

        async def all_recorded() -> bool:
            query = "SELECT count(*) = 2000 FROM deliveries WHERE state = 'sent' AND group_id IS NOT NULL"
            return bool(await database.pool.fetchval(query))

        await eventually(all_recorded, 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert took < 60
    assert [page.title for page in pages] == ["Pumpwatch MEDIUM: 500 alerts: pump alarm"] * 4
    assert "pump-" not in str([page.raw for page in pages])
    assert {f"clinic_id=clinic-{number}" in str([page.body for page in pages]) for number in range(4)} == {True}


@pytest.mark.alone
async def test_500_high_alarms_at_once_are_500_pages_within_10_seconds(
    database: Database, page_collector: PageCollector
) -> None:
    names = await enrol(database, 500)
    policy = policy_for(page_collector.url)
    resources = resources_for(database.pool, database.dsn, policy, clock=utc_now, **TRIES)
    worker = Worker(resources)
    running = asyncio.create_task(dispatcher_for(resources).run())
    try:
        began = time.monotonic()
        await stall(database, names)
        while await worker.queue_once():
            pass
        pages = await page_collector.wait_for(500, within_seconds=30)
        assert time.monotonic() - began < 10
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(pages) == len({page.body for page in pages}) == 500


async def test_a_group_that_cannot_be_sent_is_sent_by_the_next_channel(
    database: Database, page_collector: PageCollector
) -> None:
    names = await enrol(database, 20)
    policy = policy_for("env:NOT_SET", page_collector.url, group_wait_seconds=0)
    await memory_errors(database, names)
    resources = resources_for(database.pool, database.dsn, policy, **TRIES)
    await Worker(resources).queue_once()
    dispatcher = dispatcher_for(resources)
    await dispatcher.send_due()
    await dispatcher.send_due()
    assert [page.title for page in page_collector.pages] == ["Pumpwatch MEDIUM: 20 alerts: pump alarm"]
    states = await database.pool.fetch(
        "SELECT channel, state, count(*) FROM deliveries WHERE alert_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
    )
    assert [tuple(row) for row in states] == [("channel 0", "failed", 20), ("channel 1", "sent", 20)]


async def test_a_silence_takes_its_pump_out_of_a_group(site: Site) -> None:
    await site.silence(includes_high=False)
    names = await enrol(Database("", site.story.dsn, site.story.pool), 3)
    await site.story.pool.execute("UPDATE devices SET clinic_id = $1", site.story.clinic_id)
    paging = site.story.policy.paging.model_copy(update={"group_from": 3})
    site.story.policy = site.story.policy.model_copy(update={"paging": paging})
    site.resources.policies.now = policies_of(site.story.policy)
    await memory_errors(Database("", site.story.dsn, site.story.pool), [*names, site.story.pump_id])
    await site.happens(1, "tick")
    assert site.titles() == ["Pumpwatch MEDIUM: 3 alerts: pump alarm"]
