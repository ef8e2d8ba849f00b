"""PURE. What is open in a clinic when it is handed over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from schemas.policy import Priority

LOOKS_BACK: Final = timedelta(hours=12)
"""A turn that began longer ago is told of no more, and need not be taken over any more."""


@dataclass(frozen=True, slots=True)
class StillOpen:
    """How much of a clinic waits for somebody, or was left to somebody."""

    waiting: int = 0
    """Alerts that nobody has taken."""
    taken: int = 0
    """Alerts that somebody has, or that are over and not seen."""
    promises: int = 0
    worst: Priority | None = None
    """Of those that nobody has taken; None: there is none."""

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to hand over."""
        return bool(self.waiting or self.taken or self.promises)


@dataclass(frozen=True, slots=True)
class Promise:
    """What somebody said they would do about an alert at a time, such as to call again."""

    promise_id: UUID
    clinic_id: str
    alert_id: UUID
    pump_id: str
    title: str
    """Of the alert."""
    words: str
    due_at: datetime
    made_at: datetime
    made_name: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Somebody took a turn over."""

    rota_id: UUID
    begins: datetime
    at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A pump without an alert that whoever comes should know of."""

    pump_id: str
    clinic_id: str
    refill_due: date | None
    is_not_judged: bool
    """Its events could not be judged at the last try."""
