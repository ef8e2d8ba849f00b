"""Says that work goes on, and how far it has come, to whoever waits for a command.

Guarantees: it writes to standard error only. At a terminal it is one line that is written over and is gone at the end,
from the first second on. Elsewhere it is a line every ten seconds, and none for programs, which read errors there.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final, TextIO

_AT_A_TERMINAL: Final = (1.0, 0.5)
_ELSEWHERE: Final = (10.0, 10.0)


class Progress:
    """How far the work of one command has come.

    Args:
        out: Where it is said.
        at_a_terminal: One line is written over; else each is a line of its own.
        pace: After so many seconds for the first time, and then every so many; else as it is usual there.
    """

    def __init__(self, out: TextIO, *, at_a_terminal: bool, pace: tuple[float, float] | None = None) -> None:
        self._out = out
        self._at_a_terminal = at_a_terminal
        self._first_seconds, self._every_seconds = pace or (_AT_A_TERMINAL if at_a_terminal else _ELSEWHERE)
        self._began = time.monotonic()
        self._words = ""
        self._shown = 0
        self._one_at_a_time = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True, name="progress")

    def begin(self) -> None:
        """Say it from now and then on, until `end`."""
        self._thread.start()

    def end(self) -> None:
        """Say nothing more; what stood there is gone."""
        self._ended.set()
        self._thread.join()
        self.make_room()

    def come_to(self, done: int, of: int, things: str) -> None:
        """Remember how far it is: "120 of 300 pumps"."""
        self._words = f"{done:,} of {of:,} {things}"

    def make_room(self) -> None:
        """Take the line away, because something else is printed."""
        with self._one_at_a_time:
            if self._shown:
                self._write(f"\r{'':{self._shown}}\r")
                self._shown = 0

    def line(self) -> str:
        """What is said now."""
        seconds = time.monotonic() - self._began
        return f"{self._words or 'still at work'}, {seconds:.0f} s"

    def _go_on(self) -> None:
        wait = self._first_seconds
        while not self._ended.wait(wait):
            wait = self._every_seconds
            with self._one_at_a_time:
                text = self.line()
                self._write(f"\r{text:{self._shown}}" if self._at_a_terminal else f"{text}\n")
                self._shown = len(text) if self._at_a_terminal else 0

    def _write(self, text: str) -> None:
        with suppress(OSError):  # whoever read it is away: the work goes on
            self._out.write(text)
            self._out.flush()


UNDER_WAY: Final[ContextVar[Progress | None]] = ContextVar("under_way", default=None)
"""What is said of the work that is done now; None: nothing is."""


@contextmanager
def under_way(*, quiet: bool, for_programs: bool) -> Iterator[None]:
    """Tell whoever waits that the work within goes on."""
    at_a_terminal = sys.stderr.isatty()
    if quiet or (for_programs and not at_a_terminal):
        yield
        return
    progress = Progress(sys.stderr, at_a_terminal=at_a_terminal)
    token = UNDER_WAY.set(progress)
    progress.begin()
    try:
        yield
    finally:
        progress.end()
        UNDER_WAY.reset(token)


def how_far(done: int, of: int, things: str) -> None:
    """Say how far the work has come, if anybody is told."""
    if (progress := UNDER_WAY.get()) is not None:
        progress.come_to(done, of, things)
