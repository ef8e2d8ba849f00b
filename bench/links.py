"""Answer pages by their links, as a phone does: used by `python -m bench.latency --links`."""

from __future__ import annotations

import asyncio
import http.client
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from bench import stack

SIGN_IN: Final = "nurse"
_SEE_OTHER: Final = 303
_LINK: Final = re.compile(r"(/l/[A-Za-z0-9_.-]+)$")

Press = Callable[[str], Awaitable[float]]
"""Follows the link at the end of a page's text; returns how many seconds it took until it was taken and recorded."""


async def make_nurse(dsn: str) -> None:
    """The person whom pages of the benchmark go to."""
    connection = await asyncpg.connect(dsn)
    try:
        person_id = await connection.fetchval(
            "INSERT INTO persons (name, sign_in, made_at, made_by) VALUES ('Nurse', $1, now(), 'bench')"
            " RETURNING person_id",
            SIGN_IN,
        )
        await connection.execute(
            "INSERT INTO person_roles VALUES ($1, $2, 'responder', now(), 'bench')", person_id, stack.CLINIC
        )
    finally:
        await connection.close()


def make_key(folder: Path) -> Path:
    """A key that links are signed with."""
    path = folder / "link.key"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    return path


def presser(web_url: str) -> Press:
    """Who presses, each time over a connection of its own."""
    place = urlsplit(web_url).netloc

    def post(path: str) -> float:
        began = time.perf_counter()
        connection = http.client.HTTPConnection(place, timeout=20)
        connection.request("POST", path)
        status = connection.getresponse().status
        took = time.perf_counter() - began
        connection.close()
        if status != _SEE_OTHER:
            msg = f"the link was not taken: {status}"
            raise RuntimeError(msg)
        return took

    async def press(text: str) -> float:
        found = _LINK.search(text)
        if found is None:
            msg = f"this page has no link: {text!r}"
            raise RuntimeError(msg)
        return await asyncio.to_thread(post, found[1])

    return press
