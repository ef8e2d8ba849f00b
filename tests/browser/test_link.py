"""A phone on which nobody is signed in: the link of a page opens, one big button, and it is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from services.alerts.web.api import create_app
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from tests.alerts_pages import web_of_story
from tests.browser.phone import SCREEN, phone
from tests.integration.alerts.links.linked import Linked, linked
from tests.servers.served import served
from tests.stack import Database


@pytest.fixture
async def site(database: Database, page_collector: PageCollector, tmp_path: Path) -> Linked:
    return await linked(database, page_collector, tmp_path)


@pytest.fixture
async def url(site: Linked) -> AsyncIterator[str]:
    port = free_port()
    app = create_app(replace(web_of_story(site.story), desk=site.desk))
    async with served(app, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def page(site: Linked) -> AsyncIterator[Page]:
    async with phone(site.story.now) as found:
        yield found


async def test_an_alert_is_taken_from_a_phone_without_signing_in(site: Linked, url: str, page: Page) -> None:
    path = await site.page()
    await page.goto(url + path)
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= SCREEN["width"]
    button = page.get_by_role("button", name="Acknowledge")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 60  # for a thumb, at three in the morning
    assert box["width"] >= 300
    assert box["y"] + box["height"] <= SCREEN["height"]  # without scrolling
    assert (await site.alert())["state"] == "active"
    await page.reload()
    assert (await site.alert())["state"] == "active"
    await button.click()
    await page.get_by_text("You have acknowledged it.").wait_for()
    assert page.url == url + path
    assert (await site.alert())["acknowledged_by"] == "Ann"
    await page.reload()  # asks nothing, repeats nothing
    await page.get_by_text("You have acknowledged it.").wait_for()
    assert len(await site.acknowledgements()) == 1
    assert await page.context.cookies() == []
    assert "sign-in" not in page.url


async def test_it_is_taken_with_the_keyboard_and_what_opens_nothing_says_so(site: Linked, url: str, page: Page) -> None:
    path = await site.page()
    await page.goto(f"{url}{path[:-5]}")
    await page.get_by_text("not whole, or was not made here").wait_for()
    assert await page.get_by_role("button").count() == 0
    await page.goto(url + path)
    await page.get_by_role("button", name="Acknowledge").focus()
    await page.keyboard.press("Enter")
    await page.get_by_text("You have acknowledged it.").wait_for()
