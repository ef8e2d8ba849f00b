"""PURE. What a calendar shows of one pump."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """By when its patient should come, and the visit that is booked on the board; None: not known, and none."""

    pump_id: str
    come_by: datetime | None
    visit_on: date | None = None
    begins_at: datetime | None = None
    has_hour: bool | None = None
