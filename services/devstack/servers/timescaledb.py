"""Chooses the TimescaleDB that the tests and benchmarks run on (docs/decisions: editions, local stack).

In this order: what `TEST_DATABASE_URL` names, Debian 13's own package, a Debian 13 tree, Docker. Plain
PostgreSQL is never taken instead: tests that pass on another database prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from services.devstack.errors import LocalStackError
from services.devstack.servers import debian_tree, docker_postgres, installations
from services.devstack.servers.docker_postgres import DockerPostgresServer
from services.devstack.servers.installations import Installation
from services.devstack.servers.postgres import DatabaseServer, PostgresServer


def _print(text: str) -> None:
    print(text, flush=True)


def choose_installation(say: Callable[[str], None] = _print) -> Installation | Literal["docker"]:
    """The best TimescaleDB that this machine can run, made or installed if need be.

    Raises:
        LocalStackError: There is none; the sentence says what is missing for each way.
    """
    system = installations.debian()
    if system is not None:
        return system
    no_tree = debian_tree.why_not()
    if no_tree is None:
        return debian_tree.debian_tree(say)
    no_docker = docker_postgres.why_not()
    if no_docker is None:
        return "docker"
    msg = (
        "there is no TimescaleDB to run on: postgresql-17-timescaledb is not installed, "
        f"{no_tree}, and {no_docker}; any one of the three will do, or set TEST_DATABASE_URL"
    )
    raise LocalStackError(msg)


def make_server(
    *,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    say: Callable[[str], None] = _print,
) -> DatabaseServer:
    """A TimescaleDB server of one's own, not started yet.

    Raises:
        LocalStackError: As `choose_installation`.
    """
    installation = choose_installation(say)
    if installation == "docker":
        return DockerPostgresServer(port, settings=settings)
    return PostgresServer(installation, port=port, settings=settings)


class ExternalServer:
    """The server that `TEST_DATABASE_URL` names: used as it is, never started or stopped."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.port = self._url.port or 5432
        self.title = f"TEST_DATABASE_URL ({self._url.hostname}:{self.port})"

    def start(self) -> None:
        """It runs already."""

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Refused: it is not ours."""
        msg = f"{self.title} is not ours to stop {mode}"
        raise LocalStackError(msg)

    def kill(self) -> None:
        """Refused: it is not ours."""
        msg = f"{self.title} is not ours to kill"
        raise LocalStackError(msg)

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return urlunsplit(self._url._replace(path=f"/{database}"))

    def remove(self) -> None:
        """It stays."""
