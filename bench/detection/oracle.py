"""The oracle: the best that anybody could do who is told what nobody knows.

A log-likelihood-ratio CUSUM by the hour, told the pump's true mean, weekday and hour shape, dispersion and
the size of the change, and thresholded so that ordinary pumps raise one false alert in 1,000 pump-days.
With a gamma factor shared by a day, the day so far is judged as one negative-binomial count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from bench.detection.fleet import CELLS, DAY, HOURLY, Patient, Shape


@dataclass(frozen=True, slots=True)
class Oracle:
    """What it is told."""

    rate: float
    shape: Shape
    factor: float

    def scores(self, presses: Sequence[int], first_day: int, last_day: int, *, reset_at: float) -> Iterator[float]:
        """The CUSUM at the end of each hour; back to zero after `reset_at`."""
        counts = [0] * ((last_day - first_day) * 24)
        for at in presses:
            place = at // 3600 - first_day * 24
            if 0 <= place < len(counts):
                counts[place] += 1
        carried = score = 0.0
        log_factor, k = math.log(self.factor), self.shape.dispersion
        expected = seen = of_day = 0.0
        for hour, count in enumerate(counts):
            if hour % 24 == 0:
                carried, expected, seen = score, 0.0, 0.0
                of_day = self.rate * self.shape.of_weekday((first_day + hour // 24) % 7)
            mean = of_day * HOURLY[hour % 24]
            if k is None:
                score = max(0.0, score + count * log_factor - mean * (self.factor - 1))
            else:
                expected, seen = expected + mean, seen + count
                ratio = math.log((expected + k) / (self.factor * expected + k))
                score = max(0.0, carried + seen * log_factor + (seen + k) * ratio)
            yield score
            if score >= reset_at:
                score = carried = expected = seen = 0.0


@cache
def _ordinary(cell: int, seed: int, pumps: int, days: int) -> tuple[list[int], ...]:
    """When the patients press on ordinary days."""
    return tuple(Patient(cell + len(CELLS) * (number + 10_000), seed, days).presses for number in range(pumps))


@cache
def threshold(cell: int, factor: float, seed: int, pumps: int = 60, days: int = 200) -> float:
    """Where the oracle raises once in 1,000 pump-days of ordinary pumps of this cell."""
    oracle = Oracle(*CELLS[cell], factor)
    peaks: list[float] = []
    for presses in _ordinary(cell, seed, pumps, days):
        peak = 0.0
        for score in oracle.scores(presses, 0, days, reset_at=math.inf):
            if score == 0.0 and peak > 0.0:  # one excursion is over: it raises where the threshold is below its peak
                peaks.append(peak)
                peak = 0.0
            peak = max(peak, score)
    peaks.sort(reverse=True)
    return peaks[pumps * days // 1000]


def hours_to_detect(cell: int, factor: float, presses: Sequence[int], start: int, end: int, seed: int) -> float | None:
    """Hours from `start` (seconds) until the oracle raises, if it does before `end`."""
    limit = threshold(cell, factor, seed)
    first_day = max(0, start // DAY - 21)
    scores = Oracle(*CELLS[cell], factor).scores(presses, first_day, -(-end // DAY), reset_at=limit)
    for hour, score in enumerate(scores):
        at = (first_day * 24 + hour + 1) * 3600
        if start < at <= end and score >= limit:
            return (at - start) / 3600
    return None
