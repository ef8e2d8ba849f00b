"""What the API and the board read: alerts with their deliveries and history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from services.alerts.model import Occasion, OccasionKind
from services.alerts.web.read_models import STATES, AlertView, Delivery, HistoryEntry, StateFilter
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def list_alerts(
    connection: Connection, state: StateFilter, clinic_id: str | None, limit: int
) -> tuple[AlertView, ...]:
    """Alerts that match, the most urgent that nobody has first."""
    rows = await connection.fetch(QUERIES["list_alerts"], list(STATES[state]), clinic_id, limit)
    return await _with_deliveries(connection, rows)


async def one_alert(connection: Connection, alert_id: UUID) -> AlertView | None:
    """One alert with its deliveries; None: there is no such alert."""
    found = await _with_deliveries(connection, await connection.fetch(QUERIES["one_alert"], alert_id))
    return found[0] if found else None


async def count_open(connection: Connection, clinic_id: str | None) -> int:
    """How many alerts are not closed."""
    count: int = await connection.fetchval(QUERIES["count_open"], clinic_id)
    return count


async def history_of(connection: Connection, alert_id: UUID) -> tuple[HistoryEntry, ...]:
    """What happened to one alert, oldest first."""
    return tuple(
        HistoryEntry(**(dict(row) | {"detail": json.loads(row["detail"])}))
        for row in await connection.fetch(QUERIES["transitions_of"], alert_id)
    )


async def _with_deliveries(connection: Connection, rows: Sequence[asyncpg.Record]) -> tuple[AlertView, ...]:
    if not rows:
        return ()
    by_alert: dict[UUID, list[Delivery]] = {}
    for row in await connection.fetch(QUERIES["deliveries_of"], [row["alert_id"] for row in rows]):
        by_alert.setdefault(row["alert_id"], []).append(_delivery(row))
    return tuple(
        AlertView(
            **dict(row) | {"evidence": json.loads(row["evidence"])},
            deliveries=tuple(by_alert.get(row["alert_id"], ())),
        )
        for row in rows
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    values = dict(row)
    occasion = Occasion(OccasionKind(values.pop("kind")), values.pop("episode"), values.pop("step"))
    return Delivery(**values, occasion=str(occasion), why=occasion)
