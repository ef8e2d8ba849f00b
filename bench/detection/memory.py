"""Days that resemble each other: how far a patient's log-rate wanders so that the daily counts have a given lag-1.

The log-rate z of a day follows that of the day before (AR(1), PHI) around the patient's mean; a day's mean is
rate * weekday * gamma * exp(z - spread / 2), so that the mean stays the rate. Poisson noise and the gamma factor hide
part of what a day has from the day before: the fewer requests, the further z must wander for the same lag-1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final

PHI: Final = 0.85
"""The lag-1 of the log-rate itself. That of the counts falls from day to day as it does: by this factor, about."""
FLEETS: Final = {"independent": 0.0, "memory-0.1": 0.1, "memory-0.25": 0.25}
"""Name of a fleet: the lag-1 correlation of each patient's daily counts."""
_MOST: Final = 5.0
"""No log-rate of a patient has a greater variance: exp(5) is a day of 150 times the median in one of 40."""


def lag_1(spread: float, rate: float, dispersion: float | None) -> float:
    """The lag-1 correlation of daily counts, for a log-rate of this variance."""
    chance = 1 + (0.0 if dispersion is None else 1 / dispersion)
    variance = rate + rate**2 * (math.exp(spread) * chance - 1)
    return rate**2 * math.expm1(spread * PHI) / variance


def spread_of(memory: float, rate: float, dispersion: float | None) -> float:
    """The stationary variance of the log-rate that gives this lag-1 of the daily counts; the least one.

    Raises:
        ValueError: So few requests, or days so different, cannot have this lag-1.
    """
    if memory <= 0:
        return 0.0
    below, above = 0.0, 0.0
    while lag_1(above, rate, dispersion) < memory:
        below, above = above, above + 0.05
        if above > _MOST:
            msg = f"days of {rate:g} requests, dispersion {dispersion}, cannot have a lag-1 of {memory:g}"
            raise ValueError(msg)
    for _ in range(50):
        middle = (below + above) / 2
        below, above = (middle, above) if lag_1(middle, rate, dispersion) < memory else (below, middle)
    return above


def wander(spread: float, draw: Random) -> Iterator[float]:
    """The factor exp(z - spread / 2) of one day after the other, from a day like any other on."""
    if spread <= 0:
        while True:
            yield 1.0
    deviation = math.sqrt(spread)
    step = deviation * math.sqrt(1 - PHI**2)
    log_rate = draw.gauss(0.0, deviation)
    while True:
        yield math.exp(log_rate - spread / 2)
        log_rate = PHI * log_rate + draw.gauss(0.0, step)
