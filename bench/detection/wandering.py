"""The oracle for patients whose days resemble each other: told the mean, the shape, and how far the log-rate wanders.

It keeps what may be known of the hidden log-rate on a grid (exact but for the grid: AR(1) at midnight, the day so far
a Poisson or negative-binomial count at each point). Its score is the log likelihood ratio of "demand is `factor` times
since tau" against "as before", from the filter's state at tau, at the onset tau for which it is greatest, and at least
0.

- **A surge**: onsets of every 6 hours of today and the three days before.
- **A step**: onsets at every midnight of 35 days.
- **A drift**: ramps that rise for three weeks and stay; onsets at every second midnight of 35 days, each day judged at
  its mean factor, and looked at when the day is over only.

Without memory the grid is one point, and with onsets at each hour (of days that differ by chance: at midnight) and no
end of the window the score is the CUSUM of bench.detection.oracle but for rounding (a test holds that). As it is used,
on independent days, it differs by the window and the onsets, and finds as much: at one false alert in 1,000 pump-days
0.71 of x3 and 0.86 of drifts, where the CUSUM finds 0.70 and 0.86 (bench/results/detection.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import le, mul
from typing import Final

from bench.detection.fleet import DAY, HOURLY, Shape
from bench.detection.memory import PHI

POINTS: Final = 11
"""Points of the grid over +-3 standard deviations: closer together than 1.2 times what a day adds."""
_LEAST: Final = 1e-300
_PART: Final = (0.0, *accumulate(HOURLY))
"""The part of a day's demand before each hour of the clock."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the oracle looks for, and from which moments on."""

    factor: float
    ramp_days: float = 0.0
    window_days: int = 3
    """An onset is looked for on so many days before today."""
    every_hours: int = 6
    """Onsets are so far apart."""

    def of_day(self, age_days: int) -> float:
        """The mean factor of the day that begins so many days after the onset, which is a midnight."""
        if not self.ramp_days:
            return self.factor
        return 1 + (self.factor - 1) * min(1.0, (age_days + 0.5) / self.ramp_days)


@dataclass(frozen=True, slots=True)
class Grid:
    """The points of a hidden log-rate, how likely each is on any day, and how they follow each other."""

    gains: tuple[float, ...]
    usual: tuple[float, ...]
    into: tuple[tuple[float, ...], ...]
    """For each point, how likely a day comes to it from each of the others."""

    @classmethod
    def of(cls, spread: float, points: int = POINTS) -> Grid:
        """The grid of a log-rate with this stationary variance; without any, one point."""
        if spread <= 0:
            return cls((1.0,), (1.0,), ((1.0,),))
        places = [6.0 * number / (points - 1) - 3.0 for number in range(points)]
        usual = _shares([math.exp(-(place**2) / 2) for place in places])
        step = 2 * (1 - PHI**2)
        rows = [_shares([math.exp(-((to - PHI * place) ** 2) / step) for to in places]) for place in places]
        gains = [math.exp(place * math.sqrt(spread)) for place in places]
        mean = _dot(gains, usual)
        return cls(tuple(gain / mean for gain in gains), tuple(usual), tuple(zip(*rows, strict=True)))

    def next_day(self, weights: Sequence[float], scale: float) -> list[float]:
        """What the weights are after midnight."""
        return [_dot(weights, row) / scale for row in self.into]


@dataclass(slots=True)
class _Onset:
    """A moment from which on demand may have changed."""

    hour: int
    weights: list[float]
    """Of each point today: its likelihood with the change, over that of all that was seen without any."""


@dataclass(frozen=True, slots=True)
class _DayModel:
    """How likely a count of one day is at each point of the grid; up to a factor that no point and no change has."""

    pairs: tuple[tuple[float, float], ...]
    """(gain, its logarithm) of each point."""
    dispersion: float | None

    def likelihoods(self, count: int, plain: float, mean: float, log_factors: float) -> list[float]:
        """Of `count` where `mean` was expected with the change, `plain` without it, at a gain of 1.

        `log_factors` is the sum of the logarithms of the factors at each request.
        """
        k = self.dispersion
        if k is None:
            most = count * math.log(count / plain) - count if count else 0.0
            return [math.exp(log_factors - most + count * log - mean * gain) for gain, log in self.pairs]
        most = count * math.log(count / plain) - (k + count) * math.log1p(count / k) if count else 0.0
        both = k + count
        return [
            math.exp(log_factors - most + count * log - both * math.log1p(mean * gain / k)) for gain, log in self.pairs
        ]


@dataclass(slots=True)
class Wandering:
    """What this oracle is told of one pump."""

    rate: float
    shape: Shape
    spread: float
    change: Change
    _grid: Grid = field(init=False)
    _model: _DayModel = field(init=False)

    def __post_init__(self) -> None:
        self._grid = Grid.of(self.spread)
        pairs = tuple((gain, math.log(gain)) for gain in self._grid.gains)
        self._model = _DayModel(pairs, self.shape.dispersion)

    def scores(
        self, presses: Sequence[int], first_day: int, last_day: int, *, reset_at: float
    ) -> Iterator[tuple[int, float]]:
        """(hours since `first_day`, score) at the end of each hour with a request and of each day.

        Between requests the score only falls. After `reset_at` all onsets until then are forgotten.
        """
        counts = [[0] * 24 for _ in range(last_day - first_day)]
        for at in presses:
            if first_day <= at // DAY < last_day:
                counts[at // DAY - first_day][at % DAY // 3600] += 1
        usual, onsets, not_before = list(self._grid.usual), list[_Onset](), 0
        for day, hours in enumerate(counts):
            expected = self.rate * self.shape.of_weekday((first_day + day) % 7)
            onsets = self._still_looked_for(onsets, usual, day)
            today = [hour for hour in range(24) if (day * 24 + hour) % self.change.every_hours == 0]
            for hour in range(24):
                over = hour == 23
                if not over and (self.change.ramp_days or not hours[hour]):
                    continue
                begun = [each for each in today if not_before <= day * 24 + each and each <= hour]
                seen = _Seen(hours, hour + 1, expected)
                plain = self._model.likelihoods(seen.count, seen.mean, seen.mean, 0.0)
                evidence = max(_LEAST, _dot(usual, plain))
                changed = [*self._of_earlier(onsets, seen, day), *self._of_today(usual, begun, seen, day)]
                score = max((math.log(max(_LEAST, sum(each.weights)) / evidence) for each in changed), default=0.0)
                yield day * 24 + hour + 1, max(0.0, score)
                if score >= reset_at:
                    onsets, changed, not_before = [], [], day * 24 + hour + 1
            for each in changed:
                each.weights = self._grid.next_day(each.weights, evidence)
            usual, onsets = self._grid.next_day(list(map(mul, usual, plain)), evidence), changed

    def _still_looked_for(self, onsets: list[_Onset], usual: list[float], day: int) -> list[_Onset]:
        """Those in the window; and none over which one of this midnight wins whatever comes."""
        oldest = (day - self.change.window_days) * 24
        kept = [each for each in onsets if each.hour >= oldest]
        if self.change.ramp_days or day * 24 % self.change.every_hours:
            return kept
        return [each for each in kept if not all(map(le, each.weights, usual))]

    def _of_earlier(self, onsets: list[_Onset], seen: _Seen, day: int) -> Iterator[_Onset]:
        """Each onset before today, with what today says."""
        known: dict[float, list[float]] = {}
        for onset in onsets:
            factor = self.change.of_day(day - onset.hour // 24)
            if factor not in known:
                logs = seen.count * math.log(factor)
                known[factor] = self._model.likelihoods(seen.count, seen.mean, seen.mean * factor, logs)
            yield _Onset(onset.hour, list(map(mul, onset.weights, known[factor])))

    def _of_today(self, usual: list[float], begun: list[int], seen: _Seen, day: int) -> Iterator[_Onset]:
        """Each onset of today, with what today says since."""
        factor = self.change.of_day(0)
        for hour in begun:
            after, mean = seen.since(hour)
            mixed = seen.mean + mean * (factor - 1)
            likelihoods = self._model.likelihoods(seen.count, seen.mean, mixed, after * math.log(factor))
            yield _Onset(day * 24 + hour, list(map(mul, usual, likelihoods)))


class _Seen:
    """One day until the end of an hour."""

    __slots__ = ("_expected", "_hours", "_until", "count", "mean")

    def __init__(self, hours: Sequence[int], until: int, expected: float) -> None:
        self._hours, self._until, self._expected = hours, until, expected
        self.count, self.mean = sum(hours[:until]), expected * _PART[until]

    def since(self, hour: int) -> tuple[int, float]:
        """Requests since this hour, and how many are usual."""
        return sum(self._hours[hour : self._until]), self._expected * (_PART[self._until] - _PART[hour])


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return float(sum(map(mul, one, other)))


def _shares(parts: Sequence[float]) -> list[float]:
    total = sum(parts)
    return [part / total for part in parts]
