"""PURE. The handheld: when its patient asks for a bolus, and what the pump answers.

Guarantees: delivered boluses are never closer than the lockout and never more than the limit in any 24 hours (a rolling
window; docs/domain.md section 2 notes that some devices count from midnight, GK). Demand is a negative-binomial number
of attempts a day, spread over the patient's waking hours; where the patient has a memory, its rate wanders from day to
day.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from itertools import accumulate
from random import Random
from typing import Final

from schemas.events import BolusOutcome
from services.simulator.patients.model import SECONDS_PER_DAY, BolusSpec, HandheldSpec

HOUR_WEIGHTS: Final = (6, 9, 8, 7, 6, 6, 7, 7, 7, 7, 7, 8, 8, 7, 5, 3, 1.5, 1, 0.7, 0.6, 0.6, 0.7, 1, 3)
"""Demand by hours after waking: mornings and evenings busy, some at night (GK)."""
_HOUR_SUMS: Final = tuple(accumulate(HOUR_WEIGHTS))
_COMM_FAILURE_PROBABILITY: Final = 0.006
_PRESS_AGAIN_PROBABILITY: Final = 0.05
"""A refused press is often repeated, because devices rarely say that they refused (docs/domain.md section 3 [34])."""


class Demand:
    """When a patient asks, day after day; the days must be asked for in order."""

    def __init__(self, spec: HandheldSpec, draw: Random) -> None:
        self._spec = spec
        self._draw = draw
        self._log_rate: float | None = None

    def attempts(self, weekday: int, factor: float) -> list[int]:
        """The seconds after midnight at which the patient asks on one day, ascending."""
        spec, draw = self._spec, self._draw
        mean = spec.attempts_per_day * factor * (spec.weekend_factor if weekday >= 5 else 1.0)
        mean *= draw.gammavariate(spec.dispersion, 1 / spec.dispersion)
        if spec.memory_spread:
            mean *= self._remembered(spec.memory, spec.memory_spread)
        return sorted(self._moment() for _ in range(poisson(draw, mean)))

    def _remembered(self, memory: float, spread: float) -> float:
        """What this day has of the days before: a factor whose mean over the days is 1."""
        if self._log_rate is None:
            self._log_rate = self._draw.gauss(0.0, spread)
        else:
            self._log_rate = memory * self._log_rate + self._draw.gauss(0.0, spread * math.sqrt(1 - memory**2))
        return math.exp(self._log_rate - spread**2 / 2)

    def _moment(self) -> int:
        target = self._draw.random() * _HOUR_SUMS[-1]
        hour = bisect_right(_HOUR_SUMS, target)
        before = _HOUR_SUMS[hour - 1] if hour else 0.0
        hours = self._spec.wakes_hour + hour + (target - before) / HOUR_WEIGHTS[hour]
        return int(hours * 3600) % SECONDS_PER_DAY


def poisson(draw: Random, mean: float) -> int:
    """A Poisson number; `mean` is small here (a few dozen at most)."""
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count


class BolusGate:
    """The pump's answer to a request: lockout, limit, and a radio that sometimes fails."""

    def __init__(self, bolus: BolusSpec, draw: Random) -> None:
        self._lockout_seconds = bolus.lockout_minutes * 60
        self._limit = bolus.limit_per_24h
        self._draw = draw
        self._given: deque[int] = deque()
        self._last_given: int | None = None

    def ask(self, at_seconds: int, *, infusing: bool) -> tuple[BolusOutcome, bool]:
        """Answer a request. Returns what the handheld shows, and whether the pump gave the bolus.

        The two differ only in a `comm_failure`: half of them the pump carried out, unseen (docs/domain.md section 2).
        """
        answer = self._answer(at_seconds, infusing=infusing)
        if self._draw.random() < _COMM_FAILURE_PROBABILITY:
            given = answer is BolusOutcome.DELIVERED and self._draw.random() < 0.5
            answer = BolusOutcome.COMM_FAILURE
        else:
            given = answer is BolusOutcome.DELIVERED
        if given:
            self._given.append(at_seconds)
            self._last_given = at_seconds
        return answer, given

    def presses_again(self, outcome: BolusOutcome) -> int | None:
        """After how many seconds the patient tries again, or None."""
        if outcome in _REFUSED and self._draw.random() < _PRESS_AGAIN_PROBABILITY:
            return self._draw.randint(45, 240)
        return None

    def _answer(self, at_seconds: int, *, infusing: bool) -> BolusOutcome:
        given = self._given
        while given and given[0] <= at_seconds - SECONDS_PER_DAY:
            given.popleft()
        if not infusing:
            return BolusOutcome.DENIED_OTHER
        if self._last_given is not None and at_seconds - self._last_given < self._lockout_seconds:
            return BolusOutcome.DENIED_LOCKOUT
        if len(given) >= self._limit:
            return BolusOutcome.DENIED_LIMIT
        return BolusOutcome.DELIVERED


_REFUSED: Final = (BolusOutcome.DENIED_LOCKOUT, BolusOutcome.DENIED_LIMIT)
