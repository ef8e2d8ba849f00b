"""TimescaleDB in a container: the last resort, where there is Docker and nothing else.

Guarantees as in `postgres`, but for one: Docker keeps a container whose owner was killed. Such are
removed when the next one is made.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from services.devstack.errors import DevStackError
from services.devstack.ports import free_port
from services.devstack.servers.installations import TIMESCALEDB_SETTINGS

IMAGE: Final = "timescale/timescaledb:2.29.2-pg17"
_LABEL: Final = "pumpwatch.owner"
_READY_SECONDS: Final = 60


def why_not() -> str | None:
    """What stands in the way of a container on this machine, as the end of a sentence; None: nothing."""
    try:
        done = subprocess.run(
            ["docker", "info"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=False,
        )
    except FileNotFoundError:
        return "Docker is not installed"
    except subprocess.TimeoutExpired:
        return "Docker does not answer"
    return None if done.returncode == 0 else "no Docker daemon can be reached"


class DockerPostgresServer:
    """One container. See `postgres.DatabaseServer`."""

    def __init__(self, port: int | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        self.title = f"the Docker image {IMAGE}"
        self.port = free_port() if port is None else port
        self._settings = {**TIMESCALEDB_SETTINGS, **(settings or {})}
        self._container: str | None = None

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the container or start it again, and return when connections are accepted."""
        if self._container is None:
            _remove_left_behind()
            self._container = _docker(
                "run",
                "--detach",
                f"--label={_LABEL}={os.getpid()}",
                f"--publish=127.0.0.1:{self.port}:5432",
                "--env=POSTGRES_HOST_AUTH_METHOD=trust",
                IMAGE,
                *(word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")),
            )
        else:
            _docker("start", self._container)
        # The image starts a server without TCP first, to set itself up: asking over TCP waits for the real one.
        _docker(
            "exec",
            self._container,
            "sh",
            "-c",
            f"for i in $(seq {_READY_SECONDS * 5}); do pg_isready -q -h 127.0.0.1 && exit 0; sleep 0.2; done; exit 1",
        )

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """`fast` ends sessions and writes a checkpoint; `immediate` leaves recovery to the next start."""
        if self._container is not None:
            if mode == "immediate":
                _docker("kill", "--signal=QUIT", self._container)
            _docker("stop", "--time=20", self._container)

    def kill(self) -> None:
        """SIGKILL to every process of the container."""
        if self._container is not None:
            _docker("kill", "--signal=KILL", self._container)

    def remove(self) -> None:
        """Stop, and remove the data."""
        if self._container is not None:
            _docker("rm", "--force", "--volumes", self._container)
            self._container = None


def _remove_left_behind() -> None:
    """Remove containers whose owner is gone."""
    listing = _docker("ps", "--all", f"--filter=label={_LABEL}", '--format={{.ID}} {{.Label "' + _LABEL + '"}}')
    for line in listing.splitlines():
        container, owner = line.split()
        if not Path(f"/proc/{owner}").exists():
            _docker("rm", "--force", "--volumes", container)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        msg = f"`docker {arguments[0]}` failed with exit code {done.returncode}: {done.stderr.strip()[-600:]}"
        raise DevStackError(msg)
    return done.stdout.strip()
