"""PURE. How fast a reservoir empties: by the programme alone, as this patient uses boluses, and with every one used.

Source: docs/domain.md section 1, row "low-reservoir setting" (one manufacturer computes the refill date as if every
allowed bolus were used [11]); section 3 (a) to (c): patients differ, an unknown day is not a day without a bolus. How
much surer than the mean a warning must be is INF.

The mean is that of the last `MEAN_DAYS` known days since the prescription changed. Days that are newer than what the
least heard device has handed in are not known. Until `least_days` are known, each that is missing counts as half of
the limit for the mean, and nothing but the worst case is sure.

The sure time is so short that the boluses last it with the wanted probability. With n known days of the mean m and the
variance v (in mL; shrunk towards that of days with a dispersion of `_DISPERSION`, as few days tell little of it), the
use over H days has the mean H m and the variance H v (1 + H / n): the days' own, and that of the mean. So the level
L = H r + z sqrt(H v (1 + H / n)), r = programme + m, is a quadratic in H. A bolus comes whole and counts are skewed:
that takes a constant off L (Cornish and Fisher's first term, and half a bolus).

What that cannot see is looked at beside it, and the soonest counts:

- demand that rises: the use of the last week, by its boluses or by how far the computed level fell, whichever is more;
- a surge: for the next `surge_days` every bolus of the limit counts.

Guarantee: worst case <= sure <= own use <= programme, whatever a device may send; a time that no calendar holds is
infinite. Failure modes: boluses that are neither told nor counted by the pump; a rise within the last days that is
less than the limit shows when the level has fallen by it; a handheld that is paired and was never heard leaves nothing
known, so that the worst case counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import NormalDist
from typing import Final

from schemas.policy import LowReservoirPolicy
from services.alerts.facts.model import PumpFacts

MEAN_DAYS: Final = 42
"""Whole weeks. With 28 the date two weeks ahead is within a day for 94.7 % of patients with boluses, with 42 for 95.3
(bench/results/refills.md); more follow a new habit too slowly."""
RECENT_DAYS: Final = 7
_LEAST_FALL_DAYS: Final = 3.0
"""A computed level that fell over less tells too little: a programme may flow in the daytime alone."""
_JUST_HEARD: Final = 0.1
"""A device that was heard within this part of a day has handed in the day."""
_DISPERSION: Final = 0.25
_PRIOR_DAYS: Final = 7
"""What is supposed of how days differ counts as much as so many known days."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Use:
    """What flows in a day, in mL, and what is known of the boluses among it."""

    daily_ml: float
    worst_daily_ml: float
    bolus_daily_ml: float = 0.0
    """The mean of a day's boluses."""
    variance: float = 0.0
    """Of a day's boluses, in mL squared."""
    bolus_ml: float = 0.0
    skew: float = 0.0
    """How skewed the count of a day is: its third cumulant over its variance."""
    recent_daily_ml: float = 0.0
    """A day's boluses in the last week, if that is more."""
    known_days: int = 0
    is_learning: bool = False

    def programme_days(self, left_ml: float) -> float:
        """How long a volume lasts without a bolus."""
        return _days(left_ml, self.daily_ml)

    def own_days(self, left_ml: float) -> float:
        """How long it lasts as this patient uses boluses, in the mean."""
        return _days(left_ml, self.daily_ml + self.bolus_daily_ml)

    def worst_days(self, left_ml: float) -> float:
        """How long it lasts with every bolus of the limit."""
        return _days(left_ml, self.worst_daily_ml)

    def sure_days(self, left_ml: float, probability: float, surge_days: float) -> float:
        """How long it lasts as surely as `probability`; `surge_days` from now on every bolus may be used."""
        worst = self.worst_days(left_ml)
        if self.is_learning or worst <= surge_days:
            return worst
        z = normal_quantile(probability)
        uneven = 0.5 + max(0.0, z * z - 1.0) / 6.0 * self.skew
        sure = self._sure(max(0.0, left_ml - self.bolus_ml * uneven), z)
        recent = _days(left_ml, self.daily_ml + max(self.bolus_daily_ml, self.recent_daily_ml))
        return max(worst, min(sure, recent))

    def _sure(self, left_ml: float, z: float) -> float:
        rate, c = self.daily_ml + self.bolus_daily_ml, z * z * self.variance
        if c <= 0.0 or left_ml <= 0.0:
            return _days(left_ml, rate)
        root = math.sqrt(c * (c + 4.0 * left_ml * (rate + left_ml / self.known_days)))
        return 2.0 * left_ml * left_ml / (2.0 * rate * left_ml + c + root)


def use_of(facts: PumpFacts, rule: LowReservoirPolicy, now: datetime) -> Use | None:
    """What is known of a pump's use. None: no therapy is known."""
    therapy = facts.therapy
    if therapy is None:
        return None
    bolus_ml, limit = therapy.bolus_ml, therapy.bolus_limit
    if bolus_ml <= 0.0 or limit <= 0:
        return Use(therapy.daily_ml, therapy.daily_ml)
    worst_daily_ml = therapy.worst_daily_ml
    counts = _counts(facts, now)
    known, total = len(counts), sum(counts)
    if known < rule.own_use_days:
        mean = (total + (rule.own_use_days - known) * limit / 2) / rule.own_use_days
        bolus_daily_ml = bolus_ml * min(mean, limit)
        learning = worst_daily_ml > therapy.daily_ml
        return Use(therapy.daily_ml, worst_daily_ml, bolus_daily_ml, known_days=known, is_learning=learning)
    mean = (total + 0.5) / known
    spread = sum(count * count for count in counts) - total * total / known
    supposed = mean + _DISPERSION * mean * mean
    variance = (spread + _PRIOR_DAYS * supposed) / (known - 1 + _PRIOR_DAYS)
    recent = counts[:RECENT_DAYS]
    recent_ml = max(bolus_ml * sum(recent) / len(recent), _fell_daily_ml(facts) - therapy.daily_ml)
    return Use(
        therapy.daily_ml,
        worst_daily_ml,
        bolus_ml * min(mean, limit),
        bolus_ml * bolus_ml * variance,
        bolus_ml,
        max(0.0, 2.0 * variance / mean - 1.0),
        recent_ml,
        known,
    )


def _counts(facts: PumpFacts, now: datetime) -> list[int]:
    """The boluses that were given on each of the last known days of this prescription, the newest first."""
    heard = [each.last_at for each in facts.contacts]
    if None in heard:
        return []
    silent = max([now - at for at in heard if at is not None], default=timedelta(0))
    first, last = max(0, math.ceil(silent / _DAY - _JUST_HEARD)), len(facts.windows)
    if facts.reprogrammed_at is not None:
        last = min(last, int((now - facts.reprogrammed_at) / _DAY))
    found: list[int] = []
    for window in facts.windows[first : max(0, last)]:
        if window.heard:
            found.append(window.delivered)
            if len(found) == MEAN_DAYS:
                break
    return found


def _fell_daily_ml(facts: PumpFacts) -> float:
    """How far the level that the pump computes fell in a day of the last week; 0 where that tells too little."""
    newest, first = facts.reading, facts.earlier_reading
    if newest is None or first is None:
        return 0.0
    days = (newest.observed_at - first.observed_at) / _DAY
    return (first.volume_ml - newest.volume_ml) / days if days >= _LEAST_FALL_DAYS else 0.0


def _days(left_ml: float, daily_ml: float) -> float:
    if left_ml <= 0.0:
        return 0.0
    return left_ml / daily_ml if daily_ml > 0.0 else math.inf


@lru_cache(maxsize=64)
def normal_quantile(probability: float) -> float:
    """The standard normal deviate below which this part of a normal distribution lies."""
    return NormalDist().inv_cdf(probability)
