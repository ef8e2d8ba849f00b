"""What a pump's page shows beside facts, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Device:
    """A pump as the registry has it."""

    clinic_id: str
    enrolled_at: datetime
    retired_at: datetime | None
    handhelds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Programmed:
    """What was programmed last, as the device told it; volumes in mL, doses in micrograms."""

    at: datetime
    drugs: Sequence[Mapping[str, Any]]
    profile: Sequence[Mapping[str, Any]]
    bolus_dose_mcg: float | None
    bolus_lockout_minutes: int | None
    bolus_limit_per_24h: int | None
    reservoir_size_ml: float
    low_reservoir_ml: float | None
    refill_due: date | None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert of the pump, as it stands in a list."""

    alert_id: UUID
    rule: str
    key: str
    priority: str
    state: str
    title: str
    since: datetime
    opened_at: datetime
    closed_at: datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class ListedPump:
    """A pump as it stands in a list for programs."""

    pump_id: str
    clinic_id: str
    enrolled_at: datetime
    retired_at: datetime | None
    handhelds: tuple[str, ...]
    last_heard_at: datetime | None
    open_alerts: int
