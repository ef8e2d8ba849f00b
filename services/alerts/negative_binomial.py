"""PURE. How rare a count is, given the counts of earlier days.

The predictive distribution of the next day's count, from n observed days x_1..x_n, is taken as negative
binomial:

    mean        mu    = (sum x + 1/2) / n             Jeffreys prior: a pump that was never asked is not 0
    dispersion  alpha = max(0, (s^2 - m) / m^2)       method of moments; s^2 sample variance, m = sum x / n
    variance    v     = (mu + alpha mu^2) (1 + 1/n)   a day's own spread, and the uncertainty of the mean
    size        r     = mu^2 / (v - mu)

Without over-dispersion (alpha = 0) this is exactly the posterior predictive of a Poisson rate under
Jeffreys' prior. Since v - mu >= mu/n, the size never exceeds sum x + 1/2, so no limit case (r to infinity)
arises.

    P(X = x) = Gamma(x + r) / (Gamma(r) x!) * (r / (r + mu))^r * (mu / (r + mu))^x
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_NEGLIGIBLE: Final = 1e-13


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the next day's count should look like: mean and size of a negative binomial."""

    mean: float
    size: float


def predict(counts: Sequence[int]) -> Prediction:
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
    variance = sum((count - average) ** 2 for count in counts) / (n - 1) if n > 1 else average
    alpha = max(0.0, (variance - average) / average**2) if total else 0.0
    mean = (total + 0.5) / n
    spread = (mean + alpha * mean**2) * (1 + 1 / n)
    return Prediction(mean=mean, size=mean**2 / (spread - mean))


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
