"""Answers that were taken while the database was away, in a file of the web process until they are recorded.

Guarantees: `add` returns when the disk has the line; a line that a kill cut short is left out and said, and takes no
other line with it; a line is removed only by who has recorded it. One process owns the file: a second one that is given
the same folder is refused.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog

from services.people.links.answers import Answer, from_line, to_line

_NAME: Final = "answers.jsonl"
_MOST_BYTES: Final = 4_000_000
"""Ten thousand answers: who writes more is no person."""

log = structlog.get_logger()


class JournalError(OSError):
    """The folder or the file cannot be used; the message says which and why."""


class Journal:
    """The file, opened and held."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "answers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"{str(folder)!r} is in use by another process: expected a state folder for each"
            raise JournalError(msg) from None
        except OSError as error:
            msg = f"{str(folder)!r} cannot be used: {error.strerror}; expected a folder that this process may write to"
            raise JournalError(msg) from None
        self._answers = self._load()

    @property
    def waiting(self) -> tuple[Answer, ...]:
        """What is not recorded yet, in the order in which it was given."""
        return self._answers

    def add(self, answer: Answer) -> None:
        """Keep an answer; one of the same page that is there already stays as it is.

        Raises:
            JournalError: It could not be kept: the disk is full, or there is no more place.
        """
        if any(each.link.delivery_id == answer.link.delivery_id for each in self._answers):
            return
        try:
            line = to_line(answer)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if size > _MOST_BYTES:
                    msg = f"{str(self._path)!r} is full: it has {size:,} bytes"
                    raise JournalError(msg)
                written = os.write(descriptor, line)
                if written != len(line):
                    os.ftruncate(descriptor, size)
                    msg = f"{str(self._path)!r} cannot be written: the disk is full"
                    raise JournalError(msg)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._sync_folder()
        except JournalError:
            raise
        except OSError as error:
            msg = f"{str(self._path)!r} cannot be written: {error.strerror}"
            raise JournalError(msg) from None
        self._answers = (*self._answers, answer)

    def remove(self, recorded: Collection[Answer]) -> None:
        """Let go of what is recorded."""
        left = tuple(each for each in self._answers if each not in recorded)
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(map(to_line, left))
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(self._path)
            self._sync_folder()
        except OSError as error:
            msg = f"{str(self._path)!r} cannot be written: {error.strerror}"
            raise JournalError(msg) from None
        self._answers = left

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    def _load(self) -> tuple[Answer, ...]:
        try:
            lines = self._path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return ()
        except OSError as error:
            msg = f"{str(self._path)!r} cannot be read: {error.strerror}"
            raise JournalError(msg) from None
        found = [from_line(line) for line in lines]
        answers = tuple(each for each in found if each is not None)
        if len(answers) != len(lines):
            # Its answer was never given: who pressed was told nothing, or that it failed.
            log.warning("answers_not_read", path=str(self._path), lines=len(lines) - len(answers))
            self._answers = answers
            self.remove(())
        return answers

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
