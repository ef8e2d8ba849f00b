"""What the demo shows: steps with their time, one status line that renews itself, and each page in a box.

Guarantees: usable from several threads; plain lines without colours where the output is not a terminal.
"""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from typing import Final

from services.devstack.pages import Page

_WIDTH: Final = 78
_PLAIN_STATUS_EVERY_SECONDS: Final = 10.0


class Screen:
    """Writes to standard output; `color` False writes no escape sequences at all."""

    def __init__(self, *, color: bool) -> None:
        self._started = time.monotonic()
        self._terminal = color and sys.stdout.isatty()
        self._lock = threading.Lock()
        self._status = ""
        self._status_written_at = self._started

    @property
    def seconds(self) -> float:
        """How long ago the start was."""
        return time.monotonic() - self._started

    def step(self, text: str) -> None:
        """Write what is done, with the time since the start."""
        self._write(f"{self._dim(f'{self.seconds:6.1f} s')}  {text}")

    def say(self, text: str = "") -> None:
        """Write text as it is."""
        self._write(text)

    def error(self, text: str) -> None:
        """Write what is wrong."""
        self._write(self._paint(f"error: {text}", "31"))

    def page(self, page: Page) -> None:
        """Write a page that has gone out, in a box."""
        heading = f" PAGE {page.received_at.astimezone():%H:%M:%S} "
        lines = [page.title, *page.body.splitlines()]
        wrapped = [part for line in lines for part in textwrap.wrap(line, _WIDTH - 4) or [""]]
        box = [
            f"┌─{heading}{'─' * (_WIDTH - 3 - len(heading))}┐",
            *(f"│ {line:<{_WIDTH - 4}} │" for line in wrapped),
            f"└{'─' * (_WIDTH - 2)}┘",
        ]
        self._write("\n".join(self._paint(line, "33") for line in box))

    def status(self, text: str) -> None:
        """Write the newest state: in place of the last one on a terminal, else only now and then."""
        now = time.monotonic()
        with self._lock:
            if self._terminal:
                self._status = text
                print(f"\r\x1b[2K{self._dim(text)}", end="", flush=True)
            elif now - self._status_written_at >= _PLAIN_STATUS_EVERY_SECONDS:
                self._status_written_at = now
                print(text, flush=True)

    def end_status(self) -> None:
        """Leave the status line as it stands."""
        with self._lock:
            if self._terminal and self._status:
                print(flush=True)
            self._status = ""

    def _write(self, text: str) -> None:
        with self._lock:
            if self._terminal and self._status:
                print(f"\r\x1b[2K{text}\n{self._dim(self._status)}", end="", flush=True)
            else:
                print(text, flush=True)

    def _dim(self, text: str) -> str:
        return self._paint(text, "2")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._terminal else text
