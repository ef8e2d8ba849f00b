"""The demo's folder: empty at the start, one demo's at a time, and its owner's alone: pages hold links that act."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from services.devstack.errors import DevStackError


def append_privately(path: Path, text: str) -> None:
    """Add to a file that nobody else may read."""
    with open(path, "a", encoding="utf-8", opener=_open_privately) as file:
        file.write(text)


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """Empty the folder, and keep a second demo out of it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)  # of an earlier release
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
