"""Alerts as people and programs see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from services.alerts.model import AlertState, Occasion


class StateFilter(StrEnum):
    """Which alerts are asked for; `open` is everything that is not closed."""

    OPEN = "open"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    CLOSED = "closed"
    ALL = "all"


STATES: Final[dict[StateFilter, tuple[AlertState, ...]]] = {
    StateFilter.OPEN: (AlertState.ACTIVE, AlertState.ACKNOWLEDGED, AlertState.CLEARED),
    StateFilter.ALL: tuple(AlertState),
    **{StateFilter(state.value): (state,) for state in AlertState},
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One page to one contact, and what became of it."""

    alert_id: UUID
    delivery_id: UUID
    occasion: str
    why: Annotated[Occasion, Field(exclude=True)]
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
    receipt_said: str | None = None
    """What the service that took it said later: "arrived", "answered" or "not_arrived"; None: nothing."""
    receipt_said_at: datetime | None = None


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
class HeldBy:
    """The silence that holds the pages of an alert now."""

    silence_id: UUID
    kind: str
    by: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AlertInScope:
    """An alert that nobody has finished with, of a pump or a rule that somebody would silence."""

    alert_id: UUID
    pump_id: str
    rule: str
    priority: str
    state: str
    title: str


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
    accepted_by: str | None
    accepted_at: datetime | None
    acceptance: str | None
    accepted_since: datetime | None
    accepted_per_day: float | None
    deliveries: tuple[Delivery, ...]
    held: HeldBy | None
