"""The tests in several processes (pytest-xdist): what goes first, what runs alone, and what the report says at its end.

Most tests wait for processes, brokers and time limits, so several at once take little longer than one. A test marked
`alone` promises a time or a speed: it runs last, while no other test does. Without xdist nothing here does anything.
"""

from __future__ import annotations

import fcntl
import pathlib
from collections.abc import Generator
from typing import IO

import pytest

SUMMARY = pytest.StashKey[dict[str, str]]()
"""Lines for the end of the report, by what they are about."""

_FOLDERS = ("faults", "e2e", "browser", "integration", "contract", "unit")
"""The slowest tests first, so that none is left over at the end; those that need nothing but a processor last."""
_HERE = pathlib.Path(__file__).parent
_LOCK = pytest.StashKey[IO[bytes]]()


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _turn(item: pytest.Item) -> tuple[bool, int]:
    folder = item.path.relative_to(_HERE).parts[0]
    return _is_alone(item), _FOLDERS.index(folder) if folder in _FOLDERS else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)  # within a folder as they were, which is the same in every process


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the time limit too: waiting for one's turn is not the test's
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not hasattr(item.config, "workerinput"):
        return (yield)
    lock = _lock(item)
    fcntl.flock(lock, fcntl.LOCK_EX if _is_alone(item) else fcntl.LOCK_SH)
    try:
        return (yield)
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _lock(item: pytest.Item) -> IO[bytes]:
    """A file that all processes of this run have open, in the folder above the temporary folder of each."""
    stash = item.config.stash
    if _LOCK not in stash:
        folders: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
        stash[_LOCK] = (folders.getbasetemp().parent / "alone.lock").open("ab")
    return stash[_LOCK]
