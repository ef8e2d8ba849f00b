"""The server side's only door to MQTT 5: one connection, acknowledged by hand. Only this module imports aiomqtt.

Guarantees: nothing is acknowledged unless `acknowledge` is called; packet ids of a dead connection are never used on a
new one (each connection has its own client); a connection that is lost in whatever way, or whose broker takes nothing
more, ends `messages` with `ConnectionLostError`, it never hangs; a wait that is cancelled loses no message; no packet
is written that is larger than the broker said it takes.

aiomqtt 3.0.0a1 is an alpha and pinned by hash. It connects, subscribes, sends pings and says goodbye. Messages do not
pass through it: `Connection` stands between it and the socket, keeps what is a message and gives it the rest, so that
messages come together, none is dropped, and why the broker ended the connection is known. Its `connect` blocks the
event loop and knows IPv4 only, so the address is probed first, with a time limit. It writes each packet by itself, so
acknowledgements are joined into one write (docs/decisions/0001-mqtt-client.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, Protocol

import aiomqtt
from mqtt5 import (
    ConnAckPacket,
    DisconnectPacket,
    DisconnectReasonCode,
    PubAckPacket,
    PublishPacket,
    QoS,
    RetainHandling,
    read,
)

from services.runtime.addresses import BrokerAddress, BrokerUnavailableError, broker_address

__all__ = [
    "BrokerAddress",
    "BrokerUnavailableError",
    "Connection",
    "ConnectionLostError",
    "Message",
    "SessionTakenOverError",
    "broker_address",
    "connect",
]

_CONNECT_TIMEOUT_SECONDS: Final = 10.0
_KEEP_ALIVE_SECONDS: Final = 15
_EXCESS_MESSAGES: Final = 500
_READ_BYTES: Final = 65_536
_LARGEST_PACKET_BYTES: Final = 1_048_576
_PROTOCOLS_LARGEST_PACKET_BYTES: Final = 268_435_455
_LONGEST_FIELD_BYTES: Final = 65_535
"""Of a topic and of Correlation Data: their length is written in two bytes."""
_PUBLISH_OVERHEAD_BYTES: Final = 11
"""Of a QoS 0 PUBLISH: type 1, length at most 4, length of the topic 2, of the properties at most 4."""
_CORRELATION_OVERHEAD_BYTES: Final = 3


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
    subscription_ids: list[int]


class Connection:
    """One live connection. Use `connect`."""

    def __init__(
        self,
        client: aiomqtt.Client,
        accepted: ConnAckPacket,
        *,
        receive_maximum: int,
        receive_bytes: int,
        keep_alive_seconds: int,
    ) -> None:
        self.largest_packet_bytes = accepted.max_packet_size or _PROTOCOLS_LARGEST_PACKET_BYTES
        """Larger ones the broker does not take: it would end the connection."""
        self.session_present = accepted.session_present
        """Whether the broker still had the session; False: it is new, and what waited in an earlier one is gone."""
        self._knows_subscription_ids = accepted.subscription_id_available
        self._client = client
        self._receive_maximum = receive_maximum
        self._receive_bytes = receive_bytes
        self._reader: asyncio.StreamReader = client._reader  # noqa: SLF001 - see the module's docstring
        self._writer: asyncio.StreamWriter = client._writer  # noqa: SLF001
        behind_connack: Any = client._buffer_in  # noqa: SLF001
        self._received = bytes(behind_connack.view[behind_connack.left : behind_connack.right])
        client._buffer_in = type(behind_connack)(size=_LARGEST_PACKET_BYTES + _READ_BYTES)  # noqa: SLF001 - its own: 16 MB
        between: Any = self
        client._reader = between  # noqa: SLF001
        # Else a write, and aiomqtt's own close, could wait a quarter of an hour for a broker that takes nothing more.
        tcp: socket.socket = self._writer.get_extra_info("socket")
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1_500 * keep_alive_seconds)
        self._came: list[Message] = []
        self._something_came = asyncio.Event()
        self._unacknowledged = 0
        self._unacknowledged_bytes = 0
        self._heard_bytes = 0
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._lost: ConnectionLostError | None = None

    async def subscribe(
        self, topic_filter: str, *, subscription_id: int | None = None, silent_seconds: float = _CONNECT_TIMEOUT_SECONDS
    ) -> None:
        """Subscribe with QoS 1; retained messages are not sent again.

        Args:
            topic_filter: What is wanted.
            subscription_id: Stands in each message that comes by it from now on, if the broker knows such numbers.
            silent_seconds: How long nothing at all may come before the answer. It comes behind whatever the session
                kept, which may be hours of messages: as long as those come, or are held up here, it is waited for.

        Raises:
            BrokerUnavailableError: The broker refused.
            ConnectionLostError: The connection ended.
        """
        subscribing = self._client.subscribe(
            topic_filter,
            max_qos=QoS.AT_LEAST_ONCE,
            retain_handling=RetainHandling.SEND_NEVER,
            subscription_id=subscription_id if self._knows_subscription_ids else None,
        )
        asked = asyncio.ensure_future(subscribing)
        try:
            while not asked.done():
                heard_bytes = self._heard_bytes
                await asyncio.wait({asked}, timeout=silent_seconds)
                if not asked.done() and heard_bytes == self._heard_bytes and self._may_read.is_set():
                    raise self._lost or ConnectionLostError("no answer to SUBSCRIBE in time")
            await asked
        except aiomqtt.NegativeAckError as error:
            msg = f"the broker refused the subscription to {topic_filter}: {error}"
            raise BrokerUnavailableError(msg) from error
        except (aiomqtt.ConnectError, aiomqtt.ProtocolError, OSError) as error:
            raise (self._lost or ConnectionLostError(str(error) or "no answer to SUBSCRIBE")) from error
        finally:
            asked.cancel()

    async def messages(self) -> AsyncIterator[list[Message]]:
        """Iterate over what comes in, as many messages at once as are there. Read by one task.

        Raises:
            ConnectionLostError: The connection ended.
        """
        while self._came or self._lost is None:
            if self._came:
                came, self._came = self._came, []
                yield came
            else:
                self._something_came.clear()
                await self._something_came.wait()
        raise self._lost

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        """Send PUBACK for each QoS 1 message, in the given order, which must be the order of arrival.

        Those of QoS 0 are given too: they count in the window, or nothing would bound their number.

        Raises:
            ConnectionLostError: The connection ended; the broker will send the messages again.
        """
        self._unacknowledged -= len(messages)
        self._unacknowledged_bytes -= _payload_bytes(messages)
        if self._unacknowledged < self._receive_maximum and self._unacknowledged_bytes < self._receive_bytes:
            self._may_read.set()  # before the write, which may wait for a broker that waits for us to read
        packets = [PubAckPacket(message.packet_id).write() for message in messages if message.packet_id is not None]
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
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            self.end(ConnectionLostError(f"the connection broke: {error}"))
        if self._lost is not None:
            raise self._lost

    async def read(self, _size: int) -> bytes:
        """Keep the messages of what comes next, and return the rest. aiomqtt calls this: it is its socket."""
        try:
            while not (rest := self._take_messages()):
                await self._may_read.wait()
                chunk = await self._reader.read(_READ_BYTES)
                if not chunk:
                    self.end(ConnectionLostError("the broker closed the connection, or did not answer a ping"))
                    return b""
                self._received += chunk
                self._heard_bytes += len(chunk)
        except ValueError as error:
            self.end(ConnectionLostError(f"the broker sent what is no packet of MQTT 5: {error}"))
            return b""
        except BaseException as error:
            self.end(ConnectionLostError(f"the connection broke: {str(error) or 'aiomqtt gave it up'}"))
            raise
        return rest

    def _take_messages(self) -> bytes:
        received, at, rest, before = memoryview(self._received), 0, b"", len(self._came)
        with contextlib.suppress(IndexError):  # of a packet that has not come as a whole
            while True:
                packet, size = read(received[at:])
                if isinstance(packet, PublishPacket) and packet.topic:
                    self._came.append(packet)
                elif isinstance(packet, PublishPacket):  # acknowledged, it would be nobody's event
                    self.end(
                        ConnectionLostError("the broker sent a topic alias, and none is allowed (MQTT 5, 3.1.2.11.5)")
                    )
                elif isinstance(packet, DisconnectPacket):
                    self.end(self._farewell(packet.reason_code))
                else:
                    rest += received[at : at + size]
                at += size
        self._received = self._received[at:]
        self._something_came.set()
        self._unacknowledged += len(self._came) - before
        self._unacknowledged_bytes += _payload_bytes(self._came[before:])
        too_many = self._unacknowledged > self._receive_maximum + _EXCESS_MESSAGES
        if too_many or self._unacknowledged_bytes >= self._receive_bytes:
            # Mosquitto 2.0.11 sends its whole queue once acknowledgements come (its issue 2301; seen: 113,000 messages
            # where 8,000 were allowed), and Receive Maximum knows no bytes: 8,000 may be 2 GB. Only above the maximum:
            # while nothing is read, no answer to a ping is either.
            self._may_read.clear()
        return rest

    def _farewell(self, reason: DisconnectReasonCode) -> ConnectionLostError:
        if reason == DisconnectReasonCode.SESSION_TAKEN_OVER:
            msg = f"another client connected as {self._client.identifier!r}: each ingestor needs an id of its own"
            return SessionTakenOverError(msg)
        return ConnectionLostError(f"the broker ended the connection: {reason.name}")

    def end(self, error: ConnectionLostError) -> None:
        """Let everybody who waits know that the connection is lost; the first reason is the one that counts."""
        self._lost = self._lost or error
        self._something_came.set()

    async def close(self) -> None:
        """Say goodbye, and close what aiomqtt leaves open when the connection was lost. `connect` does this."""
        with contextlib.suppress(aiomqtt.ConnectError, aiomqtt.ProtocolError, OSError, ExceptionGroup):
            async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
                await self._client.__aexit__(None, None, None)
        drop(self._writer)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def drop(writer: asyncio.StreamWriter) -> None:
    """End a connection at once, in whatever state it is: what was not sent is lost, and nothing is waited for."""
    # A TLS transport that was closed twice has let go of what would end it: asyncio of Python 3.11.2, which Debian 12
    # has, then fails instead of doing nothing.
    with contextlib.suppress(AttributeError):
        writer.transport.abort()


def _payload_bytes(messages: Sequence[Message]) -> int:
    return sum([len(message.payload) for message in messages])


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
    receive_bytes: int = 67_108_864,
    keep_alive_seconds: int = _KEEP_ALIVE_SECONDS,
) -> AsyncIterator[Connection]:
    """Open one connection; with `session_expiry_seconds` the session outlives it and is taken up again.

    Args:
        address: Where the broker is.
        client_id: Fixed for a persistent session; two live connections with one id end each other.
        session_expiry_seconds: How long the broker keeps the session and its messages after a disconnect.
        receive_maximum: How many unacknowledged messages the broker may send: the only back-pressure that it knows of.
        receive_bytes: With so many bytes of payload unacknowledged nothing more is read. A broker that limits the bytes
            on the way by itself (Mosquitto: `max_inflight_bytes`) does so below this, or its answers to pings wait.
        keep_alive_seconds: Of MQTT. A broker that says or takes nothing for one and a half times as long is lost.

    Raises:
        BrokerUnavailableError: The broker cannot be reached or refuses.
    """
    client = aiomqtt.Client(
        logger=logging.Logger("aiomqtt", logging.CRITICAL),  # noqa: LOG001 - what it would say, `Connection` says
        hostname=address.host,
        port=address.port,
        identifier=client_id,
        username=address.username,
        password=address.password_now(),
        ssl_context=address.tls_context(),
        clean_start=session_expiry_seconds == 0,
        session_expiry_interval=session_expiry_seconds,
        keep_alive=keep_alive_seconds,
        receive_max=receive_maximum,
        max_packet_size=_LARGEST_PACKET_BYTES,
    )
    try:
        await _probe(address)
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            await client.__aenter__()
    except (aiomqtt.ConnectError, aiomqtt.ProtocolError, aiomqtt.NegativeAckError, TimeoutError, OSError) as error:
        left_open: asyncio.StreamWriter | None = getattr(client, "_writer", None)
        if left_open is not None:
            left_open.close()
        reason = str(error) or "no answer in time"
        msg = f"cannot connect to {address}: {reason}"
        raise BrokerUnavailableError(msg) from error
    # Without a wait in between: aiomqtt's tasks must not read what came behind CONNACK.
    connection = Connection(
        client,
        await client.connected(),
        receive_maximum=receive_maximum,
        receive_bytes=receive_bytes,
        keep_alive_seconds=keep_alive_seconds,
    )
    disconnected = asyncio.create_task(client.disconnected())
    disconnected.add_done_callback(lambda _: connection.end(ConnectionLostError("the broker did not answer a ping")))
    try:
        yield connection
    finally:
        await connection.close()
        disconnected.cancel()


async def _probe(address: BrokerAddress) -> None:
    async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
        _, writer = await asyncio.open_connection(address.host, address.port, family=socket.AF_INET)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
