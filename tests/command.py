"""`pumpwatch` as a person types it."""

from __future__ import annotations

import os
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
