"""The server side's only door to MQTT 5: one connection, acknowledged by hand. Only this module imports aiomqtt.

Guarantees: nothing is acknowledged unless `acknowledge` is called; packet ids of a dead connection are never used on a
new one (each connection has its own client); a connection that is lost in whatever way ends `messages` with
`ConnectionLostError`, it never hangs; no packet is written that is larger than the broker said it takes.

aiomqtt 3.0.0a1 is an alpha and pinned by hash. What is worked around here (docs/decisions/0001-mqtt-client.md):
its `connect` blocks the event loop and knows IPv4 only, so the address is probed first, with a time limit; its local
queue survives a reconnect, so there is none; a connection reset ends its background task without telling anybody, so
that task is watched; it writes each packet by itself, so acknowledgements are joined into one write; it hands over each
message by itself, so what else waits is taken with it; why the broker ended a connection it only logs, so its log is
read, and written nowhere; and it uses a buffer of 16 MB from end to end, so it is given a smaller one, and the broker
is told not to send packets that would not fit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import aiomqtt
from mqtt5 import ConnAckPacket, PubAckPacket, PublishPacket, QoS, RetainHandling

_CONNECT_TIMEOUT_SECONDS: Final = 10.0
_KEEP_ALIVE_SECONDS: Final = 15
_EXCESS_MESSAGES: Final = 500
_BUFFER_BYTES: Final = 2_097_152
_LARGEST_PACKET_BYTES: Final = 1_048_576
_PROTOCOLS_LARGEST_PACKET_BYTES: Final = 268_435_455
_LONGEST_FIELD_BYTES: Final = 65_535
"""Of a topic and of Correlation Data: their length is written in two bytes."""
_PUBLISH_OVERHEAD_BYTES: Final = 11
"""Of a QoS 0 PUBLISH: type 1, length at most 4, length of the topic 2, of the properties at most 4."""
_CORRELATION_OVERHEAD_BYTES: Final = 3


class BrokerUnavailableError(ConnectionError):
    """The broker cannot be reached or refused the connection; the message says which and why."""


class ConnectionLostError(ConnectionError):
    """The connection ended. What was not acknowledged will come again on the next one."""


class SessionTakenOverError(ConnectionLostError):
    """Another client connected with this client id, and the broker gave it the session."""


class Message(Protocol):
    """A message as it came from the broker."""

    topic: str
    payload: bytes
    packet_id: int | None
    retain: bool
    duplicate: bool
    response_topic: str | None
    correlation_data: bytes | None


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to log in."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        """Name the broker without its password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def broker_address(
    url: str, *, ca_file: Path | None = None, cert_file: Path | None = None, key_file: Path | None = None
) -> BrokerAddress:
    """Read `mqtt://[user:password@]host[:1883]` or `mqtts://...[:8883]`.

    Raises:
        ValueError: The URL has another scheme or no host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        msg = "expected mqtt://[user:password@]host[:port] or mqtts://..."
        raise ValueError(msg)
    tls = None
    if parts.scheme == "mqtts":
        tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        if cert_file is not None:
            tls.load_cert_chain(cert_file, key_file)
    return BrokerAddress(
        parts.hostname,
        parts.port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
    )


class _Farewell(logging.Handler):
    """Remembers why the broker ended the connection, from what the client logs of it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reason: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if "DisconnectPacket" in str(record.msg) and isinstance(record.args, tuple):
            self.reason = str(record.args[0])


class _HeldUpReader:
    """Holds up, by TCP, a broker that does not keep to the Receive Maximum.

    Mosquitto 2.0.11 sends its whole queue once acknowledgements come (its issue 2301; seen: 113,000 messages where
    8,000 were allowed). Held up a little above the maximum: while nothing is read, no answer to a ping is either.
    """

    def __init__(self, reader: asyncio.StreamReader, may_read: asyncio.Event) -> None:
        self._reader = reader
        self._may_read = may_read

    async def read(self, size: int) -> bytes:
        await self._may_read.wait()
        return await self._reader.read(size)


class Connection:
    """One live connection. Use `connect`."""

    def __init__(
        self, client: aiomqtt.Client, receive_maximum: int, accepted: ConnAckPacket, farewell: _Farewell
    ) -> None:
        self._client = client
        self._farewell = farewell
        self._unacknowledged = 0
        self._may_read = asyncio.Event()
        self._may_read.set()
        held_up: Any = _HeldUpReader(client._reader, self._may_read)  # noqa: SLF001 - see the module's docstring
        client._reader = held_up  # noqa: SLF001
        self.receive_maximum = min(receive_maximum, accepted.receive_max)
        self.largest_packet_bytes = accepted.max_packet_size or _PROTOCOLS_LARGEST_PACKET_BYTES
        """Larger ones the broker does not take: it would end the connection."""

    async def subscribe(self, topic_filter: str) -> None:
        """Subscribe with QoS 1; retained messages are not sent again.

        Raises:
            BrokerUnavailableError: The broker refused.
            ConnectionLostError: The connection ended.
        """
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
                await self._client.subscribe(
                    topic_filter, max_qos=QoS.AT_LEAST_ONCE, retain_handling=RetainHandling.SEND_NEVER
                )
        except aiomqtt.NegativeAckError as error:
            msg = f"the broker refused the subscription to {topic_filter}: {error}"
            raise BrokerUnavailableError(msg) from error
        except (aiomqtt.ConnectError, aiomqtt.ProtocolError, TimeoutError, OSError) as error:
            raise self._lost(error) from error

    async def messages(self) -> AsyncIterator[list[Message]]:
        """Iterate over what comes in, as many messages at once as are there. Read by one task.

        That task is cancelled only to give the connection up.

        Raises:
            ConnectionLostError: The connection ended.
        """
        try:
            async for first in self._client.messages():
                waiting = self._client._queue  # noqa: SLF001 - see the module's docstring
                came: list[Message] = [packet for packet in (first, *waiting) if isinstance(packet, PublishPacket)]
                waiting.clear()
                self._unacknowledged += sum(packet.packet_id is not None for packet in came)
                if self._unacknowledged > self.receive_maximum + _EXCESS_MESSAGES:
                    self._may_read.clear()
                yield came
        except (aiomqtt.ConnectError, aiomqtt.ProtocolError, OSError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> ConnectionLostError:
        reason = self._farewell.reason
        if reason == "SESSION_TAKEN_OVER":
            msg = f"another client connected as {self._client.identifier!r}: each ingestor needs an id of its own"
            return SessionTakenOverError(msg)
        return ConnectionLostError(f"{error}: {reason or 'the connection broke'}")

    async def acknowledge(self, messages: Iterable[Message]) -> None:
        """Send PUBACK for each QoS 1 message, in the given order, which must be the order of arrival.

        Raises:
            ConnectionLostError: The connection ended; the broker will send the messages again.
        """
        packets = [PubAckPacket(message.packet_id).write() for message in messages if message.packet_id is not None]
        self._unacknowledged -= len(packets)
        if self._unacknowledged < self.receive_maximum:
            self._may_read.set()  # before the write, which may wait for a broker that waits for us to read
        await self._write(b"".join(packets))

    def room_for_payload(self, topic: str, correlation_data: bytes | None) -> int:
        """How many bytes a payload may have beside these, so that the broker takes the packet; below 0: none."""
        correlation = _CORRELATION_OVERHEAD_BYTES + len(correlation_data) if correlation_data is not None else 0
        return self.largest_packet_bytes - _PUBLISH_OVERHEAD_BYTES - len(topic.encode()) - correlation

    async def publish(self, packets: Iterable[PublishPacket]) -> list[PublishPacket]:
        """Publish with QoS 0: what is sent this way can be lost, and its loss must not matter.

        Returns:
            Those that were not sent: the broker does not take a packet so large, or the protocol cannot say it.

        Raises:
            ConnectionLostError: The connection ended.
        """
        written: list[bytes] = []
        too_large: list[PublishPacket] = []
        for packet in packets:
            data = packet.write() if _can_be_written(packet) else b""
            if 0 < len(data) <= self.largest_packet_bytes:
                written.append(data)
            else:
                too_large.append(packet)
        await self._write(b"".join(written))
        return too_large

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        writer: asyncio.StreamWriter = self._client._writer  # noqa: SLF001 - see the module's docstring
        try:
            if writer.is_closing():
                msg = "the connection is closed"
                raise ConnectionLostError(msg)
            writer.write(data)
            await writer.drain()
        except OSError as error:
            if isinstance(error, ConnectionLostError):
                raise
            raise ConnectionLostError(str(error)) from error


def _can_be_written(packet: PublishPacket) -> bool:
    """Tell whether the lengths fit into their two bytes; the codec does not look, and would write nonsense."""
    longest = max(len(packet.topic.encode()), len(packet.correlation_data or b""))
    return longest <= _LONGEST_FIELD_BYTES


@contextlib.asynccontextmanager
async def connect(
    address: BrokerAddress,
    *,
    client_id: str,
    session_expiry_seconds: int = 0,
    receive_maximum: int = 65_535,
) -> AsyncIterator[Connection]:
    """Open one connection; with `session_expiry_seconds` the session outlives it and is taken up again.

    Args:
        address: Where the broker is.
        client_id: Fixed for a persistent session; two live connections with one id end each other.
        session_expiry_seconds: How long the broker keeps the session and its messages after a disconnect.
        receive_maximum: How many unacknowledged messages the broker may send: the only back-pressure.

    Raises:
        BrokerUnavailableError: The broker cannot be reached or refuses.
    """
    farewell = _Farewell()
    logger = logging.Logger("aiomqtt", logging.WARNING)  # noqa: LOG001 - of this connection alone
    logger.addHandler(farewell)
    client = aiomqtt.Client(
        logger=logger,
        hostname=address.host,
        port=address.port,
        identifier=client_id,
        username=address.username,
        password=address.password.encode() if address.password is not None else None,
        ssl_context=address.tls,
        clean_start=session_expiry_seconds == 0,
        session_expiry_interval=session_expiry_seconds,
        keep_alive=_KEEP_ALIVE_SECONDS,
        receive_max=receive_maximum,
        max_packet_size=_LARGEST_PACKET_BYTES,
    )
    client._buffer_in = type(client._buffer_in)(size=_BUFFER_BYTES)  # noqa: SLF001 - see the module's docstring
    try:
        await _probe(address)
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            await client.__aenter__()
    except (aiomqtt.ConnectError, aiomqtt.ProtocolError, aiomqtt.NegativeAckError, TimeoutError, OSError) as error:
        _abandon(client)
        reason = str(error) or "no answer in time"
        msg = f"cannot connect to {address}: {reason}"
        raise BrokerUnavailableError(msg) from error

    def ended(_: object) -> None:
        _mark_lost(client)

    client._tasks.add_done_callback(ended)  # noqa: SLF001 - see the module's docstring
    accepted: ConnAckPacket = await client.connected()
    try:
        yield Connection(client, receive_maximum, accepted, farewell)
    finally:
        client._tasks.remove_done_callback(ended)  # noqa: SLF001 - else it would look lost, and DISCONNECT not be sent
        await _close(client)


async def _probe(address: BrokerAddress) -> None:
    async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
        _, writer = await asyncio.open_connection(address.host, address.port, family=socket.AF_INET)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _abandon(client: aiomqtt.Client) -> None:
    """Close what a refused connection leaves open; aiomqtt does not."""
    writer: asyncio.StreamWriter | None = getattr(client, "_writer", None)
    if writer is not None:
        writer.close()


def _mark_lost(client: aiomqtt.Client) -> None:
    if not client._disconnected.done():  # noqa: SLF001 - see the module's docstring
        client._disconnected.set_result(None)  # noqa: SLF001
    if not client._tasks.cancelled():  # noqa: SLF001
        client._tasks.exception()  # noqa: SLF001 - retrieved, so that nobody is told of it at exit


async def _close(client: aiomqtt.Client) -> None:
    lost = client._disconnected.done()  # noqa: SLF001
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            await client.__aexit__(None, None, None)
    except (aiomqtt.ConnectError, aiomqtt.ProtocolError, TimeoutError, OSError, ExceptionGroup):
        lost = True
    if lost:
        client._writer.close()  # noqa: SLF001
        with contextlib.suppress(OSError):
            await client._writer.wait_closed()  # noqa: SLF001
