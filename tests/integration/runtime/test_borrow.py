"""Borrowed connections on a database that does not answer, and what such a one leaves behind on the server."""

from __future__ import annotations

import asyncio
import struct
import time
from urllib.parse import urlsplit

import asyncpg
import pytest

from services.runtime.database import (
    REFUSED,
    UNAVAILABLE,
    NoAnswerError,
    WrongUseError,
    borrow,
    ensure_writable,
    open_pool,
)
from tests.servers.hanging_proxy import HangingProxy
from tests.stack import eventually, execute_at

INSERT = "INSERT INTO numbers VALUES (1) ON CONFLICT DO NOTHING"


def wire(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


async def half_a_statement(dsn):
    """A client that inserts in a transaction, sends Bind without Execute, and falls silent: (server pid, writer)."""
    parts = urlsplit(dsn)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    settings = {
        "user": parts.username,
        "database": parts.path[1:],
        "application_name": "pumpwatch-test",
        "idle_in_transaction_session_timeout": "300",
    }
    words = b"".join(f"{name}\0{value}\0".encode() for name, value in settings.items())
    writer.write(wire(b"", struct.pack("!i", 196_608) + words + b"\0"))
    writer.write(wire(b"Q", f"BEGIN; {INSERT}\0".encode()))
    writer.write(wire(b"P", b"\0SELECT 1\0" + struct.pack("!h", 0)))
    writer.write(wire(b"B", b"\0\0" + struct.pack("!hhh", 0, 0, 0)) + wire(b"H", b""))  # Bind, Flush
    pid = 0
    while True:
        kind = await reader.readexactly(1)
        body = await reader.readexactly(struct.unpack("!i", await reader.readexactly(4))[0] - 4)
        assert kind != b"E", body
        if kind == b"K":
            pid = struct.unpack("!i", body[:4])[0]
        if kind == b"2":
            return pid, writer


async def test_what_an_earlier_try_left_behind_is_ended_before_the_next(database):
    await database.pool.execute("CREATE TABLE numbers (number int PRIMARY KEY)")
    pid, writer = await half_a_statement(database.dsn)
    with pytest.raises(NoAnswerError):  # the row is the other's; no time limit of the server's ends that one
        async with borrow(database.pool, within_seconds=1) as connection:
            await connection.execute(INSERT)
    async with borrow(database.pool, within_seconds=5, end_first=[pid]) as connection:
        await connection.execute(INSERT)
    assert await database.pool.fetchval("SELECT count(*) FROM numbers") == 1
    writer.close()


async def test_only_processes_of_the_same_service_are_ended(database):
    other = await asyncpg.connect(database.dsn)  # another application name
    async with borrow(database.pool, within_seconds=5, end_first=[other.get_server_pid()]) as connection:
        await connection.execute("SELECT 1")
    assert await other.fetchval("SELECT 1") == 1
    await other.close()


async def test_a_network_that_hangs_is_given_up_in_time_and_the_pool_stays_whole(database):
    parts = urlsplit(database.dsn)
    async with HangingProxy(parts.port) as proxy:
        pool = await open_pool(
            database.dsn.replace(f":{parts.port}/", f":{proxy.port}/"),
            application_name="pumpwatch-test",
            max_size=2,
            connect_timeout_seconds=1,
        )
        async with pool.acquire() as first, pool.acquire() as second:
            await first.execute("SELECT 1")
            await second.execute("SELECT 1")
        proxy.hang()
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(UNAVAILABLE):
                async with borrow(pool, within_seconds=1) as connection, connection.transaction():
                    await connection.execute("SELECT 1")
            assert time.monotonic() - began < 4
        proxy.resume(old_connections=False)

        async def works():
            async with borrow(pool, within_seconds=1) as one, borrow(pool, within_seconds=1) as other:
                return await one.fetchval("SELECT 1") + await other.fetchval("SELECT 1")

        assert await eventually(works, 5) == 2
        pool.terminate()


async def test_a_call_that_can_never_succeed_is_a_bug_and_not_an_absent_database(database):
    with pytest.raises(WrongUseError, match="expects 1 argument") as raised:
        async with borrow(database.pool, within_seconds=5) as connection:
            await connection.fetchval("SELECT $1::int")
    assert not isinstance(raised.value, UNAVAILABLE)


async def test_it_is_a_bug_however_the_connection_was_had(database):
    async with database.pool.acquire() as connection, connection.transaction():
        with pytest.raises(WrongUseError, match="expects 1 argument"):
            await connection.fetch("SELECT $1::int")
        assert await connection.fetchval("SELECT 1") == 1
    with pytest.raises(WrongUseError, match="expects 0 arguments"):
        await database.pool.fetch("SELECT 1", 1)


@pytest.mark.parametrize("value", ["\ud800", "a\0b"])
async def test_text_that_no_database_can_hold_is_refused_and_the_database_is_not_away(database, value):
    with pytest.raises(REFUSED) as raised:
        await database.pool.execute("SELECT $1::text", value)
    assert not isinstance(raised.value, UNAVAILABLE)


async def test_after_a_failover_no_connection_to_the_old_primary_is_used_again(database):
    """A session that can only read stands for one that still leads to the old primary."""
    read_only = f"ALTER DATABASE {database.name} SET default_transaction_read_only = %s"
    await execute_at(database.dsn, read_only % "on")
    await database.pool.expire_connections()
    for _ in range(2):
        with pytest.raises(asyncpg.exceptions.ReadOnlySQLTransactionError):
            async with borrow(database.pool, within_seconds=5) as connection:
                await ensure_writable(connection)
    await execute_at(database.dsn, "SET default_transaction_read_only = off", read_only % "off")
    async with borrow(database.pool, within_seconds=5) as connection:
        await ensure_writable(connection)


async def test_a_value_that_fits_no_parameter_is_the_data_s_fault(database):
    with pytest.raises(REFUSED, match="value out of int64 range"):
        await database.pool.execute("SELECT $1::bigint", 2**70)


async def test_a_connection_that_was_closed_under_us_is_an_absent_database(database):
    async def use_a_closed_one():
        async with borrow(database.pool, within_seconds=5) as connection:
            connection.terminate()
            await connection.execute("SELECT 1")

    with pytest.raises(UNAVAILABLE):
        await use_a_closed_one()


async def test_a_process_that_stood_still_takes_the_time_as_over_and_tries_again(database):
    """As when a virtual machine moves: the answer and the end of the time come in one moment, in mid-statement."""

    async def stand_still():
        async with borrow(database.pool, within_seconds=1) as connection:
            statement = asyncio.ensure_future(connection.execute("SELECT $1::int", 1))
            await asyncio.sleep(0)
            time.sleep(1.2)  # noqa: ASYNC251 - the whole process
            await statement

    with pytest.raises(NoAnswerError):
        await stand_still()
    async with borrow(database.pool, within_seconds=5) as connection:
        assert await connection.fetchval("SELECT $1::int", 1) == 1
