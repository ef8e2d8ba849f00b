"""PURE. How rare or how telling a count is, given the counts of earlier days.

From n observed days x_1..x_n, the sum over d other days is predicted as a mixture of negative binomials, one for
each way in which days may differ:

    daily mean  mu    = (sum x + 1/2) / n             Jeffreys prior: a pump that was never asked is not 0
    dispersion  alpha   one of DISPERSIONS; before any day is known each is as likely as the others (the fleet's
                        prior), and n days make it prod NB(x_i; mu, 1 / alpha) times as likely
    variance    v     = d mu + d alpha mu^2 + d^2 (mu + alpha mu^2) / n
                                                      the days' own spread, and the uncertainty of the mean
    size        r     = (d mu)^2 / (v - d mu)

    P(X = x) = Gamma(x + r) / (Gamma(r) x!) * (r / (r + M))^r * (M / (r + M))^x,  M = d mu

A few weeks of counts leave several dispersions possible, and one number in their place was wrong for most
patients: those with exact days hardly ever raised, those with swinging ones too often. The mixture finds a tenth more
at one rate of false alerts (bench/results/detection.md).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

DISPERSIONS: Final = (0.001, 0.02, 0.06, 0.12, 0.25, 0.5, 1.0)
"""From days that differ by chance alone, to days of which one in three is hardly a day."""

_NEGLIGIBLE: Final = 1e-12
_NO_CHANCE: Final = 1e-6
"""A dispersion that is less likely than this is left out: probabilities of interest are much larger."""
_SIZES: Final = tuple(1 / dispersion for dispersion in DISPERSIONS)
_TABULATED: Final = 128
_RISES: Final = tuple(
    tuple(accumulate((math.log(size + below) for below in range(_TABULATED - 1)), initial=0.0)) for size in _SIZES
)
"""log(Gamma(x + size) / Gamma(size)) for each size and small x."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a count should look like: the mean, and a mixture of sizes, each with its chance (together 1)."""

    mean: float
    sizes: tuple[float, ...]
    chances: tuple[float, ...] = (1.0,)

    @property
    def zero_probability(self) -> float:
        """P(X = 0)."""
        return sum(
            chance * math.exp(-size * math.log1p(self.mean / size))
            for size, chance in zip(self.sizes, self.chances, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Habit:
    """What was learned of a pump's days: the mean of a day, from how many days, and how likely each dispersion is.

    With a dispersion, the variance of a day is mean + dispersion * mean^2. Those with next to no chance are left out.
    """

    mean: float
    days: int
    dispersions: tuple[float, ...]
    chances: tuple[float, ...]

    def over(self, days: float) -> Prediction:
        """What the sum over so many days should look like. A part of a day: where days are weighted."""
        square, sizes = self.mean**2, []
        for dispersion in self.dispersions:
            of_mean = (self.mean + dispersion * square) / self.days
            sizes.append(days * square / (dispersion * square + days * of_mean))
        return Prediction(days * self.mean, tuple(sizes), self.chances)


def mean_of(counts: Sequence[int]) -> float:
    """The mean of a day, from at least one."""
    return (sum(counts) + 0.5) / len(counts)


def learn(counts: Sequence[int]) -> Habit:
    """Learn from the counts of earlier days; at least one.

    Raises:
        ValueError: There are no counts.
    """
    n = len(counts)
    if n == 0:
        msg = "expected at least one day"
        raise ValueError(msg)
    total, mean, tally = sum(counts), mean_of(counts), Counter(counts)
    logs = []
    for size, rises in zip(_SIZES, _RISES, strict=True):
        each = sum(
            many * (rises[count] if count < _TABULATED else math.lgamma(count + size) - math.lgamma(size))
            for count, many in tally.items()
        )
        logs.append(each + total * math.log(mean / (mean + size)) - n * size * math.log1p(mean / size))
    most = max(logs)
    likely = [(alpha, math.exp(log - most)) for alpha, log in zip(DISPERSIONS, logs, strict=True)]
    likely = [(alpha, weight) for alpha, weight in likely if weight > _NO_CHANCE]
    together = sum(weight for _, weight in likely)
    return Habit(mean, n, tuple(alpha for alpha, _ in likely), tuple(weight / together for _, weight in likely))


def tail(prediction: Prediction, count: int) -> float:
    """Return P(X >= count), with a small relative error also far out in the tail.

    Above the mean the terms are summed from `count` upwards, so nothing cancels; below it, from `count` - 1
    downwards and taken from 1, where the answer is not small.
    """
    if count <= 0:
        return 1.0
    total, mean = 0.0, prediction.mean
    for size, chance in zip(prediction.sizes, prediction.chances, strict=True):
        q = mean / (mean + size)
        total += chance * (_sum_upwards(size, q, count) if count > mean else 1 - _sum_downwards(size, q, count - 1))
    return min(1.0, max(0.0, total))


def log_times_likelier(prediction: Prediction, count: float, factor: float) -> float:
    """Return the logarithm of how many times likelier a count is where the mean is `factor` times as high.

    The count may be a fraction: one of weighted days. Below 0: it is likelier where nothing has changed.
    """
    mean, usual, changed = prediction.mean, [], []
    for size, chance in zip(prediction.sizes, prediction.chances, strict=True):
        log = math.lgamma(count + size) - math.lgamma(size) + math.log(chance) + size * math.log(size)
        usual.append(log - (count + size) * math.log(mean + size))
        changed.append(log - (count + size) * math.log(factor * mean + size))
    return count * math.log(factor) + _log_sum(changed) - _log_sum(usual)


def _log_sum(logs: Sequence[float]) -> float:
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs))


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
        bound = max(q, ratio)
        if relative * bound <= _NEGLIGIBLE * total * (1 - bound):
            break
    return math.exp(_log_probability(size, q, count) + math.log(total))


def _sum_downwards(size: float, q: float, count: int) -> float:
    relative, total = 1.0, 1.0
    for x in range(count, 0, -1):
        relative *= x / ((x - 1 + size) * q)
        total += relative
    return math.exp(_log_probability(size, q, count) + math.log(total))
