"""A phone on which nobody is signed in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

from playwright.async_api import Page, ViewportSize

from tests.browser.chromium import chromium

SCREEN: ViewportSize = {"width": 390, "height": 844}


@contextlib.asynccontextmanager
async def phone(now: datetime) -> AsyncIterator[Page]:
    """A browser of a phone in Berlin at that time; an error of a script fails the test."""
    async with chromium() as browser:
        context = await browser.new_context(viewport=SCREEN, timezone_id="Europe/Berlin", locale="en-GB")
        page = await context.new_page()
        await page.clock.install(time=now)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        yield page
    assert troubles == []
