"""The demo's folder: empty at the start, and one demo's at a time."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from services.devstack.errors import DevStackError


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
