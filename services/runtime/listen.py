"""Hear PostgreSQL's notifications, however often the connection is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

import asyncpg
import structlog

from services.runtime.backoff import backoff_seconds
from services.runtime.database import UNAVAILABLE, plainly
from services.runtime.secrets.file import PasswordNow

_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 5.0

log = structlog.get_logger()


def _nobody_asks(listening: bool) -> None:
    del listening


async def listen(
    dsn: str,
    channel: str,
    on_news: Callable[[], object],
    *,
    password: PasswordNow | None = None,
    on_state: Callable[[bool], object] = _nobody_asks,
    check_seconds: float = 10.0,
    connect_within_seconds: float = 10.0,
    answer_within_seconds: float = 5.0,
) -> NoReturn:
    """Call `on_news` for each notification of `channel`, until cancelled.

    Guarantees:
    - `on_news` is also called each time that listening begins, the first time included: nothing that was notified while
      nobody listened is missed by somebody who then looks at everything. What a notification carries is not handed on.
    - A lost connection is made again, after waits that double from 0.2 s to 5 s and start afresh once it listened.
    - A connection whose network hangs is noticed, too: every `check_seconds` the server must answer a question.
    - `on_state` is told True before the `on_news` with which listening begins, and False when it has ended, also by
      being cancelled; never the same twice in a row.
    - That the database is away is logged once, and once that it is back. So it is with a login that is refused
      or a database that is not there: somebody may mend it meanwhile.

    Args:
        dsn: Of the database; the connection is of its own and never one of a pool.
        channel: Its name, as in NOTIFY.
        on_news: Called in the event loop; it must not block.
        password: Where the address holds none: asked for each connection.
        on_state: Tells whether notifications are heard.
        check_seconds: How often to ask whether the server is still there.
        connect_within_seconds: How long to wait for a connection.
        answer_within_seconds: How long to wait for an answer.
    """

    def heard(*_: object) -> None:
        on_news()

    attempts = 0
    while True:
        connection = None
        listening = False
        try:
            connection = await asyncpg.connect(
                dsn, password=password, timeout=connect_within_seconds, command_timeout=answer_within_seconds
            )
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            await connection.add_listener(channel, heard)
            if attempts:
                log.info("listening_again", channel=channel)
            listening, attempts = True, 0
            on_state(True)
            on_news()
            await _until_lost(connection, lost, check_seconds)
            reason = "the server closed the connection"
        except UNAVAILABLE as error:
            reason = plainly(error)
        finally:
            if connection is not None:
                connection.terminate()
            if listening:
                on_state(False)
        attempts += 1
        if attempts == 1:
            log.warning("listener_lost", channel=channel, error=reason)
        await asyncio.sleep(
            backoff_seconds(attempts, first_seconds=_FIRST_WAIT_SECONDS, longest_seconds=_LONGEST_WAIT_SECONDS)
        )


async def _until_lost(
    connection: asyncpg.Connection[asyncpg.Record], lost: asyncio.Event, check_seconds: float
) -> None:
    """Return when the connection has ended; a server that no longer answers raises one of `UNAVAILABLE`."""
    while not lost.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(check_seconds):
                await lost.wait()
        if not lost.is_set():
            await connection.execute("SELECT 1")
