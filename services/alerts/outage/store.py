"""What is paged past a database that is away: what must be known of it before, and written down after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.alerts.delivery.escalate import current_episode
from services.alerts.facts.model import RefusedAlarm
from services.alerts.model import AlertState, OpenAlert
from services.alerts.outage.bypass_plan import BypassedPage, Cause, HeardAlarm
from services.ingest.messages.whose import Enrolment, enrolment
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def load_registry(connection: Connection) -> Mapping[str, Enrolment]:
    """Every device that is a pump, or was ever paired with one."""
    rows = await connection.fetch(QUERIES["registry"])
    return {device_id: enrolment(*columns) for device_id, *columns in rows}


async def load_open_high(connection: Connection) -> frozenset[Cause]:
    """What is open and high: those pages have gone out."""
    rows = await connection.fetch(QUERIES["open_high"])
    return frozenset((row["pump_id"], row["rule"], row["key"]) for row in rows)


async def insert_bypassed(connection: Connection, pages: Sequence[BypassedPage]) -> None:
    """Write down pages that went out while the database was away; one that is there already stays."""
    if not pages:
        return
    await connection.execute(
        QUERIES["insert_bypassed"],
        [page.event_id for page in pages],
        [page.alert.pump_id for page in pages],
        [page.alert.clinic_id for page in pages],
        [page.alert.rule for page in pages],
        [page.alert.key for page in pages],
        [page.step for page in pages],
        [page.contact for page in pages],
        [page.channel for page in pages],
        [page.alert.priority.value for page in pages],
        [page.text.title for page in pages],
        [page.text.body for page in pages],
        [page.sent_at for page in pages],
    )


async def stored_alarms(connection: Connection, heard: Iterable[HeardAlarm]) -> frozenset[UUID]:
    """Which of these events are stored."""
    events = list(heard)
    if not events:
        return frozenset()
    rows = await connection.fetch(
        QUERIES["stored_alarms"],
        [each.pump_id for each in events],
        [None if isinstance(each.event, RefusedAlarm) else each.event.observed_at for each in events],
        [each.event.event_id for each in events],
    )
    return frozenset(row["event_id"] for row in rows)


async def adopt_bypassed(
    connection: Connection, pump_ids: Sequence[str], alerts: Iterable[OpenAlert], now: datetime
) -> None:
    """Give pages that went out while the database was away to the alerts that they were about."""
    rows = await connection.fetch(QUERIES["bypassed_to_settle"], list(pump_ids))
    if not rows:
        return
    by_cause = {(alert.pump_id, alert.rule, alert.key): alert for alert in alerts if alert.state is AlertState.ACTIVE}
    for row in rows:
        alert = by_cause.get((row["pump_id"], row["rule"], row["key"]))
        if alert is None and not row["stored"]:
            continue  # ingest has not come so far yet
        episode = current_episode(alert.pages) if alert else None
        identity = (row["event_id"], row["step"], row["contact"], row["channel"])
        alert_id = alert.alert_id if alert and episode else None
        kind, name = (episode.occasion.kind.value, episode.occasion.episode) if episode else (None, None)
        await connection.execute(QUERIES["adopt_bypassed"], *identity, alert_id, kind, name, now)
