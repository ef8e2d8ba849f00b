"""Reads what the picture of an alert is drawn from: what who asks may see, of the patient of the alert alone."""

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
    rows = await connection.fetch(QUERIES["levels_of_alert"], alert_id, now, _BEFORE, _EACH)
    return tuple(Known(row["at"], row["volume_ml"], row["basis"]) for row in rows)
