"""Notifications are heard again after the connection is killed, refused or hangs, and nothing in between is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from services.runtime.listen import listen
from tests.servers.hanging_proxy import HangingProxy
from tests.stack import Database, eventually, execute_at

CHANNEL = "news"
KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND query ILIKE 'LISTEN%'"""


class Ear:
    """What the callbacks were told."""

    def __init__(self):
        self.news = 0
        self.states = []

    def on_news(self):
        self.news += 1

    @property
    def listening(self):
        return bool(self.states) and self.states[-1]


@asynccontextmanager
async def listening(dsn: str, **more: Any) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(listen(dsn, CHANNEL, ear.on_news, on_state=ear.states.append, **more))
    try:
        await eventually(lambda: ear.listening or task.done(), what="listening")
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_each_notification_is_told_and_the_beginning_is_one(database: Database):
    async with listening(database.dsn) as ear:
        assert (ear.news, ear.states) == (1, [True])
        await database.pool.execute(f"NOTIFY {CHANNEL}")
        await eventually(lambda: ear.news == 2)
        await database.pool.execute("NOTIFY other")
        await database.pool.execute(f"NOTIFY {CHANNEL}")
        await eventually(lambda: ear.news == 3)
    assert ear.states == [True, False]


async def test_a_killed_connection_is_made_again_and_catches_up(database: Database):
    async with listening(database.dsn) as ear:
        assert await database.pool.fetchval(KILL)
        await eventually(lambda: ear.states == [True, False, True])
        assert ear.news == 2  # for what was notified while nobody listened
        await database.pool.execute(f"NOTIFY {CHANNEL}")
        await eventually(lambda: ear.news == 3)
        assert await database.pool.fetchval(KILL)
        await eventually(lambda: ear.states == [True, False, True, False, True])


async def test_a_database_that_is_away_is_waited_for(own_postgres):
    server = own_postgres()
    async with listening(server.dsn()) as ear:
        server.stop()
        await eventually(lambda: ear.states == [True, False])
        assert ear.news == 1
        server.start()
        await eventually(lambda: ear.listening, 15)
        await execute_at(server.dsn(), f"NOTIFY {CHANNEL}")
        await eventually(lambda: ear.news == 3)


async def test_a_network_that_hangs_is_noticed(database: Database):
    parts = urlsplit(database.dsn)
    assert parts.port is not None
    async with HangingProxy(parts.port) as proxy:
        dsn = urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.hostname}:{proxy.port}"))
        async with listening(dsn, check_seconds=0.1, answer_within_seconds=0.3, connect_within_seconds=0.3) as ear:
            proxy.hang()
            await eventually(lambda: ear.states == [True, False])
            proxy.resume(old_connections=False)
            await eventually(lambda: ear.states == [True, False, True])
            await database.pool.execute(f"NOTIFY {CHANNEL}")
            await eventually(lambda: ear.news == 3)


async def test_a_database_that_is_not_there_yet_is_waited_for(own_postgres):
    server = own_postgres()
    ear = Ear()
    task = asyncio.create_task(listen(server.dsn("later"), CHANNEL, ear.on_news, on_state=ear.states.append))
    try:
        await asyncio.sleep(0.5)
        assert (task.done(), ear.news, ear.states) == (False, 0, [])
        await execute_at(server.dsn(), "CREATE DATABASE later")
        await eventually(lambda: ear.states == [True])
        assert ear.news == 1
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
