"""The refill board in a browser: a nurse plans a visit on a phone, and prints the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Page, ViewportSize

from tests.browser.axe import violations
from tests.browser.phone import board_of, fits, phone, picture, sign_in
from tests.integration.alerts.on_call.clinics import NORTH, Clinics, clinics_with_rotas
from tests.stack import Database

DESK: ViewportSize = {"width": 1280, "height": 800}


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    """Three pumps of north: one in time, one booked too late, and one of which little is known."""
    made = await clinics_with_rotas(database)
    story = made.story
    for pump_id, steps in (
        ("pump-0210", [(0, "therapy of morphine 0.5 18"), (1, "refill 12"), (2, "level 12")]),
        ("pump-0300", [(3, "therapy of baclofen 0.4 40"), (4, "refill 16")]),
        ("pump-north", [(5, "status")]),
    ):
        story.pump_id = pump_id
        await story.pool.execute(
            "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', $2)", pump_id, NORTH
        )
        await story.run_more(steps)
    await story.pool.execute(
        "UPDATE therapies SET bolus_dose_mcg = 10, bolus_lockout_minutes = 240, bolus_limit_per_24h = 4 "
        "WHERE pump_id = 'pump-0210'"
    )
    return made


@pytest.fixture
async def url(clinics: Clinics) -> AsyncIterator[str]:
    async with board_of(clinics.story) as address:
        yield address


@pytest.fixture
async def page(clinics: Clinics) -> AsyncIterator[Page]:
    async with phone(clinics.story.now) as found:
        yield found


async def test_ann_moves_a_visit_that_comes_too_late_on_her_phone(clinics: Clinics, page: Page, url: str) -> None:
    await sign_in(page, url, clinics.story.pool, clinics.persons["Ann"], clinics.story.now)
    await page.goto(url)
    await page.get_by_role("link", name="Refills").click()
    row = page.locator("#pump-pump-0300")
    await row.get_by_text("The reservoir may reach its alarm level first").wait_for()
    await picture(page, "refills-phone")
    assert await fits(page)
    await row.locator("summary", has_text="Book").click()
    assert await fits(page)
    assert await violations(page) == []
    await row.get_by_label("Day").fill("2020-01-01")
    await row.get_by_role("button", name="Book: pump-0300").click()
    await row.get_by_role("alert").filter(has_text="1 Jan 2020 is over").wait_for()
    assert await row.get_by_label("Day").input_value() == "2020-01-01"
    await picture(page, "refills-refused")
    await row.get_by_label("Day").fill(f"{clinics.story.now + timedelta(days=9):%Y-%m-%d}")
    await row.get_by_label("Time, if it is known (Europe/Berlin)").fill("10:30")
    await row.get_by_role("button", name="Book: pump-0300").click()
    await row.get_by_text("The visit comes first, ").wait_for()
    await row.get_by_text("Wed 11 Mar 2026, 10:30").wait_for()
    await row.get_by_text("booked by Ann").wait_for()
    await page.emulate_media(color_scheme="dark")
    await picture(page, "refills-phone-dark")
    assert await violations(page) == []
    await row.get_by_role("button", name="Done: pump-0300").click()
    await row.get_by_text("by the date in the device").wait_for()


async def test_the_list_is_a_table_at_a_desk_and_on_paper(clinics: Clinics, page: Page, url: str) -> None:
    await page.set_viewport_size(DESK)
    await sign_in(page, url, clinics.story.pool, clinics.persons["Ann"], clinics.story.now)
    await page.goto(f"{url}/refills")
    assert await page.get_by_role("columnheader").all_text_contents() == [
        "Pump", "In the reservoir", "Reaches the alarm level", "Drug is good until", "Visit",
    ]  # fmt: skip
    await picture(page, "refills-desk")
    assert await page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
    await page.emulate_media(color_scheme="dark")
    await picture(page, "refills-desk-dark")
    await page.emulate_media(media="print", color_scheme="light")
    assert await page.get_by_role("navigation").count() == 0  # what is not printed
    assert not await page.get_by_role("button").first.is_visible()
    assert await page.get_by_text("The visit comes first, 1 day before.").is_visible()
    await picture(page, "refills-paper")
