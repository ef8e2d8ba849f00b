"""The bench's port: the device connects here, and each of its connections goes on to a real broker, packet by packet.

Guarantees: what is passed on is passed on unchanged and in order; what is written down is what stood on the wire; a
connection is cut, ended or turned away only when a probe asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import mqtt5

from services.conformance.checks.connection import MQTT_5
from services.conformance.notebook import Notebook
from services.conformance.observations import (
    Answered,
    By,
    Connect,
    Delivered,
    Ended,
    Opened,
    Published,
    Subscribed,
    TurnedAway,
    Unreadable,
    Will,
)
from services.conformance.packets import NotMqttError, Packets, protocol_of
from services.runtime.addresses import BrokerAddress
from services.runtime.device_link.link import reason_name
from services.runtime.mqtt import drop

_READ_BYTES: Final = 65_536


@dataclass(slots=True, eq=False)
class _Between:
    """One connection of the device, and its other half to the broker."""

    number: int
    device: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    protocol: str = ""
    topics: dict[int, str] = field(default_factory=dict)
    """What the device's aliases stand for."""
    ended_by: By | None = None

    def end(self, by: By) -> None:
        """Whoever ends it first is the one that counts."""
        self.ended_by = self.ended_by or by


class Tap:
    """Open it with `listening`."""

    def __init__(self, broker: BrokerAddress, notebook: Notebook) -> None:
        self._broker = broker
        self._notebook = notebook
        self._open: set[_Between] = set()
        self._connections = 0
        self.is_closed = False
        """While it is, whoever comes is turned away."""

    def cut(self) -> None:
        """Break every connection, as a network does: nobody says goodbye."""
        for between in self._open:
            between.end(By.BENCH)
            drop(between.device)
            drop(between.broker)

    def say_goodbye(self) -> None:
        """End every connection as a broker does that shuts down."""
        goodbye = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN).write()
        for between in self._open:
            between.end(By.BENCH)
            between.device.write(goodbye)
            between.device.close()
            drop(between.broker)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Stand between the device and the broker until one of them ends it."""
        notebook = self._notebook
        if self.is_closed:
            notebook.note(TurnedAway(notebook.now))
            drop(writer)
            return
        self._connections += 1
        number = self._connections
        notebook.note(Opened(notebook.now, notebook.wall(), number, *_shown(writer)))
        try:
            there, away = await asyncio.open_connection(self._broker.host, self._broker.port)
        except OSError:
            drop(writer)
            notebook.note(Ended(notebook.now, number, By.BROKER))
            return
        between = _Between(number, writer, away)
        self._open.add(between)
        try:
            await self._both_ways(between, reader, there)
        finally:
            self._open.discard(between)
            notebook.note(Ended(notebook.now, number, between.ended_by or By.BENCH))
            for each in (writer, away):
                if each.transport.is_closing():
                    continue
                each.close()

    async def _both_ways(
        self, between: _Between, from_device: asyncio.StreamReader, from_broker: asyncio.StreamReader
    ) -> None:
        up = asyncio.ensure_future(self._pass_on(from_device, between.broker, between, By.DEVICE))
        down = asyncio.ensure_future(self._pass_on(from_broker, between.device, between, By.BROKER))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, between: _Between, side: By
    ) -> None:
        packets, notebook = Packets(), self._notebook
        with contextlib.suppress(OSError):
            while received := await reader.read(_READ_BYTES):
                try:
                    whole = packets.add(received)
                except NotMqttError as error:
                    notebook.note(Unreadable(notebook.now, between.number, str(error)))
                    break
                for packet in whole:
                    self._write_down(packet, between, side)
                    writer.write(packet)
                await writer.drain()
        between.end(side)

    def _write_down(self, packet: bytes, between: _Between, side: By) -> None:
        now, number = self._notebook.now, between.number
        if not between.protocol:
            between.protocol = protocol_of(packet) or "no CONNECT"
            if between.protocol != MQTT_5:
                self._notebook.note(Connect(now, number, between.protocol))
        if between.protocol != MQTT_5:
            return
        try:
            read, _ = mqtt5.read(memoryview(packet))
        except (ValueError, IndexError) as error:
            self._notebook.note(Unreadable(now, number, str(error)))
            return
        if side is By.DEVICE:
            self._of_device(read, packet, between)
        else:
            self._of_broker(read, number)

    def _of_device(self, read: mqtt5.Packet, packet: bytes, between: _Between) -> None:
        notebook, number = self._notebook, between.number
        match read:
            case mqtt5.ConnectPacket():
                will = Will(read.will.topic, read.will.payload or b"", read.will.retain) if read.will else None
                notebook.note(Connect(notebook.now, number, MQTT_5, read.username, will))
            case mqtt5.SubscribePacket():
                filters = tuple(each.pattern for each in read.subscriptions)
                notebook.note(Subscribed(notebook.now, number, filters))
            case mqtt5.PublishPacket():
                if read.topic_alias is not None and read.topic:
                    between.topics[read.topic_alias] = read.topic
                published = Published(
                    notebook.now,
                    notebook.wall(),
                    number,
                    read.topic or between.topics.get(read.topic_alias or 0, ""),
                    read.payload,
                    int(read.qos),
                    read.retain,
                    read.response_topic,
                    read.correlation_data,
                    read.topic_alias,
                    len(packet),
                )
                notebook.note(published)
            case _:
                pass

    def _of_broker(self, read: mqtt5.Packet, number: int) -> None:
        notebook = self._notebook
        match read:
            case mqtt5.ConnAckPacket():
                taken = read.reason_code == mqtt5.ConnAckReasonCode.SUCCESS
                refusal = "" if taken else reason_name(read.reason_code)
                answered = Answered(
                    notebook.now, number, refusal, read.session_present, read.max_packet_size, read.topic_alias_max
                )
                notebook.note(answered)
            case mqtt5.PublishPacket():
                notebook.note(Delivered(notebook.now, number, read.topic, read.payload, read.correlation_data))
            case _:
                pass


def _shown(writer: asyncio.StreamWriter) -> tuple[str, tuple[str, ...]]:
    """The version of TLS, and the common names of the certificate that the device showed."""
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if tls is None:
        return "", ()
    subject: Any = (tls.getpeercert() or {}).get("subject", ())
    return tls.version() or "", tuple(value for part in subject for name, value in part if name == "commonName")


@asynccontextmanager
async def listening(tap: Tap, host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """Take the device's connections at an address; on leaving, all of them are ended.

    Raises:
        OSError: The address cannot be listened on.
    """
    serving: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(tap.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(begin, host, port, ssl=tls)
    try:
        yield
    finally:
        server.close()
        tap.cut()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        with contextlib.suppress(OSError):
            await server.wait_closed()
