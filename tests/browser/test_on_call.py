"""Who is on call, on a phone: it is seen at a glance, and taken with a thumb."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from services.alerts.web.api import create_app
from services.devstack.ports import free_port
from tests.alerts_pages import web_of_story
from tests.browser.phone import SCREEN, phone, sign_in
from tests.integration.alerts.on_call.clinics import NORTH, Clinics, clinics_with_rotas
from tests.servers.served import served
from tests.stack import Database


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    return await clinics_with_rotas(database)


@pytest.fixture
async def url(clinics: Clinics) -> AsyncIterator[str]:
    port = free_port()
    app = create_app(web_of_story(clinics.story, public_url="http://127.0.0.1"))
    async with served(app, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def page(clinics: Clinics) -> AsyncIterator[Page]:
    async with phone(clinics.story.now) as found:
        yield found


async def picture(page: Page, name: str) -> None:
    """For who wants to look: a picture of the whole page, where the variable names a folder."""
    folder = os.environ.get("PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def fits(page: Page) -> bool:
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    return bool(width <= SCREEN["width"])


async def test_bob_sees_who_has_it_and_takes_it(clinics: Clinics, page: Page, url: str) -> None:
    await sign_in(page, url, clinics.story.pool, clinics.persons["Bob"], clinics.story.now)
    await page.goto(url)
    await page.get_by_role("link", name="On call").click()
    await page.get_by_text("Ann has it now").wait_for()
    await picture(page, "on-call-phone")
    assert await fits(page)
    await page.locator("summary", has_text="I take it").click()
    assert await fits(page)
    await picture(page, "on-call-form")
    button = page.get_by_role("button", name="I take it")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    await button.click()
    await page.get_by_text("Bob has it now").wait_for()
    await page.get_by_role("link", name="What is open").click()
    await page.get_by_role("heading", name="Pumps at risk").wait_for()
    await picture(page, "brief")
    assert await fits(page)
    await page.get_by_role("button", name="I have read it and take it over").click()
    await page.get_by_text("Taken over by Bob").wait_for()
    await page.get_by_role("link", name="On call").last.click()
    await page.get_by_text("taken over by Bob").wait_for()
    await page.locator("summary", has_text="The next two weeks").click()
    await page.emulate_media(color_scheme="dark")
    await picture(page, "on-call-dark")
    await page.get_by_role("button", name="End it").click()
    await page.get_by_text("Ann has it now").wait_for()


async def test_what_is_refused_stays_in_the_form(clinics: Clinics, page: Page, url: str) -> None:
    await sign_in(page, url, clinics.story.pool, clinics.persons["Bob"], clinics.story.now)
    await page.goto(f"{url}/on-call")
    await page.locator("summary", has_text="I am out").click()
    until = page.get_by_label("Until").nth(1)
    await until.fill("2026-01-01T08:00")
    await page.get_by_role("button", name="I am out then").click()
    await page.get_by_role("alert").filter(has_text="Not changed").wait_for()
    assert await page.get_by_label("Until").nth(1).input_value() == "2026-01-01T08:00"
    await picture(page, "on-call-refused")


async def test_an_administrator_sees_the_fault_of_a_rota_beside_what_was_typed(
    clinics: Clinics, page: Page, url: str
) -> None:
    await sign_in(page, url, clinics.story.pool, clinics.persons["Ada"], clinics.story.now)
    await page.goto(f"{url}/on-call")
    await page.get_by_role("link", name=f"Change the rotas of {NORTH}").click()
    area = page.get_by_label("The rotas, as a file")
    typed = (await area.input_value()).replace("tann", "tanne")
    await area.fill(typed)
    await page.get_by_role("button", name="Keep these rotas").click()
    await page.get_by_text("nobody of this clinic signs in as 'tanne'").wait_for()
    assert (await area.input_value()).strip() == typed.strip()
    assert await fits(page)
    await picture(page, "rotas-refused")
    await area.fill(typed.replace("tanne", "tada"))
    await page.get_by_role("button", name="Keep these rotas").click()
    await page.get_by_text("Ada has it now").wait_for()
    await page.set_viewport_size({"width": 1200, "height": 800})
    await picture(page, "on-call-wide")
