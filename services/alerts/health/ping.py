"""A sign of life to an outside service that pages when it stops (healthchecks.io and its like).

Guarantee: a ping goes out only when the database answered, ingest was heard of lately, the queue moves and every
loop of this process works. When the ping stops, somebody outside notices; nothing in here has to work for that.
"""

from __future__ import annotations

import asyncio
import urllib.request
from http.client import HTTPException
from typing import Final

import structlog

from services.alerts import store
from services.alerts.clock import Clock
from services.alerts.health.state import Health
from services.alerts.health.troubles import Vitals, troubles
from services.alerts.settings import AlertsSettings
from services.runtime.database import UNAVAILABLE, Pool, borrow

_ANSWER_SECONDS: Final = 5.0

log = structlog.get_logger()


async def keep_pinging(settings: AlertsSettings, pool: Pool, health: Health, clock: Clock) -> None:
    """Ping until cancelled; returns at once when no address is set."""
    if settings.watchdog_url is None:
        return
    url = settings.watchdog_url.get_secret_value()
    while True:
        found = troubles(await vitals(pool, health), clock())
        if found:
            log.warning("watchdog_silent", because=found)
        else:
            try:
                await asyncio.to_thread(_ping, url)
            except (OSError, HTTPException) as error:  # the address is a secret: only the kind of error is told
                log.warning("watchdog_not_reached", error=type(error).__name__)
        await asyncio.sleep(settings.watchdog_seconds)


async def vitals(pool: Pool, health: Health) -> Vitals:
    """Look at every part."""
    try:
        async with borrow(pool, within_seconds=_ANSWER_SECONDS) as connection:
            row = await connection.fetchrow(store.QUERIES["watch_status"])
    except UNAVAILABLE:
        return Vitals(database=False)
    return Vitals(
        database=True,
        ingest_at=row["ingest_alive_at"] if row else None,
        queued_at=row["oldest_queued_at"] if row else None,
        unjudged=row["unjudged"] if row else 0,
        failing=tuple(health.failing),
    )


def _ping(url: str) -> None:
    with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS):  # noqa: S310 - the setting accepts http and https only
        pass
