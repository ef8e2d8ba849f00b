"""A TCP proxy that can hang: it keeps every connection open and forwards nothing, as a network does that drops packets.

Guarantees: loopback only; while it hangs, neither side is told anything, not even that the other closed; what was sent
meanwhile is kept and forwarded when the connection goes on.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_READ_BYTES: Final = 65_536


class HangingProxy:
    """Use it as an async context manager; connect to `port` instead of to `target_port`."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._hangs = False
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], asyncio.Event] = {}

    def hang(self) -> None:
        """Forward nothing any more; new connections are accepted, and that is all."""
        self._hangs = True
        for goes_on in self._links.values():
            goes_on.clear()

    def resume(self, *, old_connections: bool) -> None:
        """Forward again. Without `old_connections` those made so far stay as they are, for ever: nobody is told."""
        self._hangs = False
        if old_connections:
            for goes_on in self._links.values():
                goes_on.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        goes_on = asyncio.Event()
        if not self._hangs:
            goes_on.set()
        link = asyncio.create_task(self._link(reader, writer, goes_on))
        self._links[link] = goes_on
        link.add_done_callback(self._links.pop)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, goes_on: asyncio.Event) -> None:
        writers = [writer]
        try:
            await goes_on.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            writers.append(far_writer)
            ways = [
                asyncio.create_task(_forward(reader, far_writer, goes_on)),
                asyncio.create_task(_forward(far_reader, writer, goes_on)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.wait(ways)
        except OSError:
            pass  # the far side is not there: the near one sees its connection end
        finally:
            for each in writers:
                each.transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, goes_on: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(_READ_BYTES):
            await goes_on.wait()
            writer.write(data)
            await writer.drain()
    await goes_on.wait()  # nor may the end get through before its time
