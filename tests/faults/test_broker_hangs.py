"""A broker that keeps the connection open, says nothing and takes nothing: the connection is given up in time."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager

import pytest
from mqtt5 import PublishPacket

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import ConnectionLostError, broker_address, connect
from tests.ingest_world import unique
from tests.servers.hanging_proxy import HangingProxy

pytestmark = pytest.mark.slow

KEEP_ALIVE_SECONDS = 4
"""Shorter than what services have, so that nobody waits for minutes."""


@asynccontextmanager
async def hanging(broker, **options):
    """A subscribed connection, its topic, and the proxy that it goes through."""
    name = unique("hangs")
    async with (
        asyncio.timeout(20),
        HangingProxy(broker.port) as proxy,
        connect(
            broker_address(f"mqtt://127.0.0.1:{proxy.port}"),
            client_id=name,
            keep_alive_seconds=KEEP_ALIVE_SECONDS,
            **options,
        ) as connection,
    ):
        await connection.subscribe(f"{name}/#")
        yield connection, name, proxy


async def until_lost(connection):
    with pytest.raises(ConnectionLostError):
        async for _ in connection.messages():
            pass


def test_services_are_told_of_it_within_half_a_minute():
    assert 1.5 * inspect.signature(connect).parameters["keep_alive_seconds"].default < 30


async def test_who_reads_learns_of_it(broker):
    async with hanging(broker) as (connection, _, proxy):
        proxy.hang()
        await until_lost(connection)


async def test_who_writes_learns_of_it_and_who_reads(broker):
    async with hanging(broker) as (connection, name, proxy):
        proxy.hang()
        with pytest.raises(ConnectionLostError):
            await connection.publish([PublishPacket(f"{name}/x", bytes(100_000))] * 200)  # more than TCP buffers
        await until_lost(connection)


async def test_who_holds_the_broker_up_learns_of_it(broker):
    async with (
        hanging(broker, receive_maximum=10) as (connection, name, proxy),
        open_link(broker_address(broker.url), f"{name}-device", lambda _: None) as device,
    ):
        for _ in range(2_000):  # of QoS 0, which no Receive Maximum holds
            device.send(f"{name}/x", b"x")
        await device.publish(f"{name}/x", b"x")
        came = 0
        async for messages in connection.messages():
            came += len(messages)
            if came > 10 + 500:
                break
        proxy.hang()
        await until_lost(connection)
