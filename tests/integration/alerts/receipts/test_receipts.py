"""A service took the page; what it says later of the phone is asked for, shown, and acted on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.policy import Channel, Contact, Policy, Priority
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.delivery.receipts.channel import Services
from services.alerts.delivery.receipts.watch import ReceiptWatch
from services.alerts.resources import Resources
from services.devstack.pages import PageCollector
from tests.alerts_pages import client_for
from tests.alerts_world import Story, route, stall
from tests.integration.alerts.receipts.services import (
    ACCOUNT,
    APPLICATION,
    EMERGENCY,
    LOGIN,
    MESSAGE,
    RECEIPT,
    SMS,
    USER,
    MessageServices,
    message_services,
)
from tests.stack import Database


@dataclass
class World:
    """A stall, a nurse by a message service and then by a pager, and both services."""

    services: MessageServices
    database: Database
    pager: PageCollector
    story: Story
    resources: Resources
    channels: Channels

    async def page(self) -> None:
        await Dispatcher(self.resources, self.channels).send_due()

    async def look(self, seconds: float = 6) -> None:
        self.story.now += timedelta(seconds=seconds)
        await ReceiptWatch(self.resources, self.channels).look_once()

    async def first(self) -> dict[str, Any]:
        row = await self.database.pool.fetchrow("SELECT * FROM deliveries WHERE channel = 'phone'")
        return dict(row or {})

    async def board(self) -> str:
        async with client_for(self.story) as client:
            alert_id = await self.database.pool.fetchval("SELECT alert_id FROM alerts")
            page = (await client.get(f"/alerts/{alert_id}")).text
        assert not [secret for secret in (LOGIN, APPLICATION, USER, RECEIPT, MESSAGE) if secret in page]
        return page


@pytest.fixture
async def make(database: Database, page_collector: PageCollector) -> AsyncIterator[Any]:
    with message_services() as services:

        async def made(url: str) -> World:
            channels = (Channel(name="phone", url=url), Channel(name="pager", url=page_collector.url))
            policy = Policy(
                contacts=(Contact(name="nurse", channels=channels),), routes={Priority.HIGH: route((0, "nurse"))}
            )
            story = Story(database.pool, database.dsn, policy=policy)
            await story.enrol()
            await stall(database, [story.pump_id])
            await story.new_worker().queue_once()
            at = Services(twilio=services.url, pushover=services.url)
            return World(services, database, page_collector, story, story.resources(), Channels(2.0, services=at))

        yield made


async def test_a_text_message_that_no_phone_got_has_failed_and_the_next_channel_rings(make: Any) -> None:
    world = await make(SMS)
    await world.page()
    [sent] = world.services.sent
    assert (sent["From"], sent["To"]) == ("+14155550100", "+14155550123")
    assert sent["Body"].startswith("Pumpwatch HIGH: pump alarm\nAlert ")
    assert (await world.first())["state"] == "sent"
    assert world.pager.pages == ()

    world.services.says = {"status": "sent", "error_code": None}
    await world.look()
    assert (await world.first())["receipt_said"] is None
    world.services.says = {"status": "undelivered", "error_code": 30003}
    await world.look()
    failed = await world.first()
    words = "Twilio says that it was not delivered: undelivered with error 30003"
    assert (failed["state"], failed["last_error"], failed["receipt_said"]) == ("failed", words, "not_arrived")
    assert "Nobody reached yet." in await world.board()
    await world.page()
    assert [page.title for page in world.pager.pages] == ["Pumpwatch HIGH: pump alarm"]
    board = await world.board()
    assert f"Could not tell nurse by phone: {words}" in board
    assert "Told: nurse by pager" in board
    asked = len(world.services.asked)
    await world.look(3_600)
    assert len(world.services.asked) == asked, "it has said everything"


async def test_a_phone_has_the_text_message(make: Any) -> None:
    world = await make(SMS)
    await world.page()
    world.services.says = {"status": "delivered"}
    await world.look()
    assert "On the phone: nurse by phone" in await world.board()
    assert world.pager.pages == ()


async def test_an_emergency_of_pushover_is_on_the_phone_and_then_answered_there(make: Any) -> None:
    world = await make(EMERGENCY)
    await world.page()
    [sent] = world.services.sent
    assert {name: sent[name] for name in ("priority", "retry", "expire")} == {
        "priority": "2",
        "retry": "60",
        "expire": "600",
    }
    assert sent["title"] == "Pumpwatch HIGH: pump alarm"
    at = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp())
    world.services.says = {"status": 1, "acknowledged": 0, "last_delivered_at": at, "expired": 0}
    await world.look()
    assert "On the phone: nurse by phone" in await world.board()
    world.services.says |= {"acknowledged": 1, "acknowledged_at": at + 20}
    await world.look()
    assert "Confirmed in the app: nurse by phone" in await world.board()
    assert (await world.first())["receipt_said_at"] == datetime(2026, 3, 2, 10, 0, 20, tzinfo=UTC)


async def test_a_service_that_does_not_say_is_asked_again_and_not_for_ever(make: Any) -> None:
    world = await make(SMS)
    await world.page()
    world.services.status = 503
    for _ in range(60):
        await world.look(300)
    assert 20 < len(world.services.asked) < 60
    row = await world.first()
    assert (row["state"], row["receipt_said"], row["receipt_ask_at"]) == ("sent", None, None)
    assert world.pager.pages == ()


@pytest.mark.parametrize("takes", [{}, {"sid": None}, {"sid": "../../x"}, [], b"<html>"])
async def test_without_a_receipt_the_page_has_gone_out_and_nothing_is_asked(make: Any, takes: Any) -> None:
    world = await make(SMS)
    world.services.takes = takes
    await world.page()
    assert (await world.first())["state"] == "sent"
    await world.look()
    assert world.services.asked == []


@pytest.mark.parametrize(("status", "state"), [(400, "failed"), (401, "failed"), (429, "due"), (503, "due")])
async def test_a_service_that_refuses_is_like_any_other_receiver(make: Any, status: int, state: str) -> None:
    world = await make(SMS)
    world.services.status = status
    await world.page()
    row = await world.first()
    place = world.services.url.removeprefix("http://")
    assert (row["state"], row["last_error"]) == (state, f"the receiver answered {status} ({place})")
    assert (len(world.pager.pages) == 1) == (state == "failed")


@pytest.mark.parametrize(
    "url",
    [
        f"{SMS}/+14155550124",
        f"{SMS}?method=call",
        f"twilio://{ACCOUNT}:{LOGIN}@+14155550100/w:+14155550123",
        f"pover://{USER}@{APPLICATION}",
        f"pover://{USER}@{APPLICATION}?priority=high",
        "ntfys://ntfy.example.org/topic",
    ],
)
def test_what_only_apprise_can_do_goes_through_apprise(url: str) -> None:
    assert not Channels(1.0)._receipted.takes(url)
