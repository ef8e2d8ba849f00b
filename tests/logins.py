"""The logins of production on the tests' servers: every service of a test has the rights of its job and no more.

A test's own preparations use the owner's connection, which here is the superuser's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from services.runtime.database import Pool

PASSWORD: Final = "secret"  # noqa: S105 - of servers that ask for none, mostly
LOGIN_OF: Final[Mapping[str, str]] = {
    "ingest": "pumpwatch_ingest",
    "alerts": "pumpwatch_alerts",
    "web": "pumpwatch_web",
}
"""By the service's command, and the beginning of its settings' names."""

_pools: dict[tuple[int, str], Pool] = {}


async def make_logins(dsn: str) -> None:
    """Make the logins on a server that does not have them; their rights come with the migrations."""
    connection = await asyncpg.connect(dsn)
    try:
        for name in ("pumpwatch_service NOLOGIN", *(f"{name} LOGIN" for name in LOGIN_OF.values())):
            with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):  # or another makes it just now
                await connection.execute(f"CREATE ROLE {name} PASSWORD '{PASSWORD}'")
    finally:
        await connection.close()


def with_login(dsn: str, login: str) -> str:
    """The same database, for one of the jobs."""
    address = urlsplit(dsn)
    return address._replace(netloc=f"{login}:{PASSWORD}@{address.netloc.rpartition('@')[2]}").geturl()


def with_own_login(command: str, environment: Mapping[str, str]) -> dict[str, str]:
    """A service's settings, with the login of its job where the test gave it the superuser's."""
    name = f"{command.upper()}_DATABASE_URL"
    dsn = environment.get(name)
    if command not in LOGIN_OF or dsn is None or not _is_superusers(dsn):
        return dict(environment)
    return {**environment, name: with_login(dsn, LOGIN_OF[command])}


def _is_superusers(dsn: str) -> bool:
    superusers = {"postgres", urlsplit(os.environ.get("TEST_DATABASE_URL", "")).username}
    return urlsplit(dsn).username in superusers


def remember_pool(pool: Pool, job: str, own: Pool) -> None:
    """`own` has the login of a job in the database of `pool`."""
    _pools[id(pool), job] = own


def forget_pools(pool: Pool) -> None:
    """The database is gone."""
    for job in LOGIN_OF:
        _pools.pop((id(pool), job), None)


def worker_pool(pool: Pool) -> Pool:
    """What an alert worker that runs inside a test is given, where the test has `pool`."""
    return _pools.get((id(pool), "alerts"), pool)


def web_pool(pool: Pool) -> Pool:
    """What a board that runs inside a test is given, where the test has `pool`."""
    return _pools.get((id(pool), "web"), pool)
