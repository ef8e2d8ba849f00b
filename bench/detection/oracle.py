"""The oracle: the best that anybody could do who is told what nobody knows.

A log-likelihood-ratio CUSUM by the hour, told the pump's true mean, weekday and hour shape, dispersion and
the size of the change, and thresholded so that ordinary pumps raise so many false alerts in 1,000 pump-days.
With a gamma factor shared by a day, the day so far is judged as one negative-binomial count.

Patients whose days resemble each other have an oracle of their own (bench.detection.wandering), told that too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from bench.detection.fleet import CELLS, DAY, HOURLY, Patient, Shape
from bench.detection.memory import spread_of
from bench.detection.wandering import Change, Wandering

PUMPS: Final = 60
DAYS: Final = 200
"""So many ordinary pumps of a cell, for so many days: what its thresholds are chosen by."""


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


@dataclass(frozen=True, slots=True)
class Told:
    """What an oracle is told of one kind of patients, and what it looks for."""

    cell: int
    memory: float
    change: Change

    def scored(
        self, presses: Sequence[int], first_day: int, last_day: int, *, reset_at: float
    ) -> Iterator[tuple[int, float]]:
        """(hours since `first_day`, score): the CUSUM on independent days, the filter's on others."""
        rate, shape = CELLS[self.cell]
        if self.memory:
            spread = spread_of(self.memory, rate, shape.dispersion)
            return Wandering(rate, shape, spread, self.change).scores(presses, first_day, last_day, reset_at=reset_at)
        cusum = Oracle(rate, shape, self.change.factor)
        return enumerate(cusum.scores(presses, first_day, last_day, reset_at=reset_at), start=1)


@cache
def _ordinary(cell: int, memory: float, seed: int) -> tuple[list[int], ...]:
    """When the patients press on ordinary days: pumps that nobody else lives."""
    numbers = range(10_000, 10_000 + PUMPS)
    return tuple(Patient(cell + len(CELLS) * number, seed, DAYS, memory).presses for number in numbers)


@cache
def _peaks(told: Told, seed: int) -> tuple[float, ...]:
    """The highest score of each excursion of these pumps, the highest first."""
    peaks: list[float] = []
    for presses in _ordinary(told.cell, told.memory, seed):
        peak = 0.0
        for _, score in told.scored(presses, 0, DAYS, reset_at=math.inf):
            if score == 0.0 and peak > 0.0:  # one excursion is over: it raises where the threshold is below its peak
                peaks.append(peak)
                peak = 0.0
            peak = max(peak, score)
    return tuple(sorted(peaks, reverse=True))


def threshold(told: Told, seed: int, rate: float = 1.0) -> float:
    """Where the oracle raises `rate` times in 1,000 pump-days of ordinary pumps of this cell.

    It is taken from 12,000 pump-days of the cell: at 0.3 in 1,000 by four alerts, so that the figure of one cell is
    rough, and that of all sixteen together is not.
    """
    return _peaks(told, seed)[int(PUMPS * DAYS * rate / 1000)]


def hours_to_detect(
    told: Told, presses: Sequence[int], start: int, end: int, seed: int, rate: float = 1.0
) -> float | None:
    """Hours from `start` (seconds) until the oracle raises, if it does before `end`."""
    limit = threshold(told, seed, rate)
    first_day = max(0, start // DAY - 21)
    for hour, score in told.scored(presses, first_day, -(-end // DAY), reset_at=limit):
        at = (first_day * 24 + hour) * 3600
        if start < at <= end and score >= limit:
            return (at - start) / 3600
    return None
