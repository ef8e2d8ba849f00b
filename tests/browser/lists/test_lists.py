"""The list of alerts for people: filtered by keyboard alone, without scripts too, and read by everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from services.alerts.web.api import create_app
from services.devstack.ports import free_port
from tests.alerts_pages import STALL, web_of_story
from tests.alerts_world import Story
from tests.browser.axe import EACH_LOOK, LOOKS, violations
from tests.browser.chromium import chromium
from tests.integration.alerts.web.lists.filled import fill
from tests.servers.served import served
from tests.signed_in import SignedIn
from tests.stack import Database

REFUSED = {"/?clinic_id=nowhere": 404, "/?priority=hihg": 422, "/nothing": 404}


@dataclass
class Site:
    """A board with 130 alerts, and a browser."""

    story: Story
    url: str
    browser: Browser

    async def page(self, **how: Any) -> Page:
        context = await self.browser.new_context(locale="en-GB", **how)
        token = await SignedIn(self.story.pool, lambda: self.story.now, "Ann").token()
        await context.add_cookies([{"name": "pumpwatch", "value": token, "url": self.url}])
        return await context.new_page()


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    await story.run([(0, STALL)])
    await fill(story, 110)
    await fill(story, 19, state="acknowledged", by="Bob Ott", first=200)
    await fill(story, 3, state="closed", title="Catheter occlusion", rule="pump_alarm", first=300)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with served(create_app(web_of_story(story, public_url=url)), port), chromium() as browser:
        yield Site(story, url, browser)


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def until_focused(page: Page, name: str) -> None:
    """Press Tab until something of that name has the focus, as who sees it does."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        said: Any = await page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )
        if said.startswith(name):
            return
    msg = f"no {name!r} is reached"
    raise AssertionError(msg)


async def test_a_list_is_filtered_by_keyboard_alone(site: Site) -> None:
    page = await site.page()
    troubles: list[str] = []
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    await page.goto(site.url)
    await until_focused(page, "Filter and order")
    await press(page, "Enter")
    await until_focused(page, "State")
    await page.keyboard.type("Closed")
    await until_focused(page, "Words")
    await page.keyboard.type("occlusion")
    await press(page, "Enter")
    await expect(page.locator("#alerts article")).to_have_count(3)
    assert page.url == f"{site.url}/?state=closed&priority=&rule=&person=&text=occlusion&sort=urgent&group=none"
    await expect(page.locator("#filter summary")).to_contain_text("closed, with “occlusion”")
    await expect(page.locator("#summary")).to_contain_text("1 high alert waiting that this filter leaves out")
    await until_focused(page, "1 high alert waiting")
    await press(page, "Enter")
    await expect(page.locator("#alerts article")).to_have_count(1)
    assert troubles == []


async def test_pages_are_turned_and_a_button_leads_back_to_the_same_one(site: Site) -> None:
    page = await site.page(viewport=LOOKS["phone"][1])
    await page.goto(site.url)
    await page.get_by_role("navigation", name="Pages of the list").get_by_role("link", name="Next 50").click()
    await expect(page.locator("#summary")).to_contain_text("page 2 of 3")
    await page.get_by_role("link", name="Last").click()
    await expect(page.locator(".pages")).to_contain_text("101 to 130 of 130")
    assert page.url.endswith("/?page=3")
    await expect(page.get_by_role("heading", name="Acknowledged")).to_be_visible()


async def test_the_filter_works_without_scripts(site: Site) -> None:
    page = await site.page(java_script_enabled=False)
    await page.goto(site.url)
    await page.get_by_text("Filter and order").click()
    await page.get_by_label("Acknowledged by").fill("bob")
    await page.get_by_label("Headings").select_option("pump")
    await page.get_by_role("button", name="Show", exact=True).click()
    assert await page.locator("#alerts article").count() == 19
    assert await page.locator("#alerts h2").count() == 19
    assert await page.locator("#sound").is_hidden(), "which needs scripts"


@pytest.mark.parametrize("look", EACH_LOOK)
async def test_lists_and_refusals_can_be_read_by_everybody(site: Site, look: str) -> None:
    scheme, size = LOOKS[look]
    page = await site.page(color_scheme=scheme, viewport=size)
    await page.clock.install(time=site.story.now)
    found: dict[str, list[str]] = {}
    for path in ("/?group=rule&state=all&page=2", "/?text=zebra", *REFUSED):
        answer = await page.goto(site.url + path)
        assert answer is not None
        assert answer.status == REFUSED.get(path, 200)
        if path not in REFUSED:
            await page.get_by_text("Filter and order").click()
        width: Any = await page.evaluate("document.documentElement.scrollWidth")
        found[path] = [*([f"is {width} pixels wide"] if width > size["width"] else []), *await violations(page)]
    assert {path: faults for path, faults in found.items() if faults} == {}
