"""Being told to stop: by SIGTERM, by Ctrl-C, or because a parent is gone.

`stop_signal` is for services, which wait for an event. `stop_as_exception` is for code that runs step by step, and may
be anywhere when the signal comes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ORDERLY: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signal(*, lifeline: int | None = None) -> Iterator[asyncio.Event]:
    """Yield an event that is set at the first SIGTERM or SIGINT; a second one acts as it always did.

    Args:
        lifeline: The reading end of a pipe that a parent holds open; that it closes is a stop, too.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    def readable(descriptor: int) -> None:
        if not os.read(descriptor, 1024):
            stop.set()
            loop.remove_reader(descriptor)

    if lifeline is not None:
        loop.add_reader(lifeline, readable, lifeline)
    for number in _ORDERLY:
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in _ORDERLY:
            loop.remove_signal_handler(number)
        if lifeline is not None:
            loop.remove_reader(lifeline)


class StopRequested(KeyboardInterrupt):
    """Ctrl-C, SIGTERM, or a terminal that closed: an ordinary end. asyncio lets this kind through at any place."""


@contextmanager
def stop_as_exception() -> Iterator[threading.Event]:
    """Raise `StopRequested` in the main thread at each SIGTERM, SIGINT and SIGHUP.

    Yields an event. Once it is set, the signals are ignored: set it before cleaning up, which must not be interrupted.
    """
    ending = threading.Event()

    def stop(number: int, frame: object) -> None:
        del number, frame
        if not ending.is_set():
            raise StopRequested

    before = {number: signal.signal(number, stop) for number in (*_ORDERLY, signal.SIGHUP)}
    try:
        yield ending
    finally:
        ending.set()
        for number, handler in before.items():
            signal.signal(number, handler)
