"""PURE. Is a surge going on that began some days or weeks ago? It does not become its own baseline.

A rule keeps no state, so this goes through the days that are known, from the oldest on, as the rule itself did: the
first day of which the last one, two or three days were rarer than `clear_probability` begins a surge, and what was known
before it stays the baseline for as long as the surge goes on. It is over when the last days are `surge_over_likelihood`
times likelier at the usual level than at the raised one: a sum of evidence that begins again at 0 whenever it would be
negative (a CUSUM towards the usual level; docs/domain.md section 3 [36]), divided by how much more the days differ than
by chance. The days of a surge that is over are days like others.

This only holds an alert open (docs/decisions/0018-a-surge-that-goes-on.md): what opens one is `baseline.rarest`, which
looks at no more than three days.

Failure modes: it looks back as far as the baseline does. A surge that is older than that, less the days that a baseline
needs, has become the usual level: after about three months with the default policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from statistics import NormalDist
from typing import Final

from schemas.policy import BolusDemandPolicy
from services.alerts.rules.demand.baseline import SURGE_SPANS, rarest
from services.alerts.rules.demand.days import Days
from services.alerts.rules.demand.negative_binomial import learn, mean_of

_MOST_RAISED: Final = 4.0
"""A raised level counts as at most so many times the usual, or one more a day: a first day is often the worst."""
_MARGIN: Final = 0.8
"""A span that is not even this part of what would be rare by chance alone is not looked at."""
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
    """A surge as it goes on, day by day."""

    began: int
    usual: float
    spread: float
    baseline_days: int
    total: int
    known: int
    evidence: float = 0.0

    def goes_on(self, count: int, enough: float) -> bool:
        """Add one day; False: demand has come back to what was usual."""
        raised = min(self.total / self.known, max(_MOST_RAISED * self.usual, self.usual + 1))
        ratio = max(1.0, raised / self.usual)
        gain = (raised - self.usual) - count * math.log(ratio) if ratio > 1 else 0.0
        self.evidence = max(0.0, self.evidence + gain / (1 + self.spread * raised))
        self.total, self.known = self.total + count, self.known + 1
        return self.evidence < enough


def going_on(days: Days, rule: BolusDemandPolicy) -> Surge | None:
    """The surge that has not ended yet; None: there is none, or too little is known."""
    counts, enough = days.counts, math.log(rule.surge_over_likelihood)
    totals = list(accumulate((count or 0 for count in reversed(counts)), initial=0))[::-1]
    known = list(accumulate((count is not None for count in reversed(counts)), initial=0))[::-1]
    unusual = _unusual(rule.clear_probability)
    course: _Course | None = None
    for day in range(len(counts) - _LONGEST - 1, -1, -1):
        count = counts[day]
        if count is None:
            continue
        if course is not None:
            if not course.goes_on(count, enough):
                course = None
            continue
        before = known[day + _LONGEST]
        if before < rule.minimum_days:
            continue
        mean = (totals[day + _LONGEST] + 0.5) / before
        if any(
            (total := totals[day] - totals[day + span]) >= rule.minimum_attempts
            and total > (known[day] - known[day + span]) * mean + unusual * math.sqrt(span * mean)
            for span in SURGE_SPANS
        ):
            course = _begun(counts, day, rule, totals, known)
    if course is None:
        return None
    return Surge(course.began + 1, course.total / course.known, course.usual, course.baseline_days)


def _begun(
    counts: Sequence[int | None], day: int, rule: BolusDemandPolicy, totals: Sequence[int], known: Sequence[int]
) -> _Course | None:
    earlier = [count for count in counts[day + _LONGEST :] if count is not None]
    span = rarest(counts[day : day + _LONGEST], earlier, rule.minimum_attempts)
    if span is None or span.probability >= rule.clear_probability:
        return None
    end, habit = day + span.days, learn(earlier)
    spread = sum(each * chance for each, chance in zip(habit.dispersions, habit.chances, strict=True))
    total, heard = totals[day] - totals[end], known[day] - known[end]
    return _Course(end - 1, mean_of(earlier), spread, len(earlier), total, heard)


@lru_cache(maxsize=64)
def _unusual(probability: float) -> float:
    """So many standard deviations of a Poisson count above its mean, no count is that rare."""
    return max(0.0, _MARGIN * NormalDist().inv_cdf(1 - probability))
