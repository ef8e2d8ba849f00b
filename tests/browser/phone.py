"""A phone on which nobody is signed in, and the board that it looks at."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from playwright.async_api import Page, ViewportSize

from services.alerts.web.api import create_app
from services.alerts.web.identity.browser import session_cookie
from services.devstack.ports import free_port
from services.runtime.database import Pool
from tests.alerts_pages import web_of_story
from tests.alerts_world import Story
from tests.browser.chromium import chromium
from tests.servers.served import served
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


@contextlib.asynccontextmanager
async def board_of(story: Story) -> AsyncIterator[str]:
    """The address of the board of a story's clinic, in this process."""
    port = free_port()
    async with served(create_app(web_of_story(story, public_url="http://127.0.0.1")), port):
        yield f"http://127.0.0.1:{port}"


async def picture(page: Page, name: str) -> None:
    """For who wants to look: a picture of the whole page, where the variable names a folder."""
    folder = os.environ.get("PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def fits(page: Page) -> bool:
    """Whether nobody has to scroll sideways on a phone."""
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    return bool(width <= SCREEN["width"])


async def sign_in(page: Page, url: str, pool: Pool, person_id: UUID, now: datetime) -> None:
    """The phone has a session of this person at that time."""
    token = await make_session(pool, person_id, now)
    await page.context.add_cookies([{"name": session_cookie("http://127.0.0.1"), "value": token, "url": url}])
