"""PURE. What a pump's days tell about its patient's usual demand, and how the last days compare with it.

Source: docs/domain.md section 3, recipe (a) to (e); which days count, and at which level, is
services.alerts.rules.demand.days'.

Two questions, each answered by what finds most of its kind at one rate of false alerts (bench/results/detection.md):

- A surge: the rarest of the last one, two or three days together. Scanning several spans back from now is a
  window-limited CUSUM: the span that is rarest is the likeliest beginning.
- A rise over weeks: how many times likelier the last four weeks are under a ramp to RISE times the usual in RISE_DAYS
  than under days as before. The newest days weigh most, as a ramp shows in them most: each day counts by the
  logarithm of what the ramp would multiply it with.

A weighted sum of days, divided by sum w^2 / sum w, has the mean and the variance of the sum over
(sum w)^2 / sum w^2 ordinary days, so it is judged as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.alerts.rules.demand.negative_binomial import learn, log_times_likelier, mean_of, tail

SURGE_SPANS: Final = (1, 2, 3)
DRIFT_DAYS: Final = 28
RISE: Final = 1.8
"""What a rise over weeks multiplies demand with at its height: between the +60 % to be found and twice as much."""
RISE_DAYS: Final = 21
_RAMP: Final = tuple(1 + (RISE - 1) * min(1.0, (DRIFT_DAYS - day - 0.5) / RISE_DAYS) for day in range(DRIFT_DAYS))
"""What the rise would multiply each day with, newest first."""
_WEIGHTS: Final = tuple(math.log(factor) for factor in _RAMP)


@dataclass(frozen=True, slots=True)
class Span:
    """The rarest of the spans that were looked at: its days, those of them known, its count and how rare."""

    days: int
    known_days: int
    attempts: int
    probability: float


@dataclass(frozen=True, slots=True)
class Rise:
    """The last four weeks: the days known, their count, and how many times likelier they are under a rise (its log)."""

    known_days: int
    attempts: int
    log_times_likelier: float


def rarest(newest: Sequence[int | None], earlier: Sequence[int], at_least: int) -> Span | None:
    """The rarest span up to the newest day, by P(as many or more) after such earlier days; None: none is unusual.

    None is where a span holds fewer than `at_least` requests, or is within one standard deviation of chance. Days of
    which nothing is known count neither way.
    """
    usual_mean = mean_of(earlier)
    found, usual = None, None
    attempts = known = day = 0
    for span in SURGE_SPANS:
        for count in newest[day:span]:
            if count is not None:
                attempts, known = attempts + count, known + 1
        day = span
        expected = known * usual_mean
        if attempts < at_least or attempts <= expected + math.sqrt(expected):
            continue
        usual = usual or learn(earlier)
        probability = tail(usual.over(known), attempts)
        if found is None or probability < found.probability:
            found = Span(span, known, attempts, probability)
    return found


def rise(newest: Sequence[int | None], earlier: Sequence[int], at_least: int) -> Rise | None:
    """The newest four weeks against earlier days; None: fewer than `at_least` requests, or no more than usual."""
    attempts = known = 0
    sum_w = sum_squares = weighted = under_rise = 0.0
    for count, weight, factor in zip(newest, _WEIGHTS, _RAMP, strict=False):
        if count is not None:
            attempts, known = attempts + count, known + 1
            sum_w, sum_squares = sum_w + weight, sum_squares + weight * weight
            weighted, under_rise = weighted + weight * count, under_rise + weight * factor
    if attempts < at_least or weighted <= sum_w * mean_of(earlier):
        return None
    days = sum_w * sum_w / sum_squares
    evidence = log_times_likelier(learn(earlier).over(days), weighted * sum_w / sum_squares, under_rise / sum_w)
    return Rise(known, attempts, evidence)
