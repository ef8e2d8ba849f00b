"""Reads what pictures are drawn from: what who asks may see, of one patient alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from services.alerts.web.pictures.level_chart import Known
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
_BEFORE: Final = timedelta(days=42)
"""Longer than a clinic leaves a low pump; six weeks of computed levels are a line that can still be read."""
_EACH: Final = timedelta(hours=6)


async def levels_of_alert(connection: Connection, alert_id: UUID, now: datetime) -> tuple[Known, ...]:
    """What is known of the level, the oldest first: until `now`, or until the alert was closed."""
    row = await connection.fetchrow(QUERIES["time_of_alert"], alert_id, now, _BEFORE)
    return () if row is None else await _levels(connection, row["pump_id"], row["since"], row["until"])


async def levels_of_pump(
    connection: Connection, pump_id: str, implanted_at: datetime | None, now: datetime
) -> tuple[Known, ...]:
    """The same of a pump until `now`, of whoever has had it since `implanted_at` (None: nobody knows)."""
    since = now - _BEFORE
    return await _levels(connection, pump_id, max(since, implanted_at or since), now)


async def _levels(connection: Connection, pump_id: str, since: datetime, until: datetime) -> tuple[Known, ...]:
    rows = await connection.fetch(QUERIES["levels"], pump_id, since, until, _EACH)
    return tuple(Known(row["at"], row["volume_ml"], row["basis"]) for row in rows)
