"""A PostgreSQL server of one's own: made, started, stopped, killed and started again on the same data.

Guarantees: loopback only; ready when `start` returns; no process of it is left after `stop`, `kill` or the
end of whoever started it. Anyone on this machine may log in without a password: it holds made-up data.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from services.devstack import folders
from services.devstack.errors import DevStackError
from services.devstack.ports import free_port
from services.devstack.process import ManagedProcess, leashed
from services.devstack.servers.installations import Installation

_ALWAYS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # /dev/shm is missing in a chroot and 64 MB in a container.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}

SCRATCH_SETTINGS: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on"}
"""For data that may be lost with the machine. `kill -9` of PostgreSQL loses nothing: the kernel has it."""

_KILL_SECONDS: Final = 5.0
_STOP_SIGNALS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class DatabaseServer(Protocol):
    """What tests and benchmarks need of a server, wherever it runs."""

    title: str
    port: int

    def start(self) -> None:
        """Start, on the data that is there, and return when connections are accepted."""

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """`fast` ends sessions and writes a checkpoint; `immediate` leaves recovery to the next start."""

    def kill(self) -> None:
        """SIGKILL to every process of the server at once, as a power cut would."""

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""

    def remove(self) -> None:
        """Stop, and remove the data."""


class PostgresServer:
    """One server; nothing runs before `start`.

    Args:
        installation: Whose programs to run.
        data_folder: Owned by the account the server runs as; made with `installation.make_data_folder` when None.
        port: None: a free one.
        settings: Beside those of the installation, which they override.
    """

    def __init__(
        self,
        installation: Installation,
        data_folder: Path | None = None,
        port: int | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        log_path: Path | None = None,
    ) -> None:
        self.title = installation.title
        self.port = free_port() if port is None else port
        self._installation = installation
        self._data_folder = data_folder or installation.make_data_folder("postgres")
        cluster = self._cluster
        everything = {**_ALWAYS, **installation.settings, **(settings or {}), "port": str(self.port)}
        self.process = ManagedProcess(
            "PostgreSQL",
            [
                str(installation.programs / "postgres"),
                "-D",
                str(installation.as_seen_inside(cluster)),
                *(word for name, value in everything.items() for word in ("-c", f"{name}={value}")),
            ],
            log_path=log_path or self._data_folder / "postgres.log",
            environment=_environment(),
            folder=Path("/"),
            run_as=installation.run_as,
            parent_gone=signal.SIGQUIT,  # the postmaster then takes its children with it
        )

    @property
    def _cluster(self) -> Path:
        return self._data_folder / "data"

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster if it is not there, start, and return when connections are accepted.

        Raises:
            DevStackError: With the end of the log.
        """
        if not (self._cluster / "PG_VERSION").exists():
            self._initdb()
        self.process.start()
        self.process.wait_until(self._is_ready, within_seconds=60, waiting_for="connections to be accepted")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """`fast` ends sessions and writes a checkpoint; `immediate` leaves recovery to the next start."""
        self.process.terminate(within_seconds=20, number=_STOP_SIGNALS[mode])

    def kill(self) -> None:
        """SIGKILL to the postmaster and all its children at once, as a power cut would."""
        if not self.process.is_running:
            return
        # Each child is its own process group, so they must be found; a stopped postmaster starts no more of them.
        self.process.send_signal(signal.SIGSTOP)
        with contextlib.ExitStack() as stack:
            children = [_handle(stack, pid) for pid in _children_of(self.process.pid)]
            self.process.kill()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(child, signal.SIGKILL)
            for child in children:
                select.select([child], [], [], _KILL_SECONDS)  # readable when the process is gone

    def copy(self, *, settings: Mapping[str, str] | None = None) -> PostgresServer:
        """A server of its own on a copy of this one's data, not started yet. This one must have been stopped in order.

        Raises:
            DevStackError: This one runs, or the data cannot be copied.
        """
        if self.process.is_running:
            msg = f"{self.title} on port {self.port} runs: what it writes meanwhile would be copied in part"
            raise DevStackError(msg)
        twin = PostgresServer(self._installation, settings=settings)
        copying = ["cp", "--archive", "--reflink=auto", str(self._cluster), str(twin._cluster)]
        done = subprocess.run(copying, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            twin.remove()
            msg = f"{self._cluster} cannot be copied: {done.stderr.strip()[-600:]}"
            raise DevStackError(msg)
        return twin

    def remove(self) -> None:
        """Stop at once, and remove the data."""
        self.stop("immediate")
        folders.remove_folder(self._data_folder)

    def _initdb(self) -> None:
        done = subprocess.run(
            leashed(
                [
                    str(self._installation.programs / "initdb"),
                    f"--pgdata={self._installation.as_seen_inside(self._cluster)}",
                    "--username=postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "--no-instructions",
                ],
                run_as=self._installation.run_as,
                parent_gone=signal.SIGKILL,
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            check=False,
        )
        if done.returncode != 0:
            tail = "\n".join(done.stdout.decode(errors="replace").splitlines()[-8:])
            msg = f"initdb failed in {self._data_folder} with exit code {done.returncode}:\n{tail}"
            raise DevStackError(msg)

    def _is_ready(self) -> bool:
        """Whether the running postmaster says so in its lock file, as `pg_ctl --wait` reads it."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _environment() -> dict[str, str]:
    """A bare environment: PGDATA, PGPORT or a locale of the developer's must not change the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _children_of(pid: int) -> list[int]:
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The second field is the name in brackets and may hold anything; the fourth is the parent.
            parent = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError, IndexError):
            continue
        if parent == str(pid):
            children.append(int(status.parent.name))
    return children


def _handle(stack: contextlib.ExitStack, pid: int) -> int:
    """A handle that stays this process's own, whoever gets its id next."""
    handle = os.pidfd_open(pid)
    stack.callback(os.close, handle)
    return handle
