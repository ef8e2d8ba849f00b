"""The Chromium that looks at an application."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

QUIET: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
)
"""What keeps a browser from asking others than the test's own server."""


@asynccontextmanager
async def chromium(options: Sequence[str] = QUIET) -> AsyncIterator[Browser]:
    """The system's own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: install the system's package `chromium`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *options])
        yield browser
        await browser.close()
