"""A labelled fleet for bench.detection: patients with a known rate, shape, dispersion and memory of demand.

Events reach the rules through the same facts as stored ones (services.alerts.facts.from_events). What is random
follows from the seed and the number of the pump alone.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final
from uuid import UUID

from bench.detection.memory import spread_of, wander
from schemas import events as wire
from services.alerts.facts.from_events import History
from services.simulator.patients.handheld import HOUR_WEIGHTS, poisson

T0: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
DAY: Final = 86_400
RATES: Final = (1.0, 2.0, 4.0, 8.0)
WAKES_HOUR: Final = 7
HOURLY: Final = tuple(HOUR_WEIGHTS[(hour - WAKES_HOUR) % 24] / sum(HOUR_WEIGHTS) for hour in range(24))
"""The part of a day's demand in each hour of the clock."""
_SUMS: Final = tuple(accumulate(HOURLY))


@dataclass(frozen=True, slots=True)
class Shape:
    """How days differ: by the weekday, and by chance (the shape of a gamma factor; None: not at all)."""

    name: str
    weekend: float = 1.0
    dispersion: float | None = None

    def of_weekday(self, weekday: int) -> float:
        """The mean of this weekday over the mean of the week."""
        return (self.weekend if weekday >= 5 else 1.0) * 7 / (5 + 2 * self.weekend)


SHAPES: Final = (
    Shape("steady"),
    Shape("weekly", weekend=1.3),
    Shape("dispersion 8", dispersion=8.0),
    Shape("dispersion 4", dispersion=4.0),
)
CELLS: Final = tuple((rate, shape) for rate in RATES for shape in SHAPES)


@dataclass(slots=True)
class Patient:
    """One pump, its patient, and all that happened to them."""

    number: int
    seed: int
    days: int
    memory: float = 0.0
    """The lag-1 correlation of the daily counts. Without it, days are those of always for the same seed."""
    pump_id: str = ""
    rate: float = 0.0
    shape: Shape = SHAPES[0]
    factors: list[float] = field(default_factory=list)
    """Each day's mean over the rate: weekday, chance, and what the day has from the day before."""
    presses: list[int] = field(default_factory=list)
    _events: list[tuple[datetime, str, wire.Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rate, self.shape = CELLS[self.number % len(CELLS)]
        self.pump_id = f"pump-{self.number:04d}"
        draw = Random(f"{self.seed}/{self.number}/demand")
        spread = spread_of(self.memory, self.rate, self.shape.dispersion)
        before = wander(spread, Random(f"{self.seed}/{self.number}/memory"))
        for day, remembered in zip(range(self.days), before, strict=False):
            chance = 1.0
            if self.shape.dispersion is not None:
                chance = draw.gammavariate(self.shape.dispersion, 1 / self.shape.dispersion)
            self.factors.append(self.shape.of_weekday(day % 7) * chance * remembered)
            count = _poisson(draw, self.rate * self.factors[-1])
            self.presses += [day * DAY + moment(draw) for _ in range(count)]
        self.presses.sort()

    @property
    def events(self) -> list[tuple[datetime, str, wire.Event]]:
        """In order of arrival. Made when they are asked for: the oracle needs the presses only."""
        if not self._events:
            self._events = sorted(self._life(Random(f"{self.seed}/{self.number}/life")), key=lambda event: event[0])
        return self._events

    def history(self) -> History:
        """Nothing stored yet."""
        return History(self.pump_id, "north", handhelds=(f"handheld-{self.number:04d}",))

    def added(self, start: int, end: int, factor: float, ramp_days: float, draw: Random) -> list[int]:
        """What a surge or a drift adds from `start` to `end` (seconds): (factor - 1) of what is usual."""
        found = []
        for day in range(start // DAY, min(self.days, -(-end // DAY))):
            for _ in range(_poisson(draw, self.rate * self.factors[day] * (factor - 1))):
                at = day * DAY + moment(draw)
                part = 1.0 if ramp_days == 0 else min(1.0, (at - start) / (ramp_days * DAY))
                if start <= at < end and draw.random() < part:
                    found.append(at)
        return sorted(found)

    def bolus(self, at: int) -> tuple[datetime, str, wire.Event]:
        """A request that was delivered."""
        when = T0 + timedelta(seconds=at)
        event = wire.Bolus(event_id=self._id(), observed_at=when, outcome=wire.BolusOutcome.DELIVERED, dose_mcg=10.0)
        return when, f"handheld-{self.number:04d}", event

    def _id(self) -> UUID:
        return UUID(int=_ids.getrandbits(128))

    def _life(self, draw: Random) -> Iterator[tuple[datetime, str, wire.Event]]:
        """Readings, heartbeats and refills of a sound pump (accuracy within 2.5 %, readings within 0.5 mL)."""
        handheld = f"handheld-{self.number:04d}"
        for at in self.presses:
            yield self.bolus(at)
        accuracy = 1 + draw.uniform(-0.025, 0.025)
        daily, volume, filled = draw.uniform(0.15, 0.5), 39.0, 39.0
        interval = int(min(110, 30 / (daily + 0.003 * 24)))
        due = draw.randrange(20, interval)
        yield self._therapy(T0, daily, due + 8)
        presses = iter(self.presses)
        pressed = next(presses, None)
        for day in range(self.days):
            now = T0 + timedelta(days=day)
            if day == due:
                left = filled - (filled - volume) * accuracy + draw.gauss(0, 0.5)
                refill = wire.Refill(
                    event_id=self._id(),
                    observed_at=now + timedelta(hours=10),
                    expected_ml=volume,
                    measured_ml=max(0.0, left),
                    filled_ml=39.0,
                )
                yield now + timedelta(hours=10), self.pump_id, refill
                filled = volume = 39.0
                due = day + interval
                yield self._therapy(now + timedelta(hours=10, seconds=1), daily, due + 8)
            while pressed is not None and pressed < (day + 1) * DAY:
                volume -= 0.001
                pressed = next(presses, None)
            volume -= daily
            later = now + timedelta(hours=23, minutes=50)
            reading = wire.Reservoir(event_id=self._id(), observed_at=later, volume_ml=round(volume, 3))
            yield later, self.pump_id, reading
            for device, hour in ((self.pump_id, 3), (handheld, 13)):
                beat = now + timedelta(hours=hour, minutes=draw.randrange(60))
                yield beat, device, wire.Status(event_id=self._id(), observed_at=beat)

    def _therapy(self, at: datetime, daily: float, due: int) -> tuple[datetime, str, wire.Event]:
        booked: date = (T0 + timedelta(days=due)).date()
        therapy = wire.Therapy(
            event_id=self._id(),
            observed_at=at,
            drugs=(wire.Drug(name="morphine", concentration_mcg_per_ml=10_000.0),),
            profile=(wire.ProfileStep(from_time="00:00", rate_ml_per_day=daily),),
            bolus=wire.BolusPrescription(dose_mcg=10.0, lockout_minutes=10, limit_per_24h=24),
            reservoir_size_ml=40.0,
            low_reservoir_ml=2.0,
            refill_due=booked,
        )
        return at, self.pump_id, therapy


_ids: Final = Random(1)


def moment(draw: Random) -> int:
    """A second of the day, by the hours' demand."""
    target = draw.random() * _SUMS[-1]
    hour = min(23, bisect_right(_SUMS, target))
    return hour * 3600 + draw.randrange(3600)


def _poisson(draw: Random, mean: float) -> int:
    return poisson(draw, mean) if mean < 500 else round(draw.gauss(mean, math.sqrt(mean)))
