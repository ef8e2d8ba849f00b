"""The alert board in a real browser: it keeps itself current, keeps what is being typed, and shows when it is stale."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Page

from services.alerts.web.api import create_app
from services.devstack.ports import free_port
from services.people.accounts.changes import add
from services.people.model import Actor, Role
from tests.alerts_pages import web_of_story
from tests.alerts_world import T0, Story
from tests.browser.chromium import chromium
from tests.integration.alerts.timelines import TWO_A_DAY
from tests.servers.served import served
from tests.signed_in import SignedIn
from tests.stack import Database

PHONE = {"width": 390, "height": 844}


@dataclass
class Board:
    """A running board with one alert, and its address."""

    story: Story
    url: str
    server: asyncio.Task[None]

    async def stop(self) -> None:
        self.server.cancel()
        await asyncio.gather(self.server, return_exceptions=True)


@pytest.fixture
async def board(database: Database) -> AsyncIterator[Board]:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "alarm motor_stall raised")])
    app = create_app(web_of_story(story, public_url="http://127.0.0.1:8081"))
    port = free_port()
    async with served(app, port) as server:
        yield Board(story, f"http://127.0.0.1:{port}/", server)


@pytest.fixture
async def page(board: Board) -> AsyncIterator[Page]:
    """A phone in Berlin, whose clock the test moves; Ann Keller is signed in."""
    async with chromium() as browser:
        context = await browser.new_context(viewport=PHONE, timezone_id="Europe/Berlin", locale="en-GB")  # type: ignore[arg-type]
        ann = SignedIn(board.story.pool, lambda: board.story.now, "Ann Keller")
        await context.add_cookies([{"name": "pumpwatch", "value": await ann.token(), "url": board.url}])
        page = await context.new_page()
        await page.clock.install(time=T0)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        yield page
    assert troubles == []


async def alert_page(board: Board) -> str:
    alert_id = await board.story.pool.fetchval("SELECT alert_id FROM alerts")
    return f"{board.url}alerts/{alert_id}"


async def text_of(page: Page, selector: str) -> str:
    return await page.locator(selector).inner_text()


async def test_a_phone_shows_it_without_scrolling_sideways_on_the_clinics_clock(board: Board, page: Page) -> None:
    await page.goto(board.url)
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    card = await text_of(page, "article")
    assert "HIGH" in card.upper()
    assert "Motor stall since 09:00 UTC" in card
    assert "Told: nurse by sms 09:00 UTC" in card
    # The phone is in Berlin; its own clock is said beside it.
    assert "10:00:00 by the clock of this device" in str(
        await page.locator("article time").nth(1).get_attribute("title")
    )


async def test_a_half_typed_remark_survives_the_refresh_that_brings_news(board: Board, page: Page) -> None:
    await page.goto(await alert_page(board))
    field = page.get_by_label("Note (may be left empty)")
    await field.press_sequentially("on my wy")
    await field.press("ArrowLeft")
    await board.story.run_more([(1, "alarm catheter_occlusion raised")])
    await page.clock.run_for(6000)
    await page.locator(".read time[datetime*='09:01']").wait_for()
    assert await field.input_value() == "on my wy"
    await page.keyboard.type("a")  # the cursor is where it was
    assert await field.input_value() == "on my way"


async def test_acknowledging_on_the_board(board: Board, page: Page) -> None:
    await page.goto(board.url)
    await page.get_by_role("button", name="Acknowledge").click()
    await page.get_by_role("heading", name="Acknowledged").wait_for()
    assert page.url == board.url
    assert "Acknowledged by Ann Keller" in await text_of(page, "article")
    assert await page.locator("main form[method=post]").count() == 0


async def test_a_person_chooses_a_password_on_a_phone_and_signs_in_with_it(board: Board, page: Page) -> None:
    async with board.story.pool.acquire() as connection:
        root = Actor("login:root", "root")
        roles = {board.story.clinic_id: Role.RESPONDER}
        made = await add(connection, "ben", "Ben Ott", roles, is_operator=False, by=root, now=board.story.now)
    await page.context.clear_cookies()
    await page.goto(f"{board.url}set-up?code={made.code}")
    for label in ("New password", "The same again"):
        await page.get_by_label(label).fill("rain on the quay")
    await page.get_by_role("button", name="Choose it and sign in").click()
    await page.get_by_role("heading", name="Motor stall").wait_for()
    await page.get_by_role("button", name="Sign out").click()
    alert = await alert_page(board)
    await page.goto(alert)
    await page.get_by_label("Sign-in name").fill("ben")
    await page.get_by_label("Password").fill("rain on the quay")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Acknowledge").click()
    await page.get_by_text("acknowledged by Ben Ott").first.wait_for()
    assert page.url == alert
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]


async def test_a_board_that_cannot_be_read_any_more_says_so(board: Board, page: Page) -> None:
    await page.goto(board.url)
    assert not await page.locator("#stale").is_visible()
    await board.stop()
    await page.clock.run_for(26_000)
    await page.locator("#stale").wait_for()
    assert "Not current: last read at" in await text_of(page, "#stale")


async def test_a_level_of_demand_is_accepted_as_the_new_one(board: Board, page: Page) -> None:
    await board.story.run_more([*TWO_A_DAY, (1, "bolus delivered x12"), (2, "ack Ann")])
    await page.goto(board.url)
    await page.get_by_role("link", name="Accept the new level").click()
    await page.get_by_role("heading", name="Unusual bolus demand").wait_for()
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    accept = page.locator("form[action$='/accept']")
    await accept.get_by_label("Why this is the new level").fill("agreed with the patient")
    await accept.get_by_role("button", name="Accept as the new level").click()
    assert await page.locator("input[name=sure]:invalid").count() == 1  # a person must say so
    await accept.get_by_label("From now on this much is usual for this patient").check()
    await accept.get_by_role("button", name="Accept as the new level").click()
    told = "Ann Keller accepted it as the new level 09:02 UTC: agreed with the patient (12.5 requests a day)"
    await page.locator("article").get_by_text(told).wait_for()
    assert await page.locator("form[action$='/accept']").count() == 0
    await page.goto(board.url)
    assert await page.locator("article", has_text="Unusual bolus demand").count() == 0


async def test_a_refill_discrepancy_is_resolved_with_what_was_found(board: Board, page: Page) -> None:
    await board.story.run_more([(1, "refill 38 10 5"), (2, "ack Ann")])
    await page.goto(board.url)
    await page.get_by_role("link", name="Resolve it").click()
    await page.get_by_role("heading", name="Refill discrepancy").wait_for()
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    resolve = page.locator("form[action$='/resolve']")
    await resolve.get_by_role("button", name="Resolved").click()
    assert await page.locator("#resolve-note:invalid").count() == 1  # what was done must be said
    await resolve.get_by_label("What was found and done").fill("old volume in the programmer")
    await resolve.get_by_role("button", name="Resolved").click()
    await (
        page.locator("article").get_by_text("Ann Keller resolved it 09:02 UTC: old volume in the programmer").wait_for()
    )
    assert await page.locator("form[action$='/resolve']").count() == 0
    await page.goto(board.url)
    assert await page.get_by_text("Refill discrepancy").count() == 0


async def test_a_high_alert_is_silenced_from_its_page_after_showing_what_is_held(board: Board, page: Page) -> None:
    await board.story.run_more([(1, "level 1.5")])
    await page.goto(board.url)
    await page.get_by_role("link", name="Motor stall").click()
    await page.get_by_role("link", name="No pages for a while").click()
    await page.get_by_label("Reason").fill("in the theatre")
    await page.get_by_role("button", name="Show what it holds").click()
    await page.get_by_role("heading", name="Held now: 1 alert").wait_for()
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    assert "Motor stall" in await text_of(page, "article ul")
    await page.get_by_role("button", name="Silence until 10:01 UTC").click()
    await page.get_by_text("No pages: silenced by Ann Keller until 10:01 UTC (in the theatre)").wait_for()
    await page.goto(board.url)
    stall = page.locator("article", has_text="Motor stall").first
    assert "No pages: silenced by Ann Keller until 10:01 UTC" in await stall.inner_text()
    low = page.locator("article", has_text="Low reservoir").first
    assert "silenced" not in await low.inner_text()
