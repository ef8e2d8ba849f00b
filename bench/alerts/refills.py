"""How well the refill board's dates are, and whom they warn: simulated pumps, without a database.

    python -m bench.alerts.refills --pumps 10000 --seed 1

The pumps are the simulator's (services/simulator/patients): constant and flex profiles, four in five with a handheld
and boluses, lockout and limit. A bolus is of 5 to 20 % of the day's dose (docs/domain.md section 2; there 3 to 12 %),
and days of demand differ more than there (negative binomial; a shape of 4 to 32), by the weekday too. For one in five
clocks go forward or back an hour on some day, and one in five travels across 3 to 9 zones for a week: the pump's clock
stays, the patient's day moves. Facts are what the service would know at each look: windows of 24 hours back from it,
and the level that the pump computed, told every four hours.

Three questions:

1. Two weeks before the alarm level is truly reached: how far off is the date by own use?
2. A visit that is booked 28 or 60 days before, on a working day 3 to 7 days before the date by own use: does it warn,
   at any of three looks a day until then? By own use and by the worst case.
3. A visit that is booked too late: by the date without boluses, or 0 to 2 days before the date by own use of a patient
   whose demand then rises by half to three times. How many of those that run low before the visit were warned of, and
   how long before?
"""

from __future__ import annotations

import argparse
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import median
from typing import Any, Final

from schemas.events import BolusOutcome, ReadingBasis
from schemas.policy import ForecastBy, LowReservoirPolicy, Policy
from services.alerts.facts.model import Contact, DayWindow, PumpFacts, Reading, Therapy, Visit, VisitKind
from services.alerts.model import Strength
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from services.alerts.rules.reservoir.refill_dates import refill_dates
from services.simulator.patients.handheld import BolusGate, Demand
from services.simulator.patients.model import PumpSpec
from services.simulator.patients.specs import draw_pump

T0: Final = datetime(2026, 2, 2, tzinfo=UTC)
"""A Monday."""
DAY: Final = 86_400
HISTORY_DAYS: Final = 56
"""So many days of a pump are known at the first look."""
LAST_DAY: Final = 147
BOOKED_BEFORE_DAYS: Final = (28, 60)
_READ_EVERY: Final = 4 * 3600
_LOOK_EVERY: Final = 8 * 3600
_SHAPES: Final = (4.0, 8.0, 16.0, 32.0)
_BOLUS_SHARE: Final = (0.05, 0.2)
OWN: Final = Policy()
WORST: Final = Policy(low_reservoir=LowReservoirPolicy(forecast_by=ForecastBy.WORST_CASE))


@dataclass(slots=True)
class Life:
    """One pump and its patient, from T0 on; seconds since then."""

    spec: PumpSpec
    draw: Random
    rise: float = 1.0
    """What demand is multiplied with from `rises_on` on."""
    rises_on: int = LAST_DAY
    clock_moves_at: int = LAST_DAY * DAY
    clock_moves_by: int = 0
    given: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    """Those of which the handheld knows that they were given."""
    filled_ml: float = 0.0

    def live(self) -> None:
        """Let every day happen."""
        draw, spec = self.draw, self.spec
        if draw.random() < 0.2:
            self.clock_moves_at, self.clock_moves_by = draw.randrange(10, 90) * DAY + 3600, draw.choice((-3600, 3600))
        if spec.handheld is None or spec.bolus is None:
            return
        leaves, zones = LAST_DAY, 0
        if draw.random() < 0.2:
            leaves, zones = draw.randrange(5, 90), draw.choice((-9, -6, -3, 3, 6, 9))
        demand = Demand(replace(spec.handheld, dispersion=draw.choice(_SHAPES)), draw)
        gate = BolusGate(spec.bolus, draw)
        presses: list[int] = []
        for day in range(LAST_DAY):
            away = zones * 3600 if leaves <= day < leaves + 7 else 0
            summer = self.clock_moves_by if day * DAY >= self.clock_moves_at else 0
            factor = self.rise if day >= self.rises_on else 1.0
            presses += [day * DAY - away - summer + at for at in demand.attempts(day % 7, factor)]
        for at in sorted(presses):
            outcome, is_given = gate.ask(at, infusing=True)
            if is_given:
                self.given.append(at)
            if outcome is BolusOutcome.DELIVERED:
                self.told.append(at)

    def flowed_ml(self, until: int) -> float:
        """What the profile gave, on the pump's own clock."""
        if until <= self.clock_moves_at:
            return self._by_profile(until)
        moved = self._by_profile(self.clock_moves_at + self.clock_moves_by)
        return self._by_profile(self.clock_moves_at) + self._by_profile(until + self.clock_moves_by) - moved

    def _by_profile(self, until: int) -> float:
        days, offset = divmod(until, DAY)
        return days * self.spec.profile.daily_ml + self.spec.profile.used_by(offset)

    def used_ml(self, until: int) -> float:
        """Profile and boluses."""
        bolus_ml = self.spec.bolus.volume_ml if self.spec.bolus else 0.0
        return self.flowed_ml(until) + bolus_ml * bisect_right(self.given, until)

    def low_at(self) -> int:
        """When the alarm level is reached."""
        wanted = self.filled_ml - self.spec.low_ml
        return bisect_left(range(LAST_DAY * DAY), wanted - 1e-9, key=self.used_ml)

    def facts(self, now: int, visit: Visit | None = None) -> PumpFacts:
        """What the service knows."""
        spec, moment = self.spec, T0 + timedelta(seconds=now)
        edges = [bisect_right(self.told, now - index * DAY) for index in range(HISTORY_DAYS + 1)]
        days = min(HISTORY_DAYS, now // DAY)
        windows = [
            DayWindow(edges[index] - edges[index + 1], True, delivered=edges[index] - edges[index + 1])
            for index in range(days)
        ]
        read = now - now % _READ_EVERY
        therapy = Therapy(
            T0,
            spec.profile.daily_ml,
            spec.bolus.volume_ml if spec.bolus else 0.0,
            spec.bolus.limit_per_24h if spec.bolus else 0,
            spec.size_ml,
        )
        return PumpFacts(
            spec.pump_id,
            "north",
            reading=self._reading(read),
            earlier_reading=self._reading(read - 7 * DAY),
            programmed_low_ml=spec.low_ml,
            therapy=therapy,
            windows=tuple(windows),
            contacts=(Contact(spec.pump_id, (moment,)),),
            visit=visit,
        )

    def _reading(self, at: int) -> Reading:
        return Reading(self.filled_ml - self.used_ml(at), ReadingBasis.COMPUTED, T0 + timedelta(seconds=at))


def life_of(seed: int, number: int, *, rise: float = 1.0, rises_on: int = LAST_DAY) -> Life:
    """One pump's life."""
    spec, draw = draw_pump(seed, number), Random(f"{seed}/{number}/refills")
    if spec.bolus is not None:
        volume_ml = spec.profile.daily_ml * draw.uniform(*_BOLUS_SHARE)
        spec = replace(spec, bolus=replace(spec.bolus, volume_ml=volume_ml))
    life = Life(spec, draw, rise, rises_on)
    life.live()
    return life


def date_error_days(life: Life, ahead_days: int) -> float:
    """By how many days the date by own use is off, so many days before the alarm level is truly reached."""
    now = HISTORY_DAYS * DAY + life.draw.randrange(DAY)
    life.filled_ml = life.spec.low_ml + life.used_ml(now + ahead_days * DAY)
    found = refill_dates(life.facts(now), OWN, T0 + timedelta(seconds=now)).by_own_use
    assert found is not None
    return (found - T0) / timedelta(days=1) - life.low_at() / DAY


@dataclass(frozen=True, slots=True)
class Course:
    """What became of one visit: when it is, when the level is low, and the first warnings; seconds."""

    visit: int
    low: int
    own: int | None
    worst: int | None

    @property
    def is_late(self) -> bool:
        """The level is low before the visit."""
        return self.low < self.visit


def course_of(life: Life, before_days: int, *, by_programme: bool = False, margin: tuple[int, int] = (3, 7)) -> Course:
    """Book a visit, and look three times a day until it or until the level is low."""
    booked = HISTORY_DAYS * DAY + life.draw.randrange(7 * DAY)  # on any weekday
    life.filled_ml = life.spec.low_ml + life.used_ml(booked + before_days * DAY)
    dates = refill_dates(life.facts(booked), OWN, T0 + timedelta(seconds=booked))
    by = dates.by_programme if by_programme else dates.by_own_use
    assert by is not None
    on = _working_day(by.date() - timedelta(days=life.draw.randint(*margin)))
    begins = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    visit = Visit(VisitKind.BOOKED, on, begins, T0 + timedelta(seconds=booked))
    ends, low = int((begins - T0).total_seconds()), life.low_at()
    first: dict[str, int | None] = {"own": None, "worst": None}
    for now in range(booked, min(ends, low), _LOOK_EVERY):
        facts, moment = life.facts(now, visit), T0 + timedelta(seconds=now)
        for name, policy in (("own", OWN), ("worst", WORST)):
            if first[name] is None and any(
                each.strength is Strength.FULL for each in low_reservoir(facts, policy, moment)
            ):
                first[name] = now
        if None not in first.values():
            break
    return Course(ends, low, first["own"], first["worst"])


def _working_day(on: date) -> date:
    while on.weekday() >= 5:
        on -= timedelta(days=1)
    return on


def measure(seed: int, pumps: int) -> dict[str, Any]:
    """All three questions."""
    errors: list[tuple[bool, float]] = []
    sensible: dict[int, list[tuple[bool, Course]]] = {before: [] for before in BOOKED_BEFORE_DAYS}
    mistaken, risen = [], []
    for number in range(1, pumps + 1):
        life = life_of(seed, number)
        has_bolus = life.spec.bolus is not None
        errors.append((has_bolus, date_error_days(life, 14)))
        for before, found in sensible.items():
            found.append((has_bolus, course_of(life, before)))
        mistaken.append(course_of(life, BOOKED_BEFORE_DAYS[0], by_programme=True))
        draw = Random(f"{seed}/{number}/rise")
        rises_on = HISTORY_DAYS + 7 + draw.randrange(1, 20)
        more = life_of(seed, number, rise=draw.choice((1.5, 2.0, 3.0)), rises_on=rises_on)
        risen.append(course_of(more, BOOKED_BEFORE_DAYS[0], margin=(0, 2)))
    return {
        "pumps": pumps,
        "seed": seed,
        "date by own use, 14 days ahead": {
            "within a day": _share(abs(error) <= 1 for _, error in errors),
            "within a day, with boluses": _share(abs(error) <= 1 for bolus, error in errors if bolus),
            "days off, 95 % quantile": round(sorted(abs(error) for _, error in errors)[int(0.95 * len(errors))], 2),
            "mean of days off (late is positive)": round(sum(error for _, error in errors) / len(errors), 3),
        },
        **{f"booked sensibly, {before} days ahead": _of_sensible(found) for before, found in sensible.items()},
        "low before the visit, booked by the programme": _of_late(mistaken),
        "low before the visit, demand rose": _of_late(risen),
    }


def _of_sensible(courses: list[tuple[bool, Course]]) -> dict[str, Any]:
    return {
        "warns by own use": _share(each.own is not None for _, each in courses),
        "warns by own use, with boluses": _share(each.own is not None for bolus, each in courses if bolus),
        "warns by worst case": _share(each.worst is not None for _, each in courses),
        "warns by worst case, with boluses": _share(each.worst is not None for bolus, each in courses if bolus),
        "low before the visit": _share(each.is_late for _, each in courses),
        "of those, warned of by own use": _share(each.own is not None for _, each in courses if each.is_late),
    }


def _of_late(courses: list[Course]) -> dict[str, Any]:
    late = [each for each in courses if each.is_late]
    days = sorted((each.low - each.own) / DAY for each in late if each.own is not None)
    return {
        "pumps": len(late),
        "warned of by own use": _share(each.own is not None for each in late),
        "warned of by worst case": _share(each.worst is not None for each in late),
        "days before, median": round(median(days), 1),
        "days before, least 5 %": round(days[len(days) // 20], 1),
        "days before, least": round(days[0], 1),
    }


def _share(those: Any) -> float:
    found = list(those)
    return round(sum(found) / len(found), 4) if found else 0.0


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pumps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.seed, arguments.pumps), indent=1))


if __name__ == "__main__":
    main()
