"""PURE. How rare a count is, given the counts of earlier days.

The predictive distribution of the sum over the next d days, from n observed days x_1..x_n with mean m and
sample variance s^2, is taken as negative binomial:

    daily mean  mu    = (sum x + 1/2) / n             Jeffreys prior: a pump that was never asked is not 0
    dispersion  alpha = w a + (1 - w) 0.04            a = max(0, (s^2 - m) / m^2), the method of moments, shrunk
                w     = n m^2 / (n m^2 + 8)           to what patients usually have while few counts are known;
                alpha >= 0.01                         no patient is an exact clock
    variance    v     = d mu + d alpha mu^2 + d^2 (mu + alpha mu^2) / n
                                                      the days' own spread, and the uncertainty of the mean
    size        r     = (d mu)^2 / (v - d mu)

The shrinkage (0.04 and 8) was chosen by simulation (bench/detection.py): without it a handful of counts
makes a pump look exact, and exact pumps alarm too often.

    P(X = x) = Gamma(x + r) / (Gamma(r) x!) * (r / (r + M))^r * (M / (r + M))^x,  M = d mu
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_NEGLIGIBLE: Final = 1e-13


_USUAL_DISPERSION: Final = 0.04
_LEAST_DISPERSION: Final = 0.01
_SHRINKAGE: Final = 8.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a count should look like: mean and size of a negative binomial."""

    mean: float
    size: float

    @property
    def zero_probability(self) -> float:
        """P(X = 0)."""
        return math.exp(-self.size * math.log1p(self.mean / self.size))


@dataclass(frozen=True, slots=True)
class Habit:
    """What was learned of a pump's days: the mean of a day, its dispersion, and from how many days."""

    mean: float
    dispersion: float
    days: int

    def over(self, days: float) -> Prediction:
        """What the sum over so many days should look like."""
        square = self.mean**2
        of_mean = (self.mean + self.dispersion * square) / self.days
        return Prediction(
            mean=days * self.mean,
            size=days * square / (self.dispersion * square + days * of_mean),
        )


def learn(counts: Sequence[int]) -> Habit:
    """Learn from the counts of earlier days; at least one.

    Raises:
        ValueError: There are no counts.
    """
    n = len(counts)
    if n == 0:
        msg = "expected at least one day"
        raise ValueError(msg)
    total = sum(counts)
    average = total / n
    variance = (sum(count * count for count in counts) - total * average) / (n - 1) if n > 1 else average
    own = max(0.0, (variance - average) / average**2) if total else 0.0
    weight = n * average**2 / (n * average**2 + _SHRINKAGE)
    dispersion = max(_LEAST_DISPERSION, weight * own + (1 - weight) * _USUAL_DISPERSION)
    return Habit((total + 0.5) / n, dispersion, n)


def tail(prediction: Prediction, count: int) -> float:
    """Return P(X >= count), with a small relative error also far out in the tail.

    Above the mean the terms are summed from `count` upwards, so nothing cancels; below it, from `count` - 1
    downwards and taken from 1, where the answer is not small.
    """
    if count <= 0:
        return 1.0
    q = prediction.mean / (prediction.mean + prediction.size)
    if count > prediction.mean:
        return min(1.0, _sum_upwards(prediction.size, q, count))
    return max(0.0, 1.0 - _sum_downwards(prediction.size, q, count - 1))


def _log_probability(size: float, q: float, count: int) -> float:
    return (
        math.lgamma(count + size)
        - math.lgamma(size)
        - math.lgamma(count + 1)
        + size * math.log1p(-q)
        + count * math.log(q)
    )


def _sum_upwards(size: float, q: float, count: int) -> float:
    relative, total, x = 1.0, 1.0, count
    while True:
        # Above the mean each term is smaller than the one before, and the ratio nears q: what is left is
        # bounded by a geometric series.
        ratio = (x + size) / (x + 1) * q
        relative *= ratio
        total += relative
        x += 1
        if relative * max(ratio, q) <= _NEGLIGIBLE * total * (1 - max(ratio, q)):
            break
    return math.exp(_log_probability(size, q, count) + math.log(total))


def _sum_downwards(size: float, q: float, count: int) -> float:
    relative, total = 1.0, 1.0
    for x in range(count, 0, -1):
        relative *= x / ((x - 1 + size) * q)
        total += relative
    return math.exp(_log_probability(size, q, count) + math.log(total))
