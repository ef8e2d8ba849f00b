"""A phone on which nobody is signed in."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from datetime import datetime

from playwright.async_api import Page, ViewportSize, async_playwright

SCREEN: ViewportSize = {"width": 390, "height": 844}


@contextlib.asynccontextmanager
async def phone(now: datetime) -> AsyncIterator[Page]:
    """A browser of a phone in Berlin at that time; an error of a script fails the test."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: install the system's package `chromium`"
    async with async_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
        browser = await playwright.chromium.launch(executable_path=program, args=options)
        context = await browser.new_context(viewport=SCREEN, timezone_id="Europe/Berlin", locale="en-GB")
        page = await context.new_page()
        await page.clock.install(time=now)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        yield page
        await browser.close()
        assert troubles == []
