"""PURE. Which visit is the next refill: what the clinic said on its refill board, or what the device was told.

What was said on the board is what a person knows, and counts before the date in the device. It is over once somebody
says that it is done or not to be, or the pump tells of a refill since, at most `EARLY` before the day; then the
device's date counts again. Of a visit that is done, a date in the device that is hardly later is that very visit.

Failure modes: a device that keeps the date of a visit which was cancelled makes that one count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from services.alerts.facts.model import PumpFacts, Visit, VisitKind

EARLY: Final = timedelta(days=14)
"""A patient comes at most so long before the day that was agreed: nobody is refilled twice in two weeks (GK)."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A refill visit: its day, when that begins, and who said so."""

    on: date
    begins: datetime
    by_board: bool


def booked(facts: PumpFacts) -> Booked | None:
    """The next refill visit. None: none is known."""
    visit, due = facts.visit, facts.therapy.refill_due if facts.therapy else None
    if visit is not None and visit.kind in (VisitKind.BOOKED, VisitKind.MOVED) and not _is_kept(visit, facts):
        return Booked(visit.on, visit.begins, by_board=True)
    if due is None:
        return None
    begins = datetime.combine(due, time(), UTC)
    is_of_the_done = visit is not None and visit.kind is VisitKind.DONE and begins - visit.said_at <= EARLY
    return None if is_of_the_done else Booked(due, begins, by_board=False)


def _is_kept(visit: Visit, facts: PumpFacts) -> bool:
    refill = facts.refill
    return refill is not None and refill.observed_at > visit.said_at and visit.begins - refill.observed_at <= EARLY
