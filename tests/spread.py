"""The tests in several processes (pytest-xdist): what goes first, what runs alone, and what the report says at its end.

Most tests wait for processes, brokers and time limits, so several at once take little longer than one. A test marked
`alone` promises a time or a speed: it runs near the end, and no other test runs meanwhile. In one process all stays as
it is without.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

SUMMARY = pytest.StashKey[dict[str, str]]()
"""Lines for the end of the report, by what they are about."""

_FOLDERS = ("faults", "e2e", "browser", "integration", "contract", "unit")
"""The slowest tests first, so that none is left over at the end; those that need nothing but a processor last."""
_LOCK = pytest.StashKey[int]()


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _turn(item: pytest.Item) -> tuple[bool, int]:
    folders = item.path.relative_to(item.config.rootpath).parts
    return _is_alone(item), next((place for place, folder in enumerate(_FOLDERS) if folder in folders), 0)


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


@contextmanager
def in_turn(folders: pytest.TempPathFactory, what: str) -> Iterator[None]:
    """One of this run's processes at a time: for what changes a server that all of them may share."""
    with (folders.getbasetemp().parent / f"{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(item: pytest.Item) -> int:
    """A file that all processes of this run have open, in the folder above the temporary folder of each."""
    stash = item.config.stash
    if _LOCK not in stash:
        folders: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
        path = folders.getbasetemp().parent / "alone.lock"
        stash[_LOCK] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return stash[_LOCK]


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(SUMMARY, {})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Of several processes each says what the end of the report must tell to the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        summary: dict[str, str] = session.config.stash[SUMMARY]
        output["summary"] = summary


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    lines: dict[str, str] = getattr(node, "workeroutput", {}).get("summary", {})  # none of a process that died
    node.config.stash[SUMMARY].update(lines)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[SUMMARY].values():
        terminalreporter.write_line(line)
