"""How a demo begins and ends: alone in its folder, and in order when it is told to stop."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from services.devstack.errors import DevStackError


class StopRequested(KeyboardInterrupt):
    """Ctrl-C or SIGTERM: the ordinary end. asyncio lets this kind through, wherever the signal finds it."""


@contextlib.contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """Empty the folder, and keep a second demo out of it."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"a demo is running in {folder.resolve()} already: end that one first"
            raise DevStackError(msg) from error
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()
        (folder / "logs").mkdir()
        yield


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Make Ctrl-C and a termination end the demo in order; once the event is set they are ignored."""
    ending = threading.Event()

    def stop(number: int, frame: object) -> None:
        del number, frame
        if not ending.is_set():
            raise StopRequested

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield ending
    finally:
        ending.set()
        for number, handler in before.items():
            signal.signal(number, handler)
