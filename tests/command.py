"""`pumpwatch` as a person types it."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys

from tests.servers.forked import run_forked


def pumpwatch(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process that has its imports already; `typed` is on its standard input."""
    return run_forked(arguments, {**os.environ, **environment}, within_seconds=60, typed=typed)


def pumpwatch_with_libraries(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process that has imported libraries of others, and nothing of ours: it imports what it needs."""
    return run_forked(arguments, {**os.environ, **environment}, within_seconds=60, libraries_only=True)


def pumpwatch_from_scratch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as a shell does: this tells whether the command itself imports what it needs."""
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def at_a_terminal(*arguments: str, asks: str = "", answer: str = "", **environment: str) -> tuple[int, str]:
    """Run it as a person does, who answers what it asks; its exit code, and everything that stood there."""
    words = [sys.executable, "-m", "services.cli", *arguments]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(words[0], words, {**os.environ, **environment})  # noqa: S606 - no shell is needed
    said, answered = b"", not asks
    try:
        while chunk := _read(terminal):
            said += chunk
            if not answered and asks.encode() in said:
                os.write(terminal, f"{answer}\n".encode())
                answered = True
    finally:
        os.close(terminal)  # which ends it, if it has not ended
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def _read(terminal: int) -> bytes:
    with contextlib.suppress(OSError):  # the other end is closed: it has ended
        return os.read(terminal, 4096)
    return b""
