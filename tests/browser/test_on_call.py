"""Who is on call, on a phone: it is seen at a glance, and taken with a thumb."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from tests.browser.phone import board_of, fits, phone, picture, sign_in
from tests.integration.alerts.on_call.clinics import NORTH, Clinics, clinics_with_rotas
from tests.stack import Database


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    return await clinics_with_rotas(database)


@pytest.fixture
async def url(clinics: Clinics) -> AsyncIterator[str]:
    async with board_of(clinics.story) as address:
        yield address


@pytest.fixture
async def page(clinics: Clinics) -> AsyncIterator[Page]:
    async with phone(clinics.story.now) as found:
        yield found


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
