"""The review sheet and alert quality in a browser: on paper the sheet is one page."""

from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page
from pypdf import PdfReader

from schemas.parts.languages import Language
from services.alerts.web.board.environment import environment_in
from services.alerts.web.board.views import STATIC
from services.alerts.web.review.model import PumpNow
from services.alerts.web.review.period import WORDS, Choice
from services.people.model import Role
from tests.alerts_world import Story
from tests.browser.phone import SCREEN, board_of, phone, sign_in
from tests.integration.alerts.review.patient import make_patient
from tests.signed_in import make_person
from tests.stack import Database
from tests.unit.alerts.review.stored import FULL, PERIOD, sheet_with

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
async def story(database: Database) -> Story:
    story = await make_patient(database, 7)
    await story.run_more([(0, "alarm motor_stall raised"), (12, "ack Ann"), (90, "alarm motor_stall cleared"),
                          (100, "level 1.2"), (200, "report pain 9")])  # fmt: skip
    await story.pool.execute("UPDATE devices SET enrolled_at = $1", story.now.replace(year=2025))
    return story


@pytest.fixture
async def url(story: Story) -> AsyncIterator[str]:
    async with board_of(story) as address:
        yield address


@pytest.fixture
async def page(story: Story, url: str) -> AsyncIterator[Page]:
    async with phone(story.now) as found:
        nora = await make_person(story.pool, "Nora", Role.VIEWER, story.now)
        await sign_in(found, url, story.pool, nora, story.now)
        yield found


async def picture(page: Page, name: str) -> None:
    """For who wants to look: pictures of the whole page, where the variable names a folder."""
    folder = os.environ.get("PICTURES")
    if folder:
        for scheme in SCHEMES:
            for width in (1200, SCREEN["width"]):
                await page.emulate_media(color_scheme=scheme)
                await page.set_viewport_size({"width": width, "height": SCREEN["height"]})
                path = Path(folder) / f"{name}-{scheme}-{width}.png"
                await page.screenshot(path=path, full_page=True)


async def printed(page: Page, name: str) -> list[str]:
    """What a browser prints, page by page."""
    content = await page.pdf(prefer_css_page_size=True)
    folder = os.environ.get("PICTURES")
    if folder:
        (Path(folder) / f"{name}.pdf").write_bytes(content)
    return [each.extract_text() for each in PdfReader(io.BytesIO(content)).pages]


async def test_a_sheet_is_chosen_read_printed_and_fetched_as_a_pdf(story: Story, url: str, page: Page) -> None:
    await page.goto(f"{url}/pumps/{story.pump_id}/review")
    await page.get_by_label("Which time").select_option("8 weeks")
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url("**/review?period=8w")
    await page.get_by_role("heading", name="Alerts of Pumpwatch").wait_for()
    await page.clock.run_for(60_000)
    assert not await page.locator("#stale").is_visible(), "a sheet is of one moment, and does not grow old"
    await picture(page, "review")
    [paper] = await printed(page, "review")
    assert "Therapy review: pump" in paper
    assert "Which time" not in paper, "what is pressed on a screen is not on paper"
    assert "is not a medical device: check with the pump's own log" in re.sub(r"\s+", " ", paper)
    link = await page.get_by_role("link", name="As a PDF").get_attribute("href")
    answer = await page.request.get(f"{url}{link}")
    [pdf] = PdfReader(io.BytesIO(await answer.body())).pages
    asked = await page.get_by_role("region", name="Boluses asked for").get_by_role("row", name="Together").inner_text()
    assert re.sub(r"\s+", "", asked) in re.sub(r"\s+", "", pdf.extract_text())


async def test_the_quality_of_alerts_is_found_at_the_foot_of_each_page(story: Story, url: str, page: Page) -> None:
    await page.goto(url)
    await page.get_by_role("link", name="Alert quality").click()
    await page.get_by_label("Which time, before now").select_option("12 weeks")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("heading", name="What each figure says").wait_for()
    row = page.get_by_role("region", name="What became of alerts").get_by_role(
        "row", name=re.compile("motor stall|infusion")
    )
    assert await row.count() >= 1
    await picture(page, "quality")
    await page.get_by_role("link", name="The yearly review, to print").click()
    await page.get_by_role("heading", name="Yearly review of alerts").wait_for()
    await picture(page, "year")
    assert len(await printed(page, "year")) <= 3
    await page.get_by_role("link", name="Other times").click()
    await page.get_by_role("heading", name="Alert quality").wait_for()


@pytest.mark.parametrize("weeks", [4, 13])
async def test_the_fullest_sheet_prints_on_one_page_too(page: Page, weeks: int) -> None:
    """With as many rows as are shown at most, and texts as they are."""
    full = sheet_with(FULL, replace(PERIOD, since=PERIOD.until - timedelta(weeks=weeks)), PumpNow("pump-1", "north"))
    html = environment_in(Language.ENGLISH).get_template("review/sheet.html").render(
        request=None, asking=None, reloads=False, now=PERIOD.until, here=PERIOD.zone, warnings=(), sheet=full,
        chosen=Choice.TWELVE, choices=WORDS,
    )  # fmt: skip
    await page.set_content(re.sub(r'<link rel="(icon|stylesheet)"[^>]*>', "", html))
    await page.add_style_tag(path=STATIC / "board.css")
    [paper] = await printed(page, f"full-{weeks}")
    assert "more are not shown here" in paper
    assert "check with the pump's own log" in re.sub(r"\s+", " ", paper)
