"""A child process that is always ended, and that is ready when a condition says so.

Guarantees: the child is a session of its own (Ctrl-C in the terminal does not reach it), its output goes to a
file, it ends when the thread that started it ends (the kernel sees to that, so start it from the main
thread), and ending it ends its whole process group. A process id is signalled only while the child has not
been reaped, so never another's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self

from services.devstack.errors import DevStackError, ProcessDiedError

_LEASH: Final = Path(__file__).with_name("leash.py")
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class RunAs:
    """For root: the account, and the folder that becomes its root, under which a server runs."""

    uid: int
    gid: int
    chroot: Path | None = None
    shown: tuple[Path, Path] | None = None
    """A folder, and where else the server sees it: so one that is under another root can be reached from this one."""


def leashed(arguments: Sequence[str], *, run_as: RunAs | None, parent_gone: signal.Signals) -> list[str]:
    """Prefix a command so that it cannot outlive this process."""
    options: dict[str, object] = {"parent": os.getpid(), "signal": int(parent_gone)}
    if run_as is not None:
        options |= {"uid": run_as.uid, "gid": run_as.gid}
        if run_as.shown is not None:
            options["shown"] = [str(folder) for folder in run_as.shown]
        if run_as.chroot is not None:
            options["chroot"] = str(run_as.chroot)
    return [sys.executable, "-I", "-S", str(_LEASH), json.dumps(options), *arguments]


class Child(Protocol):
    """What runs, as `subprocess.Popen` has it."""

    pid: int
    returncode: int | None

    def wait(self) -> int:
        """Wait for its end and reap it; from then on the id may be another's."""


class ManagedProcess:
    """One child process. Use it as a context manager, or call `start` and one of `terminate` and `kill`.

    `start` may be called again after the end: the log is appended to.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        run_as: RunAs | None = None,
        parent_gone: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.arguments = tuple(arguments)
        self.log_path = log_path
        self._environment = None if environment is None else dict(environment)
        self._folder = folder
        self._run_as = run_as
        self._parent_gone = parent_gone
        self._child: Child | None = None

    def start(self) -> None:
        """Start the program. A program that cannot be executed shows as one that died at once."""
        if self._child is not None and self._child.returncode is None:
            msg = f"{self.name} is already running as process {self._child.pid}"
            raise DevStackError(msg)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._child = self._spawn(log)

    def _spawn(self, log: BinaryIO) -> Child:
        return subprocess.Popen(
            leashed(self.arguments, run_as=self._run_as, parent_gone=self._parent_gone),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env=self._environment,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id; the program keeps it from start to end."""
        if self._child is None:
            msg = f"{self.name} was not started"
            raise DevStackError(msg)
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there and has not ended."""
        child = self._child
        if child is None or child.returncode is not None:
            return False
        return not self._has_ended(child)

    def _has_ended(self, child: Child) -> bool:
        # WNOWAIT leaves the child unreaped, so its id cannot be another's while we may still signal it.
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal), or None while it runs or before it was started."""
        if self._child is None or self.is_running:
            return None
        return self._reap()

    def log(self) -> str:
        """Everything the process wrote."""
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def log_tail(self, lines: int = 20) -> str:
        """The last lines the process wrote."""
        return "\n".join(self.log().splitlines()[-lines:])

    def died(self) -> ProcessDiedError:
        """The error that says that this process has ended and why, as far as its log tells."""
        return ProcessDiedError(
            f"{self.name} ended with exit code {self.exit_code}; the end of {self.log_path}:\n{self.log_tail()}"
        )

    @property
    def hint(self) -> str:
        """What else is known of why it is not ready."""
        return ""

    def wait_until(self, condition: Callable[[], bool], *, within_seconds: float, waiting_for: str) -> None:
        """Block until `condition()` holds.

        Raises:
            ProcessDiedError: The process ended first.
            DevStackError: The time is over.
        """

        def holds() -> bool:
            if condition():
                return True
            if not self.is_running:
                raise self.died()
            return False

        if not _comes_true(holds, within_seconds):
            msg = (
                f"{self.name}: still waiting for {waiting_for} after {within_seconds:g} s{self.hint}; "
                f"the end of {self.log_path}:\n{self.log_tail()}"
            )
            raise DevStackError(msg)

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process itself, if it still runs."""
        if self.is_running:
            os.kill(self.pid, number)

    def wait(self, within_seconds: float) -> bool:
        """Wait for the process to end by itself; tells whether it did."""
        return _comes_true(lambda: not self.is_running, within_seconds)

    def terminate(self, *, within_seconds: float = 10.0, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask it to end, and kill it and its group when it has not by then. Returns the exit code."""
        self.send_signal(number)
        if self._child is not None:
            self.wait(within_seconds)
            self._kill_group()
        return self.exit_code

    def kill(self) -> None:
        """SIGKILL to the process and its group; returns when it is gone."""
        self._kill_group()

    def _kill_group(self) -> None:
        child = self._child
        if child is None or child.returncode is not None:
            return
        # Not reaped yet, so the group id is still ours, also when the leader is already dead.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        self._reap()

    def _reap(self) -> int:
        if self._child is None:
            msg = f"{self.name} was not started"
            raise DevStackError(msg)
        return self._child.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()


def _comes_true(condition: Callable[[], bool], within_seconds: float) -> bool:
    """Look again and again until `condition()` holds, or the time is over; tells which."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
