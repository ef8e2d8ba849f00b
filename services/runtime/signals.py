"""Being told to stop: by SIGTERM, by Ctrl-C, or because a parent is gone.

`stop_signal` is for services, which wait for an event. `stop_as_exception` is for code that runs step by step, and may
be anywhere when the signal comes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_ORDERLY: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signal(*, lifeline: int | None = None) -> Iterator[asyncio.Event]:
    """Yield an event that is set at the first SIGTERM or SIGINT; a second one of the same kind ends the process.

    At once, by the signal itself, with nothing closed in order. Whatever must survive is in the database or at the
    broker, and what was not acknowledged comes again.

    Args:
        lifeline: The reading end of a pipe that a parent holds open; that it closes is a stop, too.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)  # not Python's own for SIGINT, after which asyncio still tidies up

    def readable(descriptor: int) -> None:
        if not os.read(descriptor, 1024):
            stop.set()
            loop.remove_reader(descriptor)

    if lifeline is not None:
        loop.add_reader(lifeline, readable, lifeline)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _ORDERLY}
    for number in _ORDERLY:
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        if lifeline is not None:
            loop.remove_reader(lifeline)


class StopRequested(KeyboardInterrupt):
    """Ctrl-C, SIGTERM, or a terminal that closed: an ordinary end. asyncio lets this kind through at any place."""


@contextmanager
def stop_as_exception(at_once: Callable[[], None]) -> Iterator[threading.Event]:
    """Raise `StopRequested` in the main thread at each SIGTERM, SIGINT and SIGHUP.

    Yields an event. Set it before cleaning up, which must not be interrupted: from then on no signal raises, but calls
    `at_once`, which is to make the cleaning up quick.
    """
    ending = threading.Event()

    def stop(number: int, frame: object) -> None:
        del number, frame
        if not ending.is_set():
            raise StopRequested
        at_once()

    before = {number: signal.signal(number, stop) for number in (*_ORDERLY, signal.SIGHUP)}
    try:
        yield ending
    finally:
        ending.set()
        for number, handler in before.items():
            signal.signal(number, handler)
