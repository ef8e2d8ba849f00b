"""PURE. All dates by which a pump's refill is planned: what the refill board shows, and what it is sorted by.

Guarantee: worst case <= sure <= own use <= programme, as far as a calendar has dates; the same level, use and visit as
low_reservoir goes by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import ForecastBy, Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.rules.reservoir.booked import Booked, booked
from services.alerts.rules.reservoir.level import Level, level_of
from services.alerts.rules.reservoir.own_use import Use, use_of
from services.alerts.rules.reservoir.stability import Stability, stability_of

_LONGEST_DAYS: Final = 3_650.0
"""A level that lasts ten years is as good as one that lasts for ever: the pump does not."""


@dataclass(frozen=True, slots=True)
class RefillDates:
    """When the reservoir reaches its alarm level, until when the drug is good, and which visit is booked.

    A date that is None is not known, or so far away that no calendar has it.
    """

    level: Level | None
    limit_ml: float
    use: Use | None
    by_programme: datetime | None
    by_own_use: datetime | None
    sure: datetime | None
    """As surely as the policy wants, it lasts until then by this patient's own use."""
    by_worst_case: datetime | None
    stability: Stability | None
    visit: Booked | None

    @property
    def good_until(self) -> datetime | None:
        """Until when the drug is good."""
        return self.stability.until if self.stability else None

    @property
    def come_by(self) -> datetime | None:
        """By when the patient should come: before the alarm level, and while the drug is good."""
        return min((each for each in (self.sure, self.good_until) if each is not None), default=None)


def refill_dates(facts: PumpFacts, policy: Policy, now: datetime) -> RefillDates:
    """The dates of one pump."""
    rule = policy.low_reservoir
    limit_ml = rule.level_ml if facts.programmed_low_ml is None else facts.programmed_low_ml
    level, use = level_of(facts, now), use_of(facts, rule, now)
    stability, visit = stability_of(facts, policy), booked(facts)
    if level is None or use is None:
        return RefillDates(level, limit_ml, use, None, None, None, None, stability, visit)
    left_ml, waited_days = level.volume_ml - limit_ml, (now - level.at) / timedelta(days=1)
    sure_days = use.sure_days(left_ml, rule.forecast_probability, rule.surge_days + waited_days)
    if rule.forecast_by is ForecastBy.WORST_CASE:
        sure_days = use.worst_days(left_ml)
    return RefillDates(
        level,
        limit_ml,
        use,
        _after(level.at, use.programme_days(left_ml)),
        _after(level.at, use.own_days(left_ml)),
        _after(level.at, sure_days),
        _after(level.at, use.worst_days(left_ml)),
        stability,
        visit,
    )


def _after(at: datetime, days: float) -> datetime | None:
    return at + timedelta(days=days) if days <= _LONGEST_DAYS else None
