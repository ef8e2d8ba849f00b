"""People at the board, and those who only hold it up: boards that are open, requests that are never whole, guesses.

For `bench.latency --readers N`. They stand for other machines, so that here they have the processor's time only where
nobody else wants it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

HALF_REQUESTS: Final = 1_500
GUESSERS: Final = 10
_OPENED_WITHIN_SECONDS: Final = 5.0


async def look(url: str, cookies: Sequence[str], *, without_pause: bool) -> None:
    """Hold up the board at `url` until this process is killed. Each reader has a session of their own, by its cookie.

    They have it open, as a browser does: the page, and then the stream of what changes; or they read the page again and
    again without any pause.
    """
    stand_for_another_machine()
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or 80
    async with asyncio.TaskGroup() as group:
        for number, cookie in enumerate(cookies):
            shown = f"Cookie: {cookie}"
            if without_pause:
                group.create_task(_again_and_again(host, port, _request(shown)))
            else:
                group.create_task(_open(host, port, shown, _OPENED_WITHIN_SECONDS * number / len(cookies)))
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


def _request(shown: str, path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{shown}\r\n\r\n".encode()


async def _open(host: str, port: int, shown: str, late_seconds: float) -> None:
    """A board in a browser: when its stream ends, it opens another."""
    await asyncio.sleep(late_seconds)
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, port, limit=2**22)
            try:
                writer.write(_request(shown))
                page = await _answer(reader)
                version = page.partition(b'data-version="')[2].partition(b'"')[0].decode()
                writer.write(_request(shown, f"/live?have={version}"))
                while await reader.readuntil(b"\n\n"):
                    pass
            finally:
                writer.close()
        await asyncio.sleep(1)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    lengths = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return await reader.readexactly(int(lengths[0].partition(b":")[2]))


async def _again_and_again(host: str, port: int, request: bytes) -> None:
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                while True:
                    writer.write(request)
                    await writer.drain()
                    await _answer(reader)
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
