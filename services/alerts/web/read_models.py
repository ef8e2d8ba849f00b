"""What the API and the board read: alerts with their deliveries and history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from services.alerts.store import QUERIES, Row
from services.runtime.database import Connection


class StateFilter(StrEnum):
    """Which alerts are asked for; `open` is everything that is not closed."""

    OPEN = "open"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    CLOSED = "closed"
    ALL = "all"


_STATES: Final[dict[StateFilter, tuple[str, ...]]] = {
    StateFilter.OPEN: ("active", "acknowledged", "cleared"),
    StateFilter.ALL: ("active", "acknowledged", "cleared", "closed"),
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One page to one contact, and what became of it."""

    alert_id: UUID
    delivery_id: UUID
    occasion: str
    contact: str
    channel: str
    priority: str
    state: str
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str | None
    sent_at: datetime | None
    held_by: str | None
    grouped: bool
    bypassed: bool


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One audited transition."""

    clinic_seq: int
    at: datetime
    kind: str
    from_state: str | None
    to_state: str
    priority: str
    reason: str
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as people and programs see it."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    rule: str
    key: str
    priority: str
    state: str
    title: str
    explanation: str
    evidence: dict[str, Any]
    since: datetime
    opened_at: datetime
    updated_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    acknowledgement_expires_at: datetime | None
    cleared_at: datetime | None
    closed_at: datetime | None
    policy_version: str
    resolved_by: str | None
    resolved_at: datetime | None
    resolution: str | None
    deliveries: tuple[Delivery, ...]


async def list_alerts(
    connection: Connection, state: StateFilter, clinic_id: str | None, limit: int
) -> tuple[AlertView, ...]:
    """Alerts that match, the most urgent that nobody has first."""
    states = list(_STATES.get(state, (state.value,)))
    return await _with_deliveries(connection, await connection.fetch(QUERIES["list_alerts"], states, clinic_id, limit))


async def one_alert(connection: Connection, alert_id: UUID) -> AlertView | None:
    """One alert with its deliveries; None: there is no such alert."""
    found = await _with_deliveries(connection, await connection.fetch(QUERIES["one_alert"], alert_id))
    return found[0] if found else None


async def history_of(connection: Connection, alert_id: UUID) -> tuple[HistoryEntry, ...]:
    """What happened to one alert, oldest first."""
    return tuple(
        HistoryEntry(**(dict(row) | {"detail": json.loads(row["detail"])}))
        for row in await connection.fetch(QUERIES["transitions_of"], alert_id)
    )


async def _with_deliveries(connection: Connection, rows: Sequence[Row]) -> tuple[AlertView, ...]:
    if not rows:
        return ()
    by_alert: dict[UUID, list[Delivery]] = {}
    for delivery in _deliveries(await connection.fetch(QUERIES["deliveries_of"], [row["alert_id"] for row in rows])):
        by_alert.setdefault(delivery.alert_id, []).append(delivery)
    return tuple(
        AlertView(
            **dict(row) | {"evidence": json.loads(row["evidence"])},
            deliveries=tuple(by_alert.get(row["alert_id"], ())),
        )
        for row in rows
    )


def _deliveries(rows: Iterable[Row]) -> Iterable[Delivery]:
    return (Delivery(**dict(row)) for row in rows)
