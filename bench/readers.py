"""People at the board, and those who only hold it up: boards that are open, requests that are never whole, guesses.

For `bench.latency --readers N`. They stand for other machines, so that here they have the processor's time only where
nobody else wants it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

HALF_REQUESTS: Final = 1_500
GUESSERS: Final = 10
REFRESH_SECONDS: Final = 5.0
"""So often a board that is open reads itself again (services/alerts/web/board/static/board.js)."""


async def look(url: str, readers: int, pause_seconds: float, cookie: str) -> None:
    """Hold up the board at `url` until this process is killed; who reads does so again after a pause.

    The readers have the session of `cookie`.
    """
    stand_for_another_machine()
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or 80
    async with asyncio.TaskGroup() as group:
        for number in range(readers):
            late = pause_seconds * number / readers
            group.create_task(_again_and_again(host, port, _request(f"Cookie: {cookie}"), pause_seconds, late))
        for number in range(GUESSERS):
            group.create_task(_again_and_again(host, port, _request(f"Authorization: Bearer guess {number}")))
        for _ in range(HALF_REQUESTS):
            group.create_task(_half(host, port))


def stand_for_another_machine() -> None:
    """Let this process compute only where nothing that is measured wants to."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def processes_are_grouped() -> bool:
    """Tell whether this kernel shares its time out by session, so that one of many processes outweighs one of few."""
    try:
        return Path("/proc/sys/kernel/sched_autogroup_enabled").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def _request(shown: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: x\r\n{shown}\r\n\r\n".encode()


async def _again_and_again(
    host: str, port: int, request: bytes, pause_seconds: float = 0.0, late_seconds: float = 0.0
) -> None:
    await asyncio.sleep(late_seconds)
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                while True:
                    writer.write(request)
                    await writer.drain()
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    lengths = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
                    await reader.readexactly(int(lengths[0].partition(b":")[2]))
                    await asyncio.sleep(pause_seconds)
            finally:
                writer.close()
        await asyncio.sleep(0.05)


async def _half(host: str, port: int) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
                await reader.read()
            finally:
                writer.close()
        await asyncio.sleep(0.5)
