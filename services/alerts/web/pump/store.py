"""Reads what a pump's page shows beside facts: what who asks may see, and of a pump of others nothing."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg

from services.alerts.web.lists.asked import patterns_of
from services.alerts.web.pump.model import AlertLine, Device, ListedPump, Programmed
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
MOST_ALERTS: Final = 50


async def device_of_pump(connection: Connection, pump_id: str) -> Device | None:
    """The pump; None: there is none of that name, or it is another clinic's."""
    row = await connection.fetchrow(QUERIES["device_of_pump"], pump_id)
    return None if row is None else Device(**dict(row) | {"handhelds": tuple(row["handhelds"])})


async def therapy_of_pump(connection: Connection, pump_id: str, since: datetime | None) -> Programmed | None:
    """What was programmed last into the patient's pump; None: nobody has told.

    Args:
        connection: One that was told who asks.
        pump_id: Of the pump.
        since: When it was implanted; None: nobody knows.
    """
    row = await connection.fetchrow(QUERIES["therapy_of_pump"], pump_id, since)
    if row is None:
        return None
    return Programmed(**dict(row) | {name: json.loads(row[name]) for name in ("drugs", "profile")})


async def alerts_of_pump(connection: Connection, pump_id: str, clinic_id: str) -> tuple[tuple[AlertLine, ...], int]:
    """Its alerts, those that are open first, at most `MOST_ALERTS`; and how many it has."""
    rows = await connection.fetch(QUERIES["alerts_of_pump"], pump_id, clinic_id, MOST_ALERTS)
    lines = tuple(AlertLine(**{name: value for name, value in row.items() if name != "alerts"}) for row in rows)
    return lines, rows[0]["alerts"] if rows else 0


@dataclass(frozen=True, slots=True)
class PumpsAsked:
    """Which pumps a list is about: of these clinics, with these words in their names, with open alerts or without."""

    clinics: Collection[str]
    text: str = ""
    has_open_alerts: bool | None = None


async def listed_pumps(
    connection: Connection, asked: PumpsAsked, after: str, limit: int
) -> tuple[tuple[ListedPump, ...], int]:
    """So many of them after the one of that name, by name; and how many there are."""
    filters = (sorted(asked.clinics), patterns_of(asked.text), asked.has_open_alerts)
    total: int = await connection.fetchval(QUERIES["count_listed"], *filters)
    rows = await connection.fetch(QUERIES["listed"], *filters, after, limit)
    return tuple(_listed(row) for row in rows), total


async def listed_pump(connection: Connection, pump_id: str) -> ListedPump | None:
    """One, retired or not; None: there is none of that name, or it is another clinic's."""
    row = await connection.fetchrow(QUERIES["listed_one"], pump_id)
    return None if row is None else _listed(row)


def _listed(row: asyncpg.Record) -> ListedPump:
    return ListedPump(**dict(row) | {"handhelds": tuple(row["handhelds"])})
