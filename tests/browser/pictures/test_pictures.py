"""The documents' pictures are of the running system: what they show is what a nurse sees there.

`make pictures` keeps them in docs/pictures (lossless WebP); otherwise they stand in the test's own folder.
"""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from services.devstack.pages import PageCollector
from tests.browser.chromium import chromium
from tests.browser.pictures.clinic import LOW, STALLED, SURGING, Clinic, clinic_of_the_pictures
from tests.stack import Database, RunService, StartBroker

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

DESK: Final[ViewportSize] = {"width": 1280, "height": 1180}
TALL: Final[ViewportSize] = {"width": 740, "height": 1640}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}


async def test_the_documents_show_what_a_nurse_sees(
    database: Database,
    own_broker: StartBroker,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    kept = folder(tmp_path)
    scene = clinic_of_the_pictures(database, own_broker, run_service, page_collector, tmp_path)
    async with scene as clinic, chromium() as browser:
        desk = await looking_at(browser, clinic, DESK)
        await page_collector.wait_for(3, within_seconds=60)
        await on_a_phone(browser, clinic, kept)
        late = await of_refills(desk, clinic, kept)
        await of_the_board(desk, clinic, kept, late)
        await of_a_pump(desk, clinic, kept, late)
    assert names(kept) == ["alert-phone", "board-dark", "board-light", "board-phone", "pump", "refills", "review"]


def folder(tmp_path: Path) -> Path:
    """Where the pictures go."""
    named = Path(os.environ.get("PICTURES") or tmp_path / "pictures")
    named.mkdir(exist_ok=True)
    return named


def names(kept: Path) -> list[str]:
    return sorted(path.stem for path in kept.glob("*.webp"))


async def looking_at(browser: Browser, clinic: Clinic, size: ViewportSize, **more: Any) -> Page:
    """A page of a browser in which Ann is signed in; an error of a script fails the test."""
    context: BrowserContext = await browser.new_context(
        viewport=size, timezone_id="Europe/Berlin", locale="en-GB", **more
    )
    await context.add_cookies([{"name": "pumpwatch", "value": clinic.token, "url": clinic.url}])
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


async def on_a_phone(browser: Browser, clinic: Clinic, kept: Path) -> None:
    """The page of three in the morning: the stall, which nobody has acknowledged; and then she does."""
    page = await looking_at(browser, clinic, PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    await page.goto(clinic.url)
    card = page.locator("#alerts article").filter(has_text=STALLED)
    await expect(card).to_contain_text("Told: nurse on call", timeout=20_000)
    await keep(page, kept / "board-phone.webp")
    await card.get_by_role("link", name="Motor stall").click()
    await expect(page.get_by_role("heading", name="What to do")).to_be_visible()
    await keep(page, kept / "alert-phone.webp")
    await page.get_by_role("button", name="Acknowledge", exact=True).click()
    await expect(page.get_by_text("Acknowledged by Ann Keller").first).to_be_visible()
    await page.context.close()


async def of_refills(page: Page, clinic: Clinic, kept: Path) -> str:
    """She books a visit for who should come soonest but the pump that is low already, and too late: which pump's."""
    await page.goto(f"{clinic.url}/refills")
    row = page.locator("table.refills tbody tr").filter(has_not_text=LOW).first
    pump = await row.get_by_role("rowheader").get_by_role("link").inner_text()
    await row.locator("summary", has_text="Book").click()
    await row.get_by_label("Day").fill(f"{datetime.now(UTC) + timedelta(days=27):%Y-%m-%d}")
    await row.get_by_role("button", name="Book").click()
    booked = page.locator("table.refills tbody tr").filter(has_text=pump)
    await expect(booked).to_contain_text("booked by Ann Keller")
    await expect(booked).to_contain_text("The reservoir may reach its alarm level first")
    await keep(page, kept / "refills.webp")
    return pump


async def of_the_board(page: Page, clinic: Clinic, kept: Path, late: str) -> None:
    async with page.expect_response(lambda answer: "/live" in answer.url):
        await page.goto(clinic.url)
    cards = page.locator("#alerts article")
    await expect(cards.filter(has_text="Acknowledged by Ann Keller")).to_contain_text(STALLED)
    for pump, told in ((SURGING, "Unusual bolus demand"), (LOW, "Low reservoir"), (late, "low before the refill")):
        card = cards.filter(has_text=pump).filter(has_text=told)
        await expect(card).to_contain_text("Told: nurse on call", timeout=60_000)
    await keep(page, kept / "board-light.webp")
    await page.emulate_media(color_scheme="dark")
    await keep(page, kept / "board-dark.webp")
    await page.emulate_media(color_scheme="light")


async def of_a_pump(page: Page, clinic: Clinic, kept: Path, pump: str) -> None:
    await page.goto(f"{clinic.url}/pumps/{SURGING}/review")
    await expect(page.get_by_role("heading", name="Therapy review")).to_contain_text(SURGING)
    await shoot(page, kept / "review.webp")  # a sheet for paper: no script turns its times into the reader's
    await page.set_viewport_size(TALL)
    await page.goto(f"{clinic.url}/pumps/{pump}")
    await expect(page.get_by_role("heading", name="Requests for a bolus")).to_be_visible()
    await keep(page, kept / "pump.webp")


async def keep(page: Page, path: Path) -> None:
    """What the window shows; its times are those of the clinic's clock."""
    await expect(page.locator("header .read")).not_to_contain_text("UTC")
    await shoot(page, path)


async def shoot(page: Page, path: Path) -> None:
    drawn = await page.screenshot(animations="disabled", caret="hide")
    with Image.open(io.BytesIO(drawn)) as picture:
        picture.convert("RGB").save(path, "WEBP", lossless=True, quality=100, method=6)
