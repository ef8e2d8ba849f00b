"""PURE. What is stored of one patient in a time, as the review sheet is made from it. Volumes are in millilitres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from schemas.events import AlarmCode
from services.alerts.facts.from_rows import daily_ml
from services.alerts.facts.model import AlarmEvent
from services.alerts.facts.refills import Entry


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug of the mixture."""

    name: str
    concentration_mcg_per_ml: float


@dataclass(frozen=True, slots=True)
class Prescription:
    """What a therapy prescribes: it changes when one of these does."""

    drugs: tuple[Drug, ...]
    profile: tuple[tuple[str, float], ...]
    """Ascending "HH:MM" and mL a day from then on."""
    bolus_dose_mcg: float | None = None
    lockout_minutes: int | None = None
    limit_per_24h: int | None = None

    @property
    def daily_ml(self) -> float:
        """What the profile gives in a day, without a bolus."""
        return daily_ml(self.profile)


@dataclass(frozen=True, slots=True)
class Programmed:
    """A therapy, and when it was programmed."""

    at: datetime
    prescription: Prescription
    size_ml: float
    low_ml: float | None = None
    refill_due: date | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A report of the patient."""

    at: datetime
    complaint: str
    score: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A level that somebody measured, and the last that the pump computed in the day before; None: it computed none."""

    at: datetime
    volume_ml: float
    computed_ml: float | None = None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert of Pumpwatch; `taken_by` is who first acknowledged, resolved or accepted it."""

    opened_at: datetime
    title: str
    priority: str
    state: str
    taken_by: str | None = None
    taken_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The first and the last moment of which something was heard in a quarter of an hour."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class DeviceClockNow:
    """When a device was heard last by our clock, and what its own is off by; None: that is not known."""

    device_id: str
    heard_at: datetime | None
    behind: timedelta | None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class PumpNow:
    """Whose record the sheet is."""

    pump_id: str
    clinic_id: str
    implantation_id: int | None = None
    since: datetime | None = None
    """When the pump was implanted in this patient; None: as far back as anybody knows."""
    explanted_at: datetime | None = None
    """When it was taken out of this patient; None: it is in this patient."""
    retired_at: datetime | None = None
    """Since when Pumpwatch does not watch it any more."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything of the patient that the sheet counts. What another entry replaces is not here."""

    requests: tuple[tuple[float, str, str], ...] = ()
    """Seconds since 1970, outcome and device, from before the period on: as far as one may be told again."""
    therapies: tuple[Programmed, ...] = ()
    """The oldest first, from the implantation on."""
    refills: tuple[Entry, ...] = ()
    """The newest first, from the implantation on."""
    reports: tuple[Said, ...] = ()
    alarms: tuple[AlarmEvent, ...] = ()
    """From the implantation on."""
    refused_alarms: Mapping[AlarmCode, int] | None = None
    heard: tuple[Stretch, ...] = ()
    measured: tuple[Measured, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    clocks: tuple[DeviceClockNow, ...] = ()
