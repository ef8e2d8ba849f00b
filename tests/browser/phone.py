"""A phone on which nobody is signed in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from playwright.async_api import Page, ViewportSize

from services.alerts.web.identity.browser import session_cookie
from services.runtime.database import Pool
from tests.browser.chromium import chromium
from tests.signed_in import make_session

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


async def sign_in(page: Page, url: str, pool: Pool, person_id: UUID, now: datetime) -> None:
    """The phone has a session of this person at that time."""
    token = await make_session(pool, person_id, now)
    await page.context.add_cookies([{"name": session_cookie("http://127.0.0.1"), "value": token, "url": url}])
