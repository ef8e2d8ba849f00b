"""What ingest writes to the broker: no packet that is larger than it said it takes, as that ends the connection."""

from __future__ import annotations

import asyncio

import pytest
from mqtt5 import PublishPacket

from services.runtime.mqtt import broker_address, connect
from tests.ingest_world import unique

LARGEST = 2_000
PROTOCOL_LARGEST = 268_435_455


@pytest.mark.parametrize("correlation_data", [None, b"", b"c", b"c" * 127, b"c" * 128, b"c" * 500])
async def test_what_is_as_large_as_the_broker_takes_arrives_and_a_byte_more_is_not_sent(own_broker, correlation_data):
    broker, topic = own_broker(extra=(f"max_packet_size {LARGEST}",)), unique("packets")
    async with connect(broker_address(broker.url), client_id=topic) as connection:
        await connection.subscribe(f"{topic}/#")
        room = connection.room_for_payload(topic, correlation_data)
        assert LARGEST - 600 < room < LARGEST
        fits = PublishPacket(topic, b"x" * room, correlation_data=correlation_data)
        too_large = PublishPacket(topic, b"y" * LARGEST, correlation_data=correlation_data)
        assert await connection.publish([too_large, fits, too_large]) == [too_large, too_large]
        async for messages in connection.messages():
            assert [message.payload[:1] for message in messages] == [b"x"]
            assert len(messages[0].payload) == room
            break


async def test_what_the_protocol_has_no_length_for_is_not_sent(broker):
    topic = unique("packets")
    async with connect(broker_address(broker.url), client_id=topic) as connection:
        await connection.subscribe(f"{topic}/#")
        odd = [PublishPacket("\u00e9" * 32_768, b""), PublishPacket(topic, b"", correlation_data=b"c" * 65_536)]
        fits = PublishPacket(topic, b"x", correlation_data=b"c" * 65_535)
        assert await connection.publish([*odd, fits]) == odd
        async for messages in connection.messages():
            assert [message.payload for message in messages] == [b"x"]
            break


async def test_a_broker_that_names_no_limit_takes_what_the_protocol_can_say():
    async def answer(reader, writer):
        if await reader.read(1_000):  # not the probe
            writer.write(bytes([0x20, 3, 0, 0, 0]))  # CONNACK without properties
            await reader.read(1_000)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(broker_address(url), client_id="packets") as connection:
            assert PROTOCOL_LARGEST - 100 < connection.room_for_payload("t", None) < PROTOCOL_LARGEST
