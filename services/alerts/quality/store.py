"""Reads what the figures of alerts are made from: of the clinics that are named, as far as the connection sees them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final

from services.alerts.quality.figures import AlertRow, PageRow
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def alerts_opened(
    connection: Connection, clinics: Collection[str], since: datetime, until: datetime
) -> list[AlertRow]:
    """The alerts that opened in the time, and what people did about each of them."""
    return [AlertRow(**row) for row in await connection.fetch(QUERIES["alerts_opened"], list(clinics), since, until)]


async def pages(connection: Connection, clinics: Collection[str], since: datetime, until: datetime) -> list[PageRow]:
    """Every page about the alerts that opened in the time."""
    return [PageRow(**row) for row in await connection.fetch(QUERIES["pages"], list(clinics), since, until)]


async def weeks_watched(
    connection: Connection, clinics: Collection[str], since: datetime, until: datetime
) -> dict[str, float]:
    """For how many weeks of the time each pump was watched; only pumps that were."""
    rows = await connection.fetch(QUERIES["weeks_watched"], list(clinics), since, until)
    return {row["pump_id"]: row["weeks"] for row in rows}
