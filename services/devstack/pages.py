"""A pager for the demo and the tests: an HTTP server that receives what Apprise's `json://` channel posts.

Guarantees: loopback only; every post that was answered with success is kept, in the order of arrival.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from services.devstack.ports import free_port

_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it reached the phone."""

    received_at: datetime
    title: str
    body: str
    raw: dict[str, Any]


class PageCollector:
    """The server. It runs in a thread of its own from `start` to `stop`.

    Args:
        port: None: a free one.
        on_page: Called for each page, in the server's thread.

    `answer_status` and `answer_delay_seconds` may be changed while it runs, to make a pager that fails or is slow.
    """

    def __init__(self, port: int | None = None, *, on_page: Callable[[Page], None] | None = None) -> None:
        self.port = free_port() if port is None else port
        self.answer_status = 200
        self.answer_delay_seconds = 0.0
        self.begun = 0
        """Requests that have come in, answered or not."""
        self.refused = 0
        self._pages: list[Page] = []
        self._on_page = on_page
        self._changed = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The Apprise URL of the pager."""
        return f"json://127.0.0.1:{self.port}/"

    @property
    def pages(self) -> tuple[Page, ...]:
        """What has arrived so far."""
        with self._changed:
            return tuple(self._pages)

    def start(self) -> None:
        """Listen; returns when posts are accepted."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(collector._receive(body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing: pages are shown by `on_page`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="page-collector"
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None

    async def wait_for(self, count: int, *, within_seconds: float = 15.0) -> tuple[Page, ...]:
        """Wait until at least `count` pages have arrived, and return all of them.

        Raises:
            AssertionError: They did not arrive in time; names those that did.
        """
        deadline = time.monotonic() + within_seconds
        while len(self.pages) < count:
            if time.monotonic() > deadline:
                titles = [page.title for page in self.pages]
                msg = f"expected {count} pages within {within_seconds:g} s, got {len(titles)}: {titles}"
                raise AssertionError(msg)
            await asyncio.sleep(_POLL_SECONDS)
        return self.pages

    def clear(self) -> None:
        """Forget what has arrived."""
        with self._changed:
            self._pages.clear()
            self.refused = 0

    def _receive(self, body: bytes) -> int:
        with self._changed:
            self.begun += 1
        time.sleep(self.answer_delay_seconds)
        status = self.answer_status
        if status >= 300:
            with self._changed:
                self.refused += 1
            return status
        raw = json.loads(body)
        page = Page(datetime.now(UTC), str(raw.get("title", "")), str(raw.get("message", "")), raw)
        with self._changed:
            self._pages.append(page)
        if self._on_page is not None:
            self._on_page(page)
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
