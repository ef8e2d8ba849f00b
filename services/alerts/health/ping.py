"""A sign of life to an outside service that pages when it stops (healthchecks.io and its like).

Guarantee: a ping goes out only when the database answered, ingest was heard of lately, the queue moves, every loop of
this process works, no policy leaves a clinic, or a step of its routes, with nobody who can be told, and nothing has
ended without which the broker refuses every device. When the ping stops, somebody outside notices; nothing in here has
to work for that.
"""

from __future__ import annotations

import asyncio
import urllib.request
from http.client import HTTPException
from typing import Final

import structlog

from services.alerts.health.broker_files import read_endings
from services.alerts.health.policy_state import policy_state
from services.alerts.health.store import clinics_with_pumps, load_status
from services.alerts.health.troubles import Vitals, troubles
from services.alerts.resources import Resources
from services.runtime.database import UNAVAILABLE, borrow

_ANSWER_SECONDS: Final = 5.0

log = structlog.get_logger()


async def keep_pinging(resources: Resources) -> None:
    """Ping until cancelled; returns at once when no address is set."""
    settings = resources.settings
    if settings.watchdog_url is None:
        return
    url = settings.watchdog_url.get_secret_value()
    while True:
        found = troubles(await vitals(resources), resources.clock())
        if found:
            log.warning("watchdog_silent", because=found)
        else:
            try:
                await asyncio.to_thread(_ping, url)
            except (OSError, HTTPException) as error:  # the address is a secret: only the kind of error is told
                log.warning("watchdog_not_reached", error=type(error).__name__)
        await asyncio.sleep(settings.watchdog_seconds)


async def vitals(resources: Resources) -> Vitals:
    """Look at every part."""
    try:
        async with borrow(resources.pool, within_seconds=_ANSWER_SECONDS) as connection:
            status = await load_status(connection)
            clinics = await clinics_with_pumps(connection)
    except UNAVAILABLE:
        return Vitals(database=False)
    found = await asyncio.to_thread(read_endings, resources.settings.broker_certificates)
    return Vitals(
        database=True,
        ingest_at=status.ingest_alive_at,
        queued_at=status.oldest_queued_at,
        unjudged=status.unjudged,
        failing=tuple(resources.health.failing),
        ended=sum(each.has_ended(resources.clock()) for each in found),
        unpaged=len(policy_state(resources.holding, resources.environment, clinics).unpaged),
    )


def _ping(url: str) -> None:
    with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS):  # noqa: S310 - the setting accepts http and https only # nosec B310
        pass
