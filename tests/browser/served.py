"""An application on a port of this machine, and the Chromium that looks at it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

from services.devstack.ports import accepts_connections
from services.runtime.http.server import serve
from tests.stack import eventually

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
async def served(app: Any, port: int) -> AsyncIterator[asyncio.Task[None]]:
    """The application, once it answers; the task serves it until it is cancelled."""
    server = asyncio.create_task(serve(app, host="127.0.0.1", port=port))

    async def listens() -> bool:
        return await asyncio.to_thread(accepts_connections, "127.0.0.1", port)

    try:
        await eventually(listens)
        yield server
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


@asynccontextmanager
async def chromium(options: Sequence[str] = QUIET) -> AsyncIterator[Browser]:
    """The system's own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: install the system's package `chromium`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *options])
        yield browser
        await browser.close()
