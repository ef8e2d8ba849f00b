"""What looks at the database again and again beside paging, such as whether phones ring and whose turn has ended.

Guarantee: a database that is away is waited for, and a fault of ours ends nothing: the process that pages goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import structlog

from services.runtime.database import UNAVAILABLE, Pool, leave_read_only, plainly

log = structlog.get_logger()

_LOOK_SECONDS: Final = 20.0


async def keep_looking(
    pool: Pool,
    look_once: Callable[[], Awaitable[None]],
    *,
    task: str,
    failed: str,
    every_seconds: float = _LOOK_SECONDS,
) -> NoReturn:
    """Look until cancelled.

    Args:
        pool: What is looked at.
        look_once: Looks.
        task: What it is about, for the log of a database that is away.
        failed: The event of the log when looking fails by a fault of ours.
        every_seconds: How long is waited between two looks.
    """
    while True:
        try:
            await look_once()
        except UNAVAILABLE as error:
            log.warning("database_unavailable", task=task, error=plainly(error))
            await leave_read_only(pool, error)
        except Exception:  # must not end the process that pages
            log.exception(failed)
        await asyncio.sleep(every_seconds)
