"""A nurse's phone: her channels, the drill, and a page that was pushed to the browser itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from services.alerts.web.api import create_app
from services.alerts.web.identity.browser import session_cookie
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from services.people.channels.push_key import new_push_key
from services.people.model import Role
from tests.alerts_pages import web_of_story
from tests.browser.chromium import chromium
from tests.integration.people.channels.own import OwnChannels, code_in, link_in
from tests.servers.served import served
from tests.signed_in import make_person, make_session
from tests.stack import Database, eventually

PHONE = {"width": 390, "height": 844}
NOON = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
WIDTH = "document.documentElement.scrollWidth"


class Phone:
    """Ann's browser, signed in at a board that runs."""

    def __init__(self, own: OwnChannels, url: str, context: BrowserContext, page: Page) -> None:
        self.own, self.url, self.context, self.page = own, url, context, page

    async def at_channels(self) -> None:
        await self.page.goto(f"{self.url}/account/channels")

    async def text(self) -> str:
        return await self.page.locator("main").inner_text()


@pytest.fixture
async def phone(database: Database, page_collector: PageCollector) -> AsyncIterator[Phone]:
    own = OwnChannels(database, page_collector)
    await own.story.enrol()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings: dict[str, Any] = {"public_url": url, "channel_kinds": ("json",), "push_public_key": new_push_key().public}
    app = create_app(web_of_story(own.story, **settings))
    person_id = await make_person(database.pool, "Ann", Role.RESPONDER, own.story.now)
    token = await make_session(database.pool, person_id, own.story.now)
    async with served(app, port), chromium(()) as browser:
        context = await browser.new_context(viewport=PHONE, locale="en-GB")  # type: ignore[arg-type]
        await context.add_cookies([{"name": session_cookie(url), "value": token, "url": url}])
        page = await context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        yield Phone(own, url, context, page)
    assert troubles == []


async def test_a_channel_is_added_verified_and_its_drill_is_answered_without_signing_in(phone: Phone) -> None:
    own, page = phone.own, phone.page
    await phone.at_channels()
    assert "no page of a rota can reach you" in await phone.text()
    await page.get_by_label("Its name").fill("my phone")
    await page.get_by_label("Address").fill(f"{own.pager.url}a-long-secret-topic")
    await page.get_by_role("button", name="Add it, and send a code").click()
    await page.get_by_text("A code is on its way").wait_for()
    await page.get_by_label("Code that was sent there").fill(code_in(await own.send()))
    await page.get_by_role("button", name="Verify").click()
    await page.get_by_text("Pages go there from now on").wait_for()
    assert "secret" not in await page.content()
    assert await page.evaluate(WIDTH) <= PHONE["width"]

    own.story.now = NOON
    await own.watch().look_once()
    link = link_in(await own.send())
    await phone.context.clear_cookies()
    await page.goto(f"{phone.url}{link}")
    assert "Drill: no alarm" in await phone.text()
    assert await page.evaluate(WIDTH) <= PHONE["width"]
    await page.get_by_role("button", name="I heard it").click()
    await page.get_by_text("it is written down").wait_for()
    assert await own.row("proven_at") == NOON


async def test_what_is_pushed_is_shown_by_the_browser_and_leads_to_its_page(phone: Phone) -> None:
    await phone.context.grant_permissions(["notifications"], origin=phone.url)
    devtools = await phone.context.new_cdp_session(phone.page)
    registered: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registered.extend(each["registrationId"] for each in event["registrations"]),
    )
    await devtools.send("ServiceWorker.enable")
    await phone.at_channels()
    assert await phone.page.get_by_role("button", name="Let this browser show pages").is_visible()
    await phone.page.evaluate(
        "navigator.serviceWorker.register('/push-worker.js').then(() => navigator.serviceWorker.ready)"
    )
    await eventually(lambda: registered)
    # Ready is also one that is still being activated, and what is pushed to that may be lost.
    active = "navigator.serviceWorker.ready.then((one) => one.active.state === 'activated')"
    await eventually(lambda: phone.page.evaluate(active))
    happened: list[str] = []
    devtools.on(
        "BackgroundService.backgroundServiceEventReceived",
        lambda event: happened.append(event["backgroundServiceEvent"]["eventName"]),
    )
    await devtools.send("BackgroundService.startObserving", {"service": "notifications"})
    await devtools.send("BackgroundService.setRecording", {"service": "notifications", "shouldRecord": True})
    said = {"title": "Pumpwatch HIGH: motor stall", "body": "Alert 1a2b3c4d.", "url": "/", "tag": "1", "urgent": True}
    pushed = {"origin": phone.url, "registrationId": registered[-1], "data": json.dumps(said)}
    await devtools.send("ServiceWorker.deliverPushMessage", pushed)
    # Chromium forgets a notification that it is asked for while it is about to show it.
    await eventually(lambda: "Notification displayed" in happened)
    shown = """navigator.serviceWorker.ready.then((one) => one.getNotifications())
        .then((all) => all.map((each) => [each.title, each.body, each.data.url, each.requireInteraction]))"""
    assert await phone.page.evaluate(shown) == [["Pumpwatch HIGH: motor stall", "Alert 1a2b3c4d.", "/", True]]
