"""What a connection makes of what a broker may send, byte by byte."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import asynccontextmanager

import pytest
from mqtt5 import (
    ConnAckPacket,
    ConnAckReasonCode,
    DisconnectPacket,
    PubAckPacket,
    PublishPacket,
    QoS,
    SubAckPacket,
    SubAckReasonCode,
)

from services.runtime.mqtt import BrokerUnavailableError, ConnectionLostError, broker_address, connect

ACCEPTED = ConnAckPacket().write()


def message(number, qos=QoS.AT_LEAST_ONCE, payload=b"x"):
    return PublishPacket("a/b", payload, qos=qos, packet_id=number).write()


@asynccontextmanager
async def scripted(*pieces, **how):
    """A broker that answers CONNECT with these pieces, and its connection; what it got stands in the list."""
    got = [b""]
    done = asyncio.Event()

    async def answer(reader, writer):
        if await reader.read(1_000):  # not the probe
            for piece in pieces:
                if piece is None:
                    linger = struct.pack("ii", 1, 0)  # closing sends RST
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    break
                writer.write(piece)
                await asyncio.sleep(0.02)
            else:
                while chunk := await reader.read(1_000):
                    got[0] += chunk
            done.set()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, asyncio.timeout(10):
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(broker_address(url), client_id="c", **how) as connection:
            yield connection, got
        await done.wait()


async def taken(connection, count):
    """What comes, until there are `count`, or the connection ends, which is then the second value."""
    came = []
    try:
        async for messages in connection.messages():
            came += messages
            if len(came) >= count:
                break
    except ConnectionLostError as error:
        return came, error
    return came, None


async def test_messages_of_a_kept_session_may_come_with_connack():
    async with scripted(ACCEPTED + message(1) + message(2)[:5], message(2)[5:]) as (connection, got):
        came, _ = await taken(connection, 2)
        assert [packet.packet_id for packet in came] == [1, 2]
        await connection.acknowledge(came)
    assert got[0] == PubAckPacket(1).write() + PubAckPacket(2).write() + DisconnectPacket().write()


async def test_a_burst_of_qos_0_is_taken_as_a_whole():
    burst = b"".join(message(None, QoS.AT_MOST_ONCE) for _ in range(1_000))
    async with scripted(ACCEPTED, burst) as (connection, _):
        came, _ = await taken(connection, 1_000)
        assert len(came) == 1_000


async def test_a_message_in_many_pieces_is_one():
    large = message(1, payload=b"x" * 300_000)
    pieces = [large[at : at + 50_000] for at in range(0, len(large), 50_000)]
    async with scripted(ACCEPTED, *pieces) as (connection, _):
        came, _ = await taken(connection, 1)
        assert [len(packet.payload) for packet in came] == [300_000]


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((message(1), None), "the connection broke: .*reset"),
        ((message(1), b"\xf0\x00\xff\xff" * 10), "no packet of MQTT 5"),
        ((message(1) + bytes([0xE0, 2, 0x8B, 0]),), "SERVER_SHUTTING_DOWN"),
    ],
    ids=["reset", "nonsense", "farewell"],
)
async def test_what_came_before_the_end_is_handed_over_and_then_the_reason_is_said(pieces, reason):
    async with scripted(ACCEPTED, *pieces) as (connection, _):
        came, ended = await taken(connection, 2)
        assert len(came) == 1
        assert re.search(reason, str(ended))
        with pytest.raises(ConnectionLostError):
            await connection.acknowledge(came)


SUBACK = SubAckPacket(1, [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]).write()
SILENT_SECONDS = 0.3


async def test_the_answer_to_subscribe_is_waited_for_as_long_as_messages_come_before_it():
    backlog = [message(number % 60_000 + 1) for number in range(30)]  # 0.02 s each: twice as long as silence may last
    async with scripted(ACCEPTED, *backlog, SUBACK) as (connection, _):
        await connection.subscribe("a/#", silent_seconds=SILENT_SECONDS)
        came, _ = await taken(connection, len(backlog))
        assert len(came) == len(backlog)


async def test_a_broker_that_says_nothing_to_subscribe_is_lost():
    async with scripted(ACCEPTED, message(1), b"") as (connection, _):
        with pytest.raises(ConnectionLostError, match="no answer to SUBSCRIBE"):
            await connection.subscribe("a/#", silent_seconds=SILENT_SECONDS)


async def test_a_subscription_that_waits_for_what_is_held_up_here_is_waited_for():
    large = [message(number, payload=b"x" * 200_000) for number in range(1, 9)]
    async with scripted(ACCEPTED, *large, SUBACK, receive_bytes=1_000_000) as (connection, _):
        subscribing = asyncio.create_task(connection.subscribe("a/#", silent_seconds=SILENT_SECONDS))
        came, _ = await taken(connection, 5)
        await asyncio.wait({subscribing}, timeout=3 * SILENT_SECONDS)
        assert not subscribing.done()
        await connection.acknowledge(came)
        await subscribing


async def test_with_so_many_bytes_unacknowledged_nothing_more_is_read():
    large = b"".join(message(number, payload=b"x" * 200_000) for number in range(1, 31))
    async with scripted(ACCEPTED, large, receive_bytes=1_000_000) as (connection, _):
        came, acknowledged, most = [], 0, 0

        async def read():
            async for messages in connection.messages():
                came.extend(messages)

        reading = asyncio.create_task(read())
        while acknowledged < 30:
            for _ in range(200):  # more turns than all of it would take
                await asyncio.sleep(0)
            most = max(most, len(came) - acknowledged)
            await connection.acknowledge(came[acknowledged : acknowledged + 2])
            acknowledged = min(len(came), acknowledged + 2)
        reading.cancel()
    assert 5 <= most <= 6  # a piece that is read may end in the next message


async def test_a_refusal_says_why():
    refused = ConnAckPacket(reason_code=ConnAckReasonCode.NOT_AUTHORIZED).write()
    with pytest.raises(BrokerUnavailableError, match="NOT_AUTHORIZED"):
        async with scripted(refused):
            pass
