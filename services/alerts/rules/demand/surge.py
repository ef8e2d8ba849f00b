"""PURE. Is a surge going on that began some days or weeks ago? It does not become its own baseline.

A rule keeps no state, so this goes through the days that are known, from the oldest on. The first day of which the last
one, two or three days are rare against the days before them (about as rare as `clear_probability`, by a normal
approximation) begins a surge, and what was known before it stays the baseline for as long as the surge goes on. It is
over when the last days are `surge_over_likelihood` times likelier at the usual level than at the raised one: a sum of
evidence that begins again at 0 whenever it would be negative (a CUSUM towards the usual level; docs/domain.md section 3
[36]), divided by how much more the days differ than by chance. The days of a surge that is over are days like others.

This only holds an alert open (docs/decisions/0018-a-surge-that-goes-on.md), so it may be rough, and has to be quick: it
is asked of every pump. What opens an alert is `baseline.rarest`.

Failure modes: it looks back as far as the baseline does. A surge that is older than that, less the days that a baseline
needs, has become the usual level: after about three months with the default policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

from schemas.policy import BolusDemandPolicy
from services.alerts.rules.demand.baseline import SURGE_SPANS
from services.alerts.rules.demand.days import Days, level_begins
from services.alerts.rules.demand.negative_binomial import learn, mean_of, tail

_MOST_RAISED: Final = 4.0
"""A raised level counts as at most so many times the usual, or one more a day: a first day is often the worst."""
_LONGEST: Final = SURGE_SPANS[-1]


@dataclass(frozen=True, slots=True)
class Surge:
    """A surge that goes on: how many days ago it began, requests a day since, and what was usual before."""

    days: int
    per_day: float
    usual_per_day: float
    baseline_days: int


@dataclass(slots=True)
class _Course:
    """A surge as it goes on, day by day: since which window, what was usual and how far days differ, and what came."""

    began: int
    usual: float
    spread: float
    baseline_days: int
    total: int
    known: int
    evidence: float = 0.0

    def goes_on(self, count: int, enough: float) -> bool:
        """Add one day; False: demand has come back to what was usual."""
        usual, raised = self.usual, self.total / self.known
        most = max(_MOST_RAISED * usual, usual + 1)
        if raised > most:
            raised = most
        self.total, self.known = self.total + count, self.known + 1
        if raised > usual:  # otherwise a day is as likely at both levels, and tells nothing
            gain = raised - usual - count * math.log(raised / usual)
            evidence = self.evidence + gain / (1 + self.spread * raised)
            self.evidence = evidence if evidence > 0 else 0.0
        return self.evidence < enough


def going_on(days: Days, rule: BolusDemandPolicy) -> Surge | None:
    """The surge that has not ended yet; None: there is none, or too little is known."""
    counts, least = days.counts, rule.minimum_attempts
    enough, unusual = math.log(rule.surge_over_likelihood), _unusual(rule.clear_probability)
    known, totals, squares = _sums(counts)
    course: _Course | None = None
    for day in range(len(counts) - _LONGEST - 1, -1, -1):
        count = counts[day]
        if count is None:
            continue
        if course is not None:
            course = course if course.goes_on(count, enough) else None
            continue
        before, n = day + _LONGEST, known[day + _LONGEST]
        if n < rule.minimum_days or totals[day] - totals[before] < least:
            continue
        mean = (totals[before] + 0.5) / n
        variance = max(mean, squares[before] / n - mean * mean)
        needed = unusual * variance
        for span in SURGE_SPANS:
            total, heard = totals[day] - totals[day + span], known[day] - known[day + span]
            above = total - heard * mean
            if above > 0 and total >= least and above * above > needed * heard * (1 + heard / n):
                spread = (variance - mean) / (mean * mean)
                course = _Course(day + span, mean, spread, n, total, heard)
                break
    if course is None:
        return None
    return Surge(course.began, course.total / course.known, course.usual, course.baseline_days)


def dated(surge: Surge, days: Days, newest: int, rule: BolusDemandPolicy) -> Surge | None:
    """The surge since the day on which it most likely began; None: demand was as usual up to the `newest` days.

    Chance alone begins a course now and then and does not end it, and a burst of today would then seem weeks old. So
    the days before the newest ones must be rare by themselves, against those before the surge.
    """
    began = level_begins(days.counts, surge.days)
    earlier = days.known(began, rule.minimum_days)
    raised = [count for count in days.counts[newest:began] if count is not None]
    if not raised or tail(learn(earlier).over(len(raised)), sum(raised)) > rule.clear_probability:
        return None
    all_raised = [count for count in days.counts[:began] if count is not None]
    return Surge(began, sum(all_raised) / len(all_raised), mean_of(earlier), len(earlier))


def _sums(counts: Sequence[int | None]) -> tuple[list[int], list[int], list[int]]:
    """From each day on to the oldest: how many days are known, the sum of their counts, and of the squares."""
    known, totals, squares = [0], [0], [0]
    days = total = square = 0
    for count in reversed(counts):
        if count is not None:
            days, total, square = days + 1, total + count, square + count * count
        known.append(days)
        totals.append(total)
        squares.append(square)
    return known[::-1], totals[::-1], squares[::-1]


@lru_cache(maxsize=64)
def _unusual(probability: float) -> float:
    """The square of how many standard deviations above its mean a count is that rare."""
    return max(0.0, NormalDist().inv_cdf(1 - probability)) ** 2
