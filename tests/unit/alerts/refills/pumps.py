"""A pump whose refill is planned, in short."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.alerts.facts.model import DayWindow, PumpFacts, Therapy, Visit, VisitKind
from tests.unit.alerts.rules.builders import NOW, ago, facts, reading

DAY = 24


def ahead(days: float) -> datetime:
    return NOW + timedelta(days=days)


def visit(days: float, kind: VisitKind = VisitKind.BOOKED, said_hours_ago: float = 48) -> Visit:
    return Visit(kind, ahead(days).date(), ahead(days), ago(said_hours_ago))


def pump(
    level_ml: float = 12.0, *, due_days: int | None = None, boluses: int = 2, days: int = 28, **values: Any
) -> PumpFacts:
    """0.3 mL a day and 4 boluses of 0.05 mL at most: with two of them a day, 10 mL above the level last 25 days."""
    due = None if due_days is None else ahead(due_days).date()
    therapy = Therapy(ago(90 * DAY), 0.3, 0.05, 4, refill_due=due)
    windows = (DayWindow(boluses, True, delivered=boluses),) * days
    known: dict[str, Any] = {"therapy": therapy, "reading": reading(level_ml, 0), "windows": windows, **values}
    return facts(**known)
