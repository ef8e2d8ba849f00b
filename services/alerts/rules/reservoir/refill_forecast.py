"""PURE. Will the reservoir last until the booked refill? low_reservoir puts the answer into its alert.

Source: docs/domain.md section 1, row "low-reservoir setting": Prometra computes the refill date assuming that all
allotted boluses are used [11]; section 4: projected empty before the next refill visit is of medium
priority; section 8 item 4.

From the newest level the profile and every bolus of the limit flow until the booked day begins (UTC). A day
that has passed without a refill is overdue.

Failure modes: an over-infusing pump empties sooner than any programme says; the pump's zone is not known, so
the day may be off by half a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from schemas.policy import LowReservoirPolicy, Priority
from services.alerts.facts.model import Refill, Therapy
from services.alerts.wording import moment


@dataclass(frozen=True, slots=True)
class Forecast:
    """Why the reservoir needs attention though it is not low: when it will be, if that is known."""

    words: str
    priority: Priority
    low_at: datetime | None
    due: date


def forecast(
    volume_ml: float,
    at: datetime,
    limit_ml: float,
    therapy: Therapy,
    refill: Refill | None,
    rule: LowReservoirPolicy,
    now: datetime,
) -> Forecast | None:
    """Look ahead from a level above the limit. None: all is well, or no refill is booked."""
    if therapy.refill_due is None:
        return None
    due_at = datetime.combine(therapy.refill_due, time(), UTC)
    booked = f"{therapy.refill_due:%Y-%m-%d}"
    if now - due_at >= timedelta(days=1 + rule.overdue_days) and not (refill and refill.observed_at >= due_at):
        return Forecast(f"The refill of {booked} is overdue.", rule.overdue_priority, None, therapy.refill_due)
    # Days are compared as numbers: a flow next to nothing lasts for longer than a calendar has dates.
    left_ml, days = volume_ml - limit_ml, (due_at - at) / timedelta(days=1)
    if due_at <= now or days <= 0 or left_ml >= therapy.worst_daily_ml * days:
        return None
    low_at = at + timedelta(days=left_ml / therapy.worst_daily_ml)
    words = f"With every bolus used it is low {moment(low_at)}, before the refill of {booked}."
    return Forecast(words, rule.forecast_priority, low_at, therapy.refill_due)
