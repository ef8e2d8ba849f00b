"""Ann is out: with her thumb she gives what she has to Bob, who is told and sees it as his."""

from __future__ import annotations

import pytest

from services.alerts.web.api import create_app
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from tests.alerts_pages import dispatcher_for, web_of_story
from tests.alerts_world import stall
from tests.browser.phone import phone, sign_in
from tests.integration.people.clinic import ANN, BOB
from tests.integration.people.rota.on_call_story import MINUTE, OnCallStory
from tests.servers.served import served
from tests.stack import Database


@pytest.fixture
def on_call(database: Database, page_collector: PageCollector) -> OnCallStory:
    return OnCallStory(database, page_collector)


async def look(on_call: OnCallStory) -> None:
    """What the worker does by itself."""
    on_call.story.now += MINUTE
    await on_call.worker.keep_policies_once()
    await on_call.worker.pass_on_once()
    await dispatcher_for(on_call.resources).send_due()


async def test_what_ann_has_taken_goes_to_bob_when_she_says_that_she_is_out(on_call: OnCallStory) -> None:
    await on_call.begin()
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Ann"]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_app(web_of_story(on_call.story, public_url="http://127.0.0.1"))
    async with served(app, port), phone(on_call.story.now) as page:
        await sign_in(page, url, on_call.database.pool, ANN, on_call.story.now)
        await page.goto(url)
        await page.get_by_role("button", name="Acknowledge").click()
        await page.get_by_text("Acknowledged by Ann").first.wait_for()
        on_call.story.now += MINUTE
        await page.get_by_role("link", name="On call").first.click()
        await page.locator("summary", has_text="I am out").click()
        await page.get_by_label("Who has it instead").select_option("Bob")
        button = page.get_by_role("button", name="I am out then")
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        await button.click()
        await page.get_by_text("as Ann is out").wait_for()
        await look(on_call)
        assert [each.raw["to"] for each in on_call.collector.pages if "yours now" in each.title] == ["Bob"]

        await page.context.clear_cookies()
        await sign_in(page, url, on_call.database.pool, BOB, on_call.story.now)
        await page.goto(url)
        await page.get_by_text("Acknowledged by Bob").first.wait_for()
        assert await page.get_by_text("Acknowledged by Ann").count() == 0
        await page.goto(f"{url}/on-call")
        await page.get_by_text("Bob has it now").wait_for()
