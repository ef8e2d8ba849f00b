"""An MQTT 5 connection that is written to packet by packet: for what no client library does, or does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

import mqtt5


class Wire:
    """Use `connected`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._pending = b""

    async def send(self, *packets: mqtt5.Packet) -> None:
        """Write packets, in one write."""
        self._writer.write(b"".join(packet.write() for packet in packets))
        await self._writer.drain()

    async def receive(self) -> mqtt5.Packet:
        """Wait for the next packet.

        Raises:
            ConnectionError: The broker closed the connection first.
        """
        async with asyncio.timeout(10):
            while True:
                if self._pending:
                    try:
                        packet, size = mqtt5.read(memoryview(self._pending))
                    except IndexError:
                        pass
                    else:
                        self._pending = self._pending[size:]
                        return packet
                chunk = await self._reader.read(65_536)
                if not chunk:
                    msg = "the broker closed the connection"
                    raise ConnectionResetError(msg)
                self._pending += chunk

    def cut(self) -> None:
        """End the connection without a word, as a flat battery does."""
        self._writer.transport.abort()


@asynccontextmanager
async def connected(
    port: int, packet: mqtt5.ConnectPacket, *, tls: SSLContext | None = None
) -> AsyncIterator[tuple[Wire, mqtt5.ConnAckPacket]]:
    """Connect to a broker of this machine; gives the wire and what the broker answered."""
    reader, writer = await asyncio.open_connection("localhost" if tls else "127.0.0.1", port, ssl=tls)
    wire = Wire(reader, writer)
    try:
        await wire.send(packet)
        answer = await wire.receive()
        assert isinstance(answer, mqtt5.ConnAckPacket), answer
        yield wire, answer
    finally:
        wire.cut()
