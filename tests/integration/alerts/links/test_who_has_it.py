"""One takes it, and the others stop at once and hear who has it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx

from schemas.policy import Channel, PagingPolicy
from services.devstack.pages import PageCollector
from tests.alerts_pages import client_for, person
from tests.integration.alerts.links.linked import Linked, link_in, linked
from tests.integration.alerts.receivers import ntfy
from tests.stack import Database


async def both_told(site: Linked) -> str:
    """Ann at once, Bob as nobody answered; returns Bob's link."""
    await site.page()
    site.story.now += timedelta(minutes=10)
    await site.story.new_worker().escalate_once()
    await (await site.dispatcher()).send_due()
    assert len(site.collector.pages) == 2
    return link_in(site.collector.pages[1].body)


async def send(site: Linked, minutes: float = 0) -> list[str]:
    """Let time pass and send; the titles of what came out of it."""
    before = len(site.collector.pages)
    site.story.now += timedelta(minutes=minutes)
    await site.story.new_worker().escalate_once()
    await (await site.dispatcher()).send_due()
    return [page.title for page in site.collector.pages[before:]]


async def test_bob_takes_it_by_his_link_and_ann_hears_it_once(
    database: Database, page_collector: PageCollector, tmp_path: Path
) -> None:
    site = await linked(database, page_collector, tmp_path)
    await site.client.post(await both_told(site))
    assert await send(site) == ["Pumpwatch: Bob has acknowledged"]
    assert "You need do nothing" in site.collector.pages[-1].body
    assert "/l/" not in site.collector.pages[-1].body
    assert await send(site) == []
    assert await send(site, minutes=120) == []
    rows = await site.story.pool.fetch("SELECT contact FROM deliveries WHERE follow_up")
    assert [row["contact"] for row in rows] == ["tann"]


async def test_it_is_told_however_it_was_taken_and_again_when_another_takes_it_later(
    database: Database, page_collector: PageCollector, tmp_path: Path
) -> None:
    site = await linked(database, page_collector, tmp_path)
    await both_told(site)
    async with client_for(site.story, auth=person(site.story, "Cleo")) as board:
        alert_id = (await site.alert())["alert_id"]
        assert (await board.post(f"/v1/alerts/{alert_id}/acknowledge", json={})).is_success
    assert await send(site) == ["Pumpwatch: Cleo has acknowledged"] * 2
    hours = site.story.policy.acknowledgement_expires_hours
    worker = site.story.new_worker()
    site.story.now += timedelta(hours=hours, minutes=1)
    while await worker.sweep_once():
        pass
    assert await send(site) == ["Pumpwatch HIGH (acknowledgement expired; the problem continues): pump alarm"]
    await site.client.post(link_in(site.collector.pages[-1].body))
    assert await send(site) == []  # of this episode only Ann was told, and she has it


async def test_a_clinic_may_switch_it_off(database: Database, page_collector: PageCollector, tmp_path: Path) -> None:
    site = await linked(database, page_collector, tmp_path, paging=PagingPolicy(tell_who_has_it=()))
    await site.client.post(await both_told(site))
    assert await send(site) == []


async def test_the_button_of_a_push_message_answers(
    database: Database, page_collector: PageCollector, tmp_path: Path
) -> None:
    """As the app of ntfy does: it posts to the address of the action."""
    with ntfy() as receiver:
        site = await linked(database, page_collector, tmp_path)
        (first, *others) = site.story.policy.contacts
        channel = Channel(name="push", url=receiver.url)
        contacts = (first.model_copy(update={"channels": (channel,)}), *others)
        site.story.policy = site.story.policy.model_copy(update={"contacts": contacts})
        async with site.story.pool.acquire() as connection:
            words, at = site.story.parse("alarm motor_stall raised")
            await site.story.insert(connection, words, at)
        await site.story.queue()
        await site.story.new_worker().queue_once()
        await (await site.dispatcher()).send_due()
        async with httpx.AsyncClient() as reader:
            message = (await reader.get(receiver.url.replace("ntfy://", "http://") + "/json?poll=1")).json()
    (action,) = message["actions"]
    assert (action["action"], action["label"], action["method"], action["clear"]) == (
        "http",
        "Acknowledge",
        "POST",
        True,
    )
    assert message["click"] == action["url"]
    assert action["url"] in message["message"]
    await site.client.request(action["method"], action["url"])
    assert (await site.alert())["acknowledged_by"] == "Ann"
