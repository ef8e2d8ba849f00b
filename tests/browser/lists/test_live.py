"""A board that stays open: what is new appears by itself, disturbs nobody, is heard where one wants it, and says when
it is stale and why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from playwright.async_api import BrowserContext, Page, expect

from services.alerts.health.paged import PagedPast
from services.alerts.web.api import create_app
from services.alerts.web.dependencies import Web
from services.devstack.ports import free_port
from tests.alerts_pages import STALL, web_of_story
from tests.alerts_world import T0, Story
from tests.browser.axe import violations
from tests.browser.chromium import chromium
from tests.servers.served import served
from tests.signed_in import SignedIn
from tests.stack import Database, eventually

OCCLUSION = "alarm catheter_occlusion raised"


@dataclass
class Board:
    """A running board, and what it works with."""

    story: Story
    web: Web
    url: str
    ann: SignedIn


@pytest.fixture
async def board(database: Database) -> AsyncIterator[Board]:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "level 1.5")])
    web = web_of_story(story, public_url="http://127.0.0.1:8081")
    port = free_port()
    async with served(create_app(web), port):
        yield Board(story, web, f"http://127.0.0.1:{port}/", SignedIn(story.pool, lambda: story.now, "Ann"))


@pytest.fixture
async def context(board: Board) -> AsyncIterator[BrowserContext]:
    """Ann is signed in. What a page says to the console is an error of this test."""
    async with chromium(["--autoplay-policy=document-user-activation-required"]) as browser:
        context = await browser.new_context(locale="en-GB", viewport={"width": 900, "height": 500})
        await context.add_cookies([{"name": "pumpwatch", "value": await board.ann.token(), "url": board.url}])
        troubles: list[str] = []
        context.on("weberror", lambda error: troubles.append(str(error.error)))
        context.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        yield context
        assert [each for each in troubles if "Failed to load resource" not in each and "ERR_" not in each] == []


@pytest.fixture
async def page(board: Board, context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto(board.url)
    await page.get_by_role("heading", name="Low reservoir").wait_for()
    await page.evaluate("window.isTheSame = true")
    await open_streams(board, 1)
    return page


async def open_streams(board: Board, count: int) -> None:
    await eventually(lambda: len(board.web.open_pages.seats) == count, what=f"{count} streams")


async def is_the_same(page: Page) -> bool:
    return bool(await page.evaluate("window.isTheSame === true"))


async def test_an_alarm_appears_by_itself_before_everything_else(board: Board, page: Page) -> None:
    await board.story.run_more([(1, STALL)])
    await expect(page.locator("#alerts article").first).to_contain_text("Motor stall")
    await expect(page.locator("#summary")).to_contain_text("2 waiting for somebody (1 high)")
    await expect(page.locator("#news")).to_contain_text(f"New high alert: Motor stall, {board.story.pump_id}")
    assert "NEW HIGH ALERT (2) Alerts" in await page.title()
    await expect(page.locator("#news")).to_have_attribute("role", "alert")
    assert await violations(page) == []
    await page.get_by_role("button", name="Hide the news").click()
    await expect(page.locator("#news")).to_be_empty()
    assert await is_the_same(page)


async def test_what_is_typed_the_focus_and_what_is_unfolded_stay_over_ten_changes(board: Board, page: Page) -> None:
    await page.get_by_text("Filter and order").click()
    field = page.get_by_label("Words (pump, title, explanation)")
    await field.press_sequentially("stll")
    await field.press("ArrowLeft")
    await field.press("ArrowLeft")
    for number in range(10):
        await board.story.run_more([(number + 1, f"alarm motor_stall {'cleared' if number % 2 else 'raised'}")])
        waiting = "1 waiting" if number % 2 else "2 waiting"
        await expect(page.locator("#summary")).to_contain_text(waiting)
        await expect(field).to_be_focused()
    await page.keyboard.type("a")
    await expect(field).to_have_value("stall")
    await expect(page.locator("#filter")).to_have_attribute("open", "")
    assert await is_the_same(page)


async def test_a_button_keeps_the_focus_while_its_card_changes_and_moves(board: Board, page: Page) -> None:
    button = page.get_by_role("button", name="Acknowledge: Low reservoir")
    await button.focus()
    await board.story.run_more([(1, STALL)])
    await expect(page.locator("#alerts article")).to_have_count(2)
    await expect(button).to_be_focused()
    await board.story.pool.execute("UPDATE alerts SET explanation = 'Said anew.' WHERE rule = 'low_reservoir'")
    board.web.open_pages.pulse.stir()
    await expect(page.locator("#alerts")).to_contain_text("Said anew.")
    await expect(button).to_be_focused()


async def test_whoever_reads_below_stays_there(board: Board, page: Page) -> None:
    await board.story.run_more([(1, "alarm low_battery_reset raised"), (2, "alarm memory_error raised")])
    low = page.locator("article", has_text="Low reservoir")
    await expect(page.locator("#alerts article")).to_have_count(3)
    await page.set_viewport_size({"width": 390, "height": 400})
    await page.evaluate("document.body.style.paddingBottom = '200vh'")
    await low.evaluate("card => card.scrollIntoView({block: 'center'})")
    before = await low.bounding_box()
    await board.story.run_more([(3, STALL)])
    await expect(page.locator("#alerts article")).to_have_count(4)
    after = await low.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 2


async def test_a_new_high_alert_is_heard_by_who_wants_it(board: Board, context: BrowserContext) -> None:
    await context.add_init_script("""
        window.tones = 0;
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...args) { window.tones += 1; return start.apply(this, args); };
    """)
    page = await context.new_page()
    await page.goto(board.url)
    await page.get_by_role("button", name="Sound for new high alerts: off").click()
    button = page.locator("#sound")
    await expect(button).to_have_text("Sound for new high alerts: on")
    await expect(button).to_have_attribute("aria-pressed", "true")
    tried = await page.evaluate("window.tones")
    assert tried > 0, "so that one hears what it will be like"
    await board.story.run_more([(1, STALL)])

    async def sounded() -> bool:
        return bool(await page.evaluate("window.tones") > tried)

    await eventually(sounded)

    page = await context.new_page()  # it is remembered, and the browser asks for a click
    await page.goto(board.url)
    button = page.locator("#sound")
    await expect(button).to_contain_text("needs a click first")
    await page.get_by_role("heading", name="Alerts", exact=True).click()
    await expect(button).to_have_text("Sound for new high alerts: on")
    await button.click()
    await expect(button).to_have_text("Sound for new high alerts: off")
    quiet = await page.evaluate("window.tones")
    await board.story.run_more([(2, OCCLUSION)])
    await expect(page.locator("#news")).to_contain_text("Catheter occlusion")
    assert await page.evaluate("window.tones") == quiet


async def test_an_open_alert_shows_what_another_does(board: Board, page: Page) -> None:
    await page.get_by_role("link", name="Low reservoir").click()
    note = page.get_by_label("What is known, or what was done")
    await note.fill("half a wo")
    await open_streams(board, 1)
    await board.story.run_more([(1, "ack Bob")])
    await expect(page.locator("article .meta").first).to_contain_text("acknowledged by Bob")
    await expect(note).to_have_value("half a wo")
    await expect(note).to_be_focused()


async def test_a_board_whose_scripts_did_not_come_does_not_pass_for_a_current_one(
    board: Board, context: BrowserContext
) -> None:
    page = await context.new_page()
    kept = page.locator("#unkept")
    await page.goto(board.url)
    await open_streams(board, 1)
    await expect(kept).to_be_hidden()
    await page.evaluate("document.getAnimations().forEach(each => each.finish())")
    await expect(kept).to_be_hidden()
    await page.route("**/live.js", lambda route: route.abort())  # as when the server restarts just then
    await page.reload()
    await page.evaluate("document.getAnimations().forEach(each => each.finish())")
    await expect(kept).to_be_visible()
    await expect(kept).to_contain_text("This page is not kept current.")


async def test_a_page_of_another_clinic_is_told_nothing(board: Board, page: Page) -> None:
    other = Story(board.story.pool, board.story.dsn)
    await other.run([(0, STALL)])  # Ann has no role there, as there was no such clinic
    await board.story.run_more([(1, STALL)])
    await expect(page.locator("#news")).to_contain_text(board.story.pump_id)
    assert other.pump_id not in await page.content()


async def test_who_signed_out_elsewhere_is_shown_nothing_more(board: Board, page: Page) -> None:
    await board.story.pool.execute("UPDATE sessions SET ended_at = $1", board.story.now)
    await page.get_by_role("heading", name="Sign in").wait_for()
    assert await page.locator("article").count() == 0
    await open_streams(board, 0)


async def test_of_one_browser_the_page_of_longest_ago_gives_way_and_asks_by_itself(
    board: Board, context: BrowserContext, page: Page
) -> None:
    await page.clock.install(time=T0)
    for number in range(4):
        another = await context.new_page()
        await another.goto(board.url)
        await open_streams(board, min(number + 2, 4))
    await board.story.run_more([(1, STALL)])
    await expect(another.locator("#alerts")).to_contain_text("Motor stall")
    await page.clock.run_for(11_000)
    await expect(page.locator("#alerts")).to_contain_text("Motor stall")


class HasPaged:
    """A worker that has paged alarms past the database."""

    def __init__(self, *alerts: PagedPast) -> None:
        self._alerts = alerts

    async def paged(self) -> tuple[PagedPast, ...]:
        return self._alerts


async def test_an_open_board_shows_what_was_paged_past_a_database_that_is_away(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "level 1.5")])
    (row,) = await story.pool.fetch("SELECT alert_id FROM alerts")
    past = PagedPast(
        alert_id=row["alert_id"], clinic_id=story.clinic_id, pump_id=story.pump_id, priority="high",
        title="Motor stall, paged past it", explanation="By the device's own word.",
    )  # fmt: skip
    elsewhere = past.model_copy(update={"clinic_id": "another", "title": "Of another clinic"})
    web = web_of_story(story, public_url="http://127.0.0.1:8081")
    port = free_port()
    async with served(create_app(replace(web, workers=HasPaged(past, elsewhere))), port), chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        url = f"http://127.0.0.1:{port}/"
        token = await SignedIn(story.pool, lambda: story.now, "Ann").token()
        await context.add_cookies([{"name": "pumpwatch", "value": token, "url": url}])
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_role("heading", name="Low reservoir").wait_for()
        held = [await web.pool.acquire() for _ in range(web.pool.get_max_size())]
        await page.locator("#past").get_by_text("Motor stall, paged past it").wait_for(timeout=20_000)
        await expect(page.locator("#stale")).to_contain_text("The database cannot be reached")
        await expect(page.locator("#news")).to_contain_text("Motor stall, paged past it")
        assert "Of another clinic" not in await page.content()
        assert await page.locator("#alerts").get_by_role("heading", name="Low reservoir").is_visible()
        for each in held:
            await web.pool.release(each)
        await expect(page.locator("#past")).to_have_count(0, timeout=20_000)
        await expect(page.locator("#stale")).to_be_hidden()
