"""Open a `DeviceLink`: connect, shake hands, run it, close it.

Guarantees: on leaving, the connection is closed and both tasks have ended, however the body ended; a fault in the
caller's `on_message` is raised here, not lost.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import mqtt5

from services.runtime.device_link.link import DeviceLink, LinkRefusedError, OnMessage, reason_name
from services.runtime.mqtt import BrokerAddress, drop

_RECEIVE_MAXIMUM: Final = 1_000


@asynccontextmanager
async def open_link(
    broker: BrokerAddress,
    client_id: str,
    on_message: OnMessage,
    *,
    keep_alive_seconds: int = 60,
    connect_timeout_seconds: float = 10.0,
) -> AsyncIterator[DeviceLink]:
    """Connect with a clean session; close on leaving.

    Raises:
        LinkRefusedError: The broker cannot be reached in time, or refuses, for the reason named.
    """
    link = await _connect(broker, client_id, on_message, keep_alive_seconds, connect_timeout_seconds)
    tasks = (
        asyncio.create_task(link.read_until_lost(), name=f"{client_id}-reader"),
        asyncio.create_task(link.keep_alive_until_lost(), name=f"{client_id}-keep-alive"),
    )
    try:
        yield link
    finally:
        await link.close()
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


async def _connect(
    broker: BrokerAddress, client_id: str, on_message: OnMessage, keep_alive_seconds: int, timeout_seconds: float
) -> DeviceLink:
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=broker.tls_context())
            packet = mqtt5.ConnectPacket(
                client_id,
                username=broker.username,
                password=broker.password_now() or None,
                clean_start=True,
                keep_alive=keep_alive_seconds,
                receive_max=_RECEIVE_MAXIMUM,
            )
            writer.write(packet.write())
            connack = await _read_connack(broker, reader)
    except BaseException as error:
        if writer is not None:
            drop(writer)
        if isinstance(error, TimeoutError):
            msg = f"{broker} did not answer within {timeout_seconds:g} s"
            raise LinkRefusedError(msg) from error
        if isinstance(error, (OSError, ssl.SSLError)) and not isinstance(error, LinkRefusedError):
            msg = f"{broker} cannot be reached: {error}"
            raise LinkRefusedError(msg) from error
        raise
    return DeviceLink(broker, reader, writer, on_message, connack, keep_alive_seconds)


async def _read_connack(broker: BrokerAddress, reader: asyncio.StreamReader) -> mqtt5.ConnAckPacket:
    """Read exactly the first packet: its length stands in its second byte onward."""
    try:
        received = await reader.readexactly(2)
        while received[-1] & 0x80 and len(received) < 5:
            received += await reader.readexactly(1)
        length = sum((byte & 0x7F) << (7 * index) for index, byte in enumerate(received[1:]))
        packet, _ = mqtt5.read(memoryview(received + await reader.readexactly(length)))
    except asyncio.IncompleteReadError as error:
        msg = f"{broker} closed the connection instead of answering CONNECT"
        raise LinkRefusedError(msg) from error
    except (ValueError, IndexError) as error:
        msg = f"{broker} does not speak MQTT 5: {error}"
        raise LinkRefusedError(msg) from error
    if not isinstance(packet, mqtt5.ConnAckPacket):
        msg = f"{broker} answered CONNECT with {type(packet).__name__}"
        raise LinkRefusedError(msg)
    if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
        reason = packet.reason_code
        msg = f"{broker} refused login {broker.username or 'anonymous'}: {reason_name(reason)}"
        raise LinkRefusedError(msg)
    return packet
