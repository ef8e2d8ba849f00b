"""Chooses the TimescaleDB that the tests and benchmarks run on (docs/decisions/0004-editions.md).

In this order: what `TEST_DATABASE_URL` names, Debian 13's own package, a Debian 13 tree, Docker. Plain
PostgreSQL is never taken instead: tests that pass on another database prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from services.devstack.errors import DevStackError
from services.devstack.servers import debian_tree, docker_postgres, installations
from services.devstack.servers.docker_postgres import DockerPostgresServer
from services.devstack.servers.installations import Installation
from services.devstack.servers.postgres import DatabaseServer, PostgresServer


def _print(text: str) -> None:
    print(text, flush=True)


def choose_installation(say: Callable[[str], None] = _print) -> Installation | Literal["docker"]:
    """The best TimescaleDB that this machine can run, made or installed if need be.

    Raises:
        DevStackError: There is none; the sentence says what is missing for each way.
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
    raise DevStackError(msg)


def make_server(
    *,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    in_memory: bool = False,
    say: Callable[[str], None] = _print,
) -> DatabaseServer:
    """A TimescaleDB server of one's own, not started yet; `in_memory`: its data, where there is room.

    Raises:
        DevStackError: As `choose_installation`.
    """
    installation = choose_installation(say)
    if installation == "docker":
        return DockerPostgresServer(port, settings=settings)
    return PostgresServer(installation.in_memory() if in_memory else installation, port=port, settings=settings)
