"""Reads and works out the figures of alerts, for `pumpwatch report alerts` and for the board alike.

Guarantee: the figures are made in a thread of their own, so that a year of a large clinic holds up nobody else's page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from schemas.parts.paging import QuietHours
from services.alerts.health.hand_over.store import zones_of
from services.alerts.policies import Policies
from services.alerts.quality import store
from services.alerts.quality.figures import Review, review
from services.alerts.quality.nights import night_of
from services.runtime.database import Connection


async def nights_of(connection: Connection, policies: Policies, clinics: Collection[str]) -> dict[str, QuietHours]:
    """By clinic, when it is night there."""
    zones = await zones_of(connection, policies, clinics)
    return {clinic: night_of(policies.of(clinic), zones[clinic]) for clinic in clinics}


async def alert_quality(
    connection: Connection,
    clinic_id: str | None,
    clinics: Collection[str],
    policies: Policies,
    since: datetime,
    until: datetime,
) -> Review:
    """The figures of these clinics together. The caller owns the transaction.

    Args:
        connection: What it sees is what is counted.
        clinic_id: The one that was asked for; only named. None: all.
        clinics: Whose alerts are counted.
        policies: Which say when it is night.
        since: When the first alert may have opened.
        until: When the last.
    """
    return await asyncio.to_thread(
        review,
        clinic_id,
        since,
        until,
        alerts=await store.alerts_opened(connection, clinics, since, until),
        pages=await store.pages(connection, clinics, since, until),
        weeks_of=await store.weeks_watched(connection, clinics, since, until),
        nights=await nights_of(connection, policies, clinics),
    )
