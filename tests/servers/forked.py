"""Processes of `python -m services.cli` that need not import it first: forks of one that has, tests/servers/forking.py.

A start took more than a second of a processor, and nearly all of it went into imports. A fork is a process like any
other: its environment, arguments, files, session and end are its own, and it ends when the tests do. What it cannot
tell is whether a command imports what it needs, and how long a start takes: so the first service of each kind, those of
tests marked `alone`, and `pumpwatch_from_scratch` (tests/command.py) start in the ordinary way.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from services.devstack.process import Child
from services.devstack.service import ServiceProcess
from tests.servers.forking import LONGEST_MESSAGE_BYTES

_ROOT_FOLDER: Final = Path(__file__).parents[2]


class ForkedChild:
    """As `subprocess.Popen` of it would be. Its parent is not this process, so that asks it for the exit code."""

    def __init__(self, forks: Forks, pid: int, handle: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._forks = forks
        self._handle = handle

    def has_ended(self, within_seconds: float | None = 0.0) -> bool:
        """Whether it has by then; None: wait as long as it takes."""
        if self.returncode is not None:
            return True
        ended = select.poll()
        ended.register(self._handle, select.POLLIN)
        return bool(ended.poll(None if within_seconds is None else within_seconds * 1_000))

    def wait(self) -> int:
        """Wait for its end and reap it; its exit code, negative for a signal."""
        if self.returncode is None:
            self.has_ended(None)
            self.returncode = self._forks.reap(self.pid)
            os.close(self._handle)
        return self.returncode


class Forks:
    """The process that forks. It ends when the socket closes, however that comes about.

    Args:
        libraries_only: It has imported nothing of ours.
    """

    def __init__(self, *, libraries_only: bool = False) -> None:
        self._one_at_a_time = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        more = ["libraries"] if libraries_only else []
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.forking", str(theirs.fileno()), *more],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=_ROOT_FOLDER,
                start_new_session=True,
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the process that forks, and with it its children."""
        self._channel.close()
        self._process.wait()

    def fork(
        self, arguments: Sequence[str], environment: Mapping[str, str], output: int, errors: int, typed: str = ""
    ) -> ForkedChild:
        """Start `python -m services.cli ARGUMENTS`, which writes to these descriptors and reads what is `typed`."""
        message = {"arguments": list(arguments), "environment": dict(environment), "typed": typed}
        with self._one_at_a_time:
            socket.send_fds(self._channel, [json.dumps(message).encode()], [output, errors])
            answer, [handle], _, _ = socket.recv_fds(self._channel, LONGEST_MESSAGE_BYTES, 1)
        return ForkedChild(self, json.loads(answer), handle)

    def reap(self, pid: int) -> int:
        """The exit code of a child that has ended."""
        with self._one_at_a_time:
            self._channel.send(json.dumps({"reap": pid}).encode())
            return int(json.loads(self._channel.recv(LONGEST_MESSAGE_BYTES)))


@functools.cache
def forks(*, libraries_only: bool = False) -> Forks:
    """The one of this process, started when it is first asked for."""
    return Forks(libraries_only=libraries_only)


class ForkedService(ServiceProcess):
    """A service that is forked."""

    def _spawn(self, log: BinaryIO) -> Child:
        words = self.arguments[self.arguments.index("services.cli") + 1 :]
        return forks().fork(words, self._environment or os.environ, log.fileno(), log.fileno())

    def _has_ended(self, child: Child) -> bool:
        assert isinstance(child, ForkedChild)
        return child.has_ended()


def run_forked(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    within_seconds: float,
    libraries_only: bool = False,
    typed: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run `python -m services.cli ARGUMENTS` to its end, as `subprocess.run` would.

    With `libraries_only` it imports everything of ours by itself.

    Raises:
        subprocess.TimeoutExpired: It was killed, because it had not ended by then.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = forks(libraries_only=libraries_only).fork(
            arguments, environment, output.fileno(), errors.fileno(), typed
        )
        in_time = child.has_ended(within_seconds)
        if not in_time:
            os.kill(child.pid, signal.SIGKILL)
        exit_code = child.wait()
        for file in (output, errors):
            file.seek(0)
        if not in_time:
            raise subprocess.TimeoutExpired(list(arguments), within_seconds, output.read(), errors.read())
        return subprocess.CompletedProcess(list(arguments), exit_code, output.read(), errors.read())
