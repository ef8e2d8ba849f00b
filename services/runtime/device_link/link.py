"""The device's side of one MQTT 5 connection, on the `mqtt5` codec and asyncio streams.

It does not use aiomqtt: version 3 drops QoS 0 messages that come in bursts, as receipts do, and allocates 16 MB for
each client, where a fleet may have one for each device.

Guarantees: at most the server's Receive Maximum of QoS 1 messages are unacknowledged; every `on_ack` is called exactly
once, with the server's reason or with the error that ended the link; a message is handed to `on_message` before it is
acknowledged; packets leave in the order of the calls, many in one write. Reconnecting is the caller's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import mqtt5

from services.runtime.mqtt import BrokerAddress, drop

_READ_BYTES: Final = 262_144
_DRAIN_ABOVE_BYTES: Final = 1_048_576
_REFUSED: Final = 128
"""MQTT 5 reason codes from here on are errors."""

OnAck = Callable[["mqtt5.PubAckReasonCode | LinkError"], None]
OnMessage = Callable[[mqtt5.PublishPacket], None]


class LinkError(ConnectionError):
    """The link could not be made or is gone; another one may succeed. Names the broker and the reason."""


class LinkRefusedError(LinkError):
    """No connection: the broker cannot be reached, or answered CONNECT or SUBSCRIBE with a refusal."""


class LinkLostError(LinkError):
    """The connection ended after it was made."""


class PublishRefusedError(LinkError):
    """The broker answered PUBLISH with a reason of 128 or more; the link is still good."""


class PacketTooLargeError(ValueError):
    """The message is larger than the broker's Maximum Packet Size: sending it would end the connection."""


def is_refusal(reason: mqtt5.PubAckReasonCode) -> bool:
    """Tell whether a PUBACK's reason means that the broker did not take the message."""
    return int(reason) >= _REFUSED


def reason_name(reason: object) -> str:
    """A reason code as people know it. The codec's enums are not Python's: they know only their number and `repr`."""
    return repr(reason).rpartition(".")[2]


class DeviceLink:
    """One open connection. Get it from `connect.open_link`, which runs its two tasks."""

    def __init__(
        self,
        broker: BrokerAddress,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_message: OnMessage,
        connack: mqtt5.ConnAckPacket,
        keep_alive_seconds: int,
    ) -> None:
        self.broker = broker
        self.receive_maximum = connack.receive_max
        self.maximum_packet_bytes = connack.max_packet_size
        self._reader, self._writer = reader, writer
        self._on_message = on_message
        self._keep_alive = connack.server_keep_alive if connack.server_keep_alive is not None else keep_alive_seconds
        self._loop = asyncio.get_running_loop()
        self._in_flight: dict[int, OnAck] = {}
        self._asked: dict[int, asyncio.Future[Sequence[mqtt5.SubAckReasonCode]]] = {}
        self._last_packet_id = 0
        self._outgoing: list[bytes] = []
        self._slot_waiters: deque[asyncio.Future[None]] = deque()
        self._last_sent = self._last_heard = self._loop.time()
        self._error: LinkError | None = None
        self._lost: asyncio.Event = asyncio.Event()

    # What the caller may do.

    @property
    def free_slots(self) -> int:
        """How many more QoS 1 messages may be sent now."""
        return 0 if self._error else self.receive_maximum - len(self._in_flight)

    async def lost(self) -> LinkError:
        """Wait until the link is gone, and say why."""
        await self._lost.wait()
        assert self._error is not None  # noqa: S101 - set before the event
        return self._error

    async def slot(self) -> None:
        """Wait until a QoS 1 message may be sent, and the socket takes more bytes.

        Raises:
            LinkLostError: The link ended meanwhile.
        """
        while self._error is None and len(self._in_flight) >= self.receive_maximum:
            waiter = self._loop.create_future()
            self._slot_waiters.append(waiter)
            await waiter
        self._check()
        if self._writer.transport.get_write_buffer_size() > _DRAIN_ABOVE_BYTES:
            with suppress(ConnectionError):
                await self._writer.drain()
            self._check()

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        on_ack: OnAck | None = None,
        response_topic: str | None = None,
        correlation_data: bytes | None = None,
    ) -> None:
        """Publish without waiting: QoS 1 with `on_ack`, which needs a free slot, else QoS 0.

        Raises:
            LinkLostError: The link is gone.
            PacketTooLargeError: The broker would not take it.
            RuntimeError: No slot is free; wait for `slot` first.
        """
        self._check()
        if on_ack is not None and not self.free_slots:
            msg = f"all {self.receive_maximum} slots are in use: wait for slot() before send()"
            raise RuntimeError(msg)
        packet_id = None if on_ack is None else self._next_packet_id()
        packet = mqtt5.PublishPacket(
            topic,
            payload,
            qos=mqtt5.QoS.AT_MOST_ONCE if on_ack is None else mqtt5.QoS.AT_LEAST_ONCE,
            packet_id=packet_id,
            response_topic=response_topic,
            correlation_data=correlation_data,
        ).write()
        if self.maximum_packet_bytes is not None and len(packet) > self.maximum_packet_bytes:
            msg = f"a message of {len(packet)} bytes exceeds the {self.maximum_packet_bytes} that {self.broker} takes"
            raise PacketTooLargeError(msg)
        if packet_id is not None and on_ack is not None:
            self._in_flight[packet_id] = on_ack
        self._write(packet)

    async def publish(
        self, topic: str, payload: bytes, *, response_topic: str | None = None, correlation_data: bytes | None = None
    ) -> mqtt5.PubAckReasonCode:
        """Publish with QoS 1 and wait for the PUBACK.

        Raises:
            PublishRefusedError: The broker refused it, for the reason named.
            LinkLostError: The link ended before the PUBACK; the broker may or may not have it.
        """
        await self.slot()
        answer: asyncio.Future[mqtt5.PubAckReasonCode | LinkError] = self._loop.create_future()
        self.send(
            topic,
            payload,
            on_ack=lambda reason: None if answer.done() else answer.set_result(reason),
            response_topic=response_topic,
            correlation_data=correlation_data,
        )
        reason = await answer
        if isinstance(reason, LinkError):
            raise reason
        if is_refusal(reason):
            msg = f"{self.broker} refused a message to {topic}: {reason_name(reason)}"
            raise PublishRefusedError(msg)
        return reason

    async def subscribe(self, *filters: str, qos: mqtt5.QoS = mqtt5.QoS.AT_MOST_ONCE) -> None:
        """Subscribe, and wait until the broker has granted every filter.

        Raises:
            LinkRefusedError: A filter was refused, for the reason named.
            LinkLostError: The link ended meanwhile.
        """
        self._check()
        packet_id = self._next_packet_id()
        asked = self._asked[packet_id] = self._loop.create_future()
        self._write(mqtt5.SubscribePacket(packet_id, [mqtt5.Subscription(f, max_qos=qos) for f in filters]).write())
        for pattern, reason in zip(filters, await asked, strict=True):
            if int(reason) >= _REFUSED:
                msg = f"{self.broker} refused the subscription to {pattern}: {reason_name(reason)}"
                raise LinkRefusedError(msg)

    # The wire.

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _next_packet_id(self) -> int:
        packet_id = self._last_packet_id
        while True:
            packet_id = packet_id % 65_535 + 1
            if packet_id not in self._in_flight and packet_id not in self._asked:
                self._last_packet_id = packet_id
                return packet_id

    def _write(self, packet: bytes) -> None:
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(packet)

    def _flush(self) -> None:
        if self._outgoing and not self._writer.transport.is_closing():
            self._writer.write(b"".join(self._outgoing))
            self._last_sent = self._loop.time()
        self._outgoing.clear()

    async def read_until_lost(self) -> None:
        """Handle what the broker sends, until the link ends. `open_link` runs this."""
        pending = b""
        try:
            while chunk := await self._reader.read(_READ_BYTES):
                self._last_heard = self._loop.time()
                pending = self._handle_all(pending + chunk)
            self.fail(LinkLostError(f"{self.broker} closed the connection"))
        except LinkLostError as error:
            self.fail(error)
        except OSError as error:
            self.fail(LinkLostError(f"the connection to {self.broker} broke: {error}"))
        finally:
            self.fail(LinkLostError(f"reading from {self.broker} stopped"))

    def _handle_all(self, received: bytes) -> bytes:
        """Handle every whole packet; return the rest."""
        view, at = memoryview(received), 0
        while at < len(received):
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                break
            except ValueError as error:
                msg = f"{self.broker} sent bytes that are no MQTT 5 packet: {error}"
                raise LinkLostError(msg) from error
            at += size
            self._handle(packet)
        return received[at:]

    def _handle(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.PubAckPacket():
                on_ack = self._in_flight.pop(packet.packet_id, None)
                self._wake_one()
                if on_ack is not None:
                    on_ack(packet.reason_code)
            case mqtt5.PublishPacket():
                self._on_message(packet)
                if packet.qos == mqtt5.QoS.AT_LEAST_ONCE and packet.packet_id is not None:
                    self._write(mqtt5.PubAckPacket(packet.packet_id).write())
            case mqtt5.SubAckPacket():
                asked = self._asked.pop(packet.packet_id, None)
                if asked is not None and not asked.done():
                    asked.set_result(packet.reason_codes)
            case mqtt5.DisconnectPacket():
                reason = packet.reason_code
                msg = f"{self.broker} ended the connection: {reason_name(reason)}"
                raise LinkLostError(msg)
            case _:
                pass

    def _wake_one(self) -> None:
        while self._slot_waiters:
            waiter = self._slot_waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def keep_alive_until_lost(self) -> None:
        """Send PINGREQ when nothing else was sent; give up when the broker is silent. `open_link` runs this."""
        while self._keep_alive and self._error is None:
            await asyncio.sleep(self._keep_alive / 4)
            now = self._loop.time()
            if now - self._last_heard > 1.5 * self._keep_alive:
                self.fail(LinkLostError(f"{self.broker} was silent for {now - self._last_heard:.0f} s"))
            elif max(now - self._last_sent, now - self._last_heard) >= self._keep_alive / 2:
                self._write(mqtt5.PingReqPacket().write())

    def fail(self, error: LinkError) -> None:
        """End the link: every waiter and every unacknowledged message learns of it, once."""
        if self._error is not None:
            return
        self._error = error
        self._lost.set()
        drop(self._writer)
        in_flight, self._in_flight = self._in_flight, {}
        for on_ack in in_flight.values():
            on_ack(error)
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(error)
        while self._slot_waiters:
            self._wake_one()

    async def close(self) -> None:
        """Say goodbye and close."""
        if self._error is None:
            self._write(mqtt5.DisconnectPacket().write())
            self._flush()
            self._writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._writer.wait_closed()
            self.fail(LinkLostError(f"the link to {self.broker} was closed here"))
