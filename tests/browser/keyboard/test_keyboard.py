"""A night on call without a mouse: every step by Tab, letters, arrows and Enter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from playwright.async_api import Page

from services.people.accounts.changes import add
from services.people.model import Actor, Role
from tests.alerts_world import Story
from tests.browser.keyboard.tabbing import tab_to
from tests.browser.phone import board_of, phone
from tests.stack import Database

SECRET = "rain on the quay"  # noqa: S105 - of this test


@pytest.fixture
async def story(database: Database) -> Story:
    made = Story(database.pool, database.dsn)
    await made.run([(0, "therapy of morphine 0.5 18"), (1, "refill 12"), (2, "alarm motor_stall raised")])
    return made


@pytest.fixture
async def page(story: Story) -> AsyncIterator[Page]:
    async with phone(story.now) as found:
        await found.set_viewport_size({"width": 1280, "height": 800})
        yield found


async def test_a_night_on_call_by_the_keyboard_alone(story: Story, page: Page) -> None:
    """Choose a password, read the alert, leave a note, take it, silence its pump, book the refill, sign out."""
    async with story.pool.acquire() as connection:
        roles = {story.clinic_id: Role.RESPONDER}
        by = Actor("login:root", "root")
        made = await add(connection, "ben", "Ben Ott", roles, is_operator=False, by=by, now=story.now)
    keys = page.keyboard
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    async with board_of(story) as url:
        await page.goto(f"{url}/set-up?code={made.code}")
        for field in (page.locator("input[name=password]"), page.locator("input[name=again]")):
            await tab_to(page, field)
            await keys.type(SECRET)
        await keys.press("Enter")

        alert = page.locator(f"#alert-{alert_id} a").first
        await alert.wait_for()
        await tab_to(page, alert)
        await keys.press("Enter")
        await page.wait_for_url(f"{url}/alerts/{alert_id}")

        await tab_to(page, page.locator("form[action$='/remark'] input[name=text]"))
        await keys.type("pump is warm")
        await keys.press("Enter")
        await page.get_by_text("pump is warm").first.wait_for()

        await tab_to(page, page.locator("form[action$='/acknowledge'] button"))
        await keys.press("Enter")
        await page.locator("form[action$='/acknowledge']").wait_for(state="detached")
        assert await story.pool.fetchval("SELECT state FROM alerts") == "acknowledged"

        await tab_to(page, page.locator(f"a[href='/pumps/{story.pump_id}']").first)
        await keys.press("Enter")
        await page.wait_for_url(f"{url}/pumps/{story.pump_id}")

        await tab_to(page, page.get_by_role("link", name="Refills", exact=True))
        await keys.press("Enter")
        row = page.locator(f"#pump-{story.pump_id}")
        await tab_to(page, row.locator("summary").first)
        await keys.press("Enter")
        day = date(story.now.year, 3, 3)  # typed the same whether the day or the month comes first
        await tab_to(page, row.locator("input[type=date]"))
        await keys.type(f"{day:%d%m%Y}")
        await tab_to(page, row.locator("form button").first)
        await keys.press("Enter")
        await row.get_by_text(f"{day:%-d %b %Y}").first.wait_for()

        await tab_to(page, page.locator("form[action='/sign-out'] button"))
        await keys.press("Enter")
        await page.locator("form[action='/sign-in'] input[name=name]").wait_for()
