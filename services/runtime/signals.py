"""SIGTERM, Ctrl-C and a parent that is gone as an event that services wait for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


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
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        if lifeline is not None:
            loop.remove_reader(lifeline)
