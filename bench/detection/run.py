"""How well the rules detect, and what chance allows.

`python -m bench.detection --pumps 500 --days 120 --seed 1 --json`; `--pumps 0` for what goes on alone
(bench.detection.steady); `--fleet memory-0.1` or `memory-0.25` for patients whose days resemble each other
(bench.detection.memory); `--lives` for lives that are not alike and mean nothing (bench.detection.lives).

A fleet with memory takes two minutes of one core for the thresholds of its oracle and a second for each pump of 180
days; the seven lives of such a pump take four seconds.

An ordinary fleet says how many false alerts each rule raises; copies of its pumps to which something happens
say what is found and how soon. Everything goes through the same pure evaluate and reconcile at the times of
arrival, with the default policy; the facts are made in memory (services.alerts.facts.from_events, which a test holds
equal to the database). An alert that opens between the beginning and the end of what happened has found it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.pool
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from statistics import median
from typing import Any, Final

from bench.detection.absence import find_absences
from bench.detection.fleet import CELLS, DAY, T0, Patient
from bench.detection.lives import find_lives
from bench.detection.memory import FLEETS
from bench.detection.oracle import Told, hours_to_detect
from bench.detection.pumps import find_alarms, find_refills
from bench.detection.steady import find_steady
from bench.detection.wandering import Change
from bench.detection.watch import WINDOWS, Watch, rates, watched
from schemas.policy import Policy
from services.alerts.policies import Policies, policies_of

LEARNED: Final = timedelta(days=60)
"""From here on every rule can raise: a drift needs eight weeks. What is false before that counts too, and apart."""
_SWEEP: Final = timedelta(days=1)
RATES: Final = (1.0, 0.3)
"""The oracle raises so often in 1,000 ordinary pump-days, if nothing else is asked for."""

Outcome = tuple[float | None, ...]
"""Hours to detect of one trial: ours, then the oracle's at each of its rates; None: not found."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A change of demand: from a day on, so many times the usual, for so long."""

    name: str
    keys: tuple[str, ...]
    """Of the rule bolus_demand: an alert of any of these has found it."""
    factor: float
    days: int
    ramp_days: float = 0.0

    @property
    def change(self) -> Change:
        """What the oracle looks for."""
        if self.days <= 3:
            return Change(self.factor)
        return Change(self.factor, self.ramp_days, window_days=35, every_hours=48 if self.ramp_days else 24)


HAPPENINGS: Final = (
    Happening("surge x2.5, 2 days", ("attempts_24h",), 2.5, 2),
    Happening("surge x3, 3 days", ("attempts_24h",), 3.0, 3),
    Happening("surge x4, 2 days", ("attempts_24h",), 4.0, 2),
    Happening("drift +60 % over 3 weeks", ("drift",), 1.6, 35, ramp_days=21.0),
    Happening("step x1.8, stays", ("attempts_24h", "drift"), 1.8, 35),
)


@dataclass(slots=True)
class Found:
    """What one pump showed."""

    pump_days: float = 0.0
    false: Counter[str] = field(default_factory=Counter)
    false_when_learned: Counter[str] = field(default_factory=Counter)
    trials: dict[tuple[str, int], list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    """By happening and cell."""

    def add_false(self, opened: Sequence[tuple[str, str]], at: datetime) -> None:
        """Alerts (rule, key) that opened though nothing had happened."""
        names = ["/".join(each) for each in opened]
        self.false.update(names)
        if at >= T0 + LEARNED:
            self.false_when_learned.update(names)


def study(task: tuple[int, int, int, float, tuple[float, ...]]) -> Found:
    """One pump: its ordinary life, and copies of it to which something happens."""
    number, seed, days, memory, rates_of_oracle = task
    patient, policies, found = Patient(number, seed, days, memory), policies_of(Policy()), Found(pump_days=days)
    for at, opened in watched(patient.history(), ((event, False) for event in patient.events)):
        found.add_false(opened, at)
    draw = Random(f"{seed}/{number}/happenings")
    cell = number % len(CELLS)
    for happening in HAPPENINGS:
        start = draw.randrange((days - happening.days - 7) * DAY // 2 + 20 * DAY, (days - happening.days) * DAY)
        end = start + happening.days * DAY
        extra = patient.added(start, end, happening.factor, happening.ramp_days, draw)
        told, presses = Told(cell, memory, happening.change), sorted([*patient.presses, *extra])
        theirs = [hours_to_detect(told, presses, start, end, seed, rate) for rate in rates_of_oracle]
        found.trials[happening.name, cell].append((_ours(patient, happening, extra, start, end, policies), *theirs))
    return found


def _ours(
    patient: Patient, happening: Happening, extra: Sequence[int], start: int, end: int, policies: Policies
) -> float | None:
    """Hours until the rule of this happening raises, if it does before the end and was not open at the start."""
    begins, ends = T0 + timedelta(seconds=start), T0 + timedelta(seconds=end)
    history, watch = patient.history(), Watch(policies)
    warm = begins - timedelta(days=2)
    stream = sorted([*patient.events, *(patient.bolus(at) for at in extra)], key=lambda event: event[0])
    looked_at = warm
    for at, device, event in stream:
        if at > ends:
            break
        history.add(event, at, device)
        if at < warm or (event.kind != "bolus" and at - looked_at < _SWEEP):
            continue
        if happening.ramp_days and at - looked_at < timedelta(hours=12):
            continue
        looked_at = at
        opened = watch.look(history.facts(at, WINDOWS), at)
        if at >= begins and any(("bolus_demand", key) in opened for key in happening.keys):
            return (at - begins) / timedelta(hours=1)
    return None


def report(
    found: Sequence[Found], fleet: str, seed: int, pumps: int, rates_of_oracle: Sequence[float] = RATES
) -> dict[str, Any]:
    """The figures that depend on how a patient's days follow each other."""
    pump_days = sum(each.pump_days for each in found)
    false: Counter[str] = Counter()
    later: Counter[str] = Counter()
    trials: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    for each in found:
        false.update(each.false)
        later.update(each.false_when_learned)
        for place, outcomes in each.trials.items():
            trials[place] += outcomes
    days_learned = sum(max(0.0, each.pump_days - LEARNED.days) for each in found)
    return {
        "fleet": fleet,
        "pumps": pumps,
        "pump_days": pump_days,
        "seed": seed,
        "false_alerts_per_1000_pump_days": rates(false, pump_days),
        "false_alerts_per_1000_pump_days_from_day_60": rates(later, days_learned),
        "demand": [
            {"what": what, "rate": CELLS[cell][0], "shape": CELLS[cell][1].name, **_compared(outcomes, rates_of_oracle)}
            for (what, cell), outcomes in sorted(trials.items())
        ],
        "demand_all": {
            happening.name: _compared(
                [each for (what, _), outcomes in trials.items() if what == happening.name for each in outcomes],
                rates_of_oracle,
            )
            for happening in HAPPENINGS
        },
    }


def _compared(outcomes: Sequence[Outcome], rates_of_oracle: Sequence[float]) -> dict[str, Any]:
    ours, theirs, *others = ([hours for hours in each if hours is not None] for each in zip(*outcomes, strict=True))
    return {
        "trials": len(outcomes),
        "recall": round(len(ours) / len(outcomes), 3),
        "oracle_recall": round(len(theirs) / len(outcomes), 3),
        **{
            f"oracle_recall_at_{rate:g}": round(len(each) / len(outcomes), 3)
            for rate, each in zip(rates_of_oracle[1:], others, strict=True)
        },
        "median_hours_to_detect": round(median(ours), 1) if ours else None,
        "oracle_median_hours": round(median(theirs), 1) if theirs else None,
    }


def _call(task: Callable[[], Any]) -> Any:
    return task()


def main() -> None:
    """Run it and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fleet", choices=tuple(FLEETS), default="independent", help="how alike a patient's days are")
    parser.add_argument("--lives", action="store_true", help="instead: lives that are not alike, and mean nothing")
    parser.add_argument(
        "--oracle-rates",
        type=float,
        nargs="+",
        default=RATES,
        help="the oracle raises so often in 1,000 ordinary pump-days; `oracle_recall` is at the first of these",
    )
    parser.add_argument("--pumps", type=int, default=500)
    parser.add_argument(
        "--steady", type=int, default=4, help="patients of each kind at each share of refusals; 0: not at all"
    )
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with multiprocessing.Pool(options.processes) as workers:
        figures = _measure(options, workers)
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        _print(figures)


def _measure(options: argparse.Namespace, workers: multiprocessing.pool.Pool) -> dict[str, Any]:
    """What the options ask for. What no fleet changes is measured with the independent one."""
    fleet, seed, figures = options.fleet, options.seed, dict[str, Any]()
    if options.lives:
        return find_lives(fleet, seed, options.pumps, options.days, partial(workers.map, _call, chunksize=4))
    if options.pumps:
        # One pump of each cell after the other, so that a worker computes an oracle's threshold once.
        rates_of_oracle = tuple(options.oracle_rates)
        tasks = [(number, seed, options.days, FLEETS[fleet], rates_of_oracle) for number in range(options.pumps)]
        tasks.sort(key=lambda task: task[0] % len(CELLS))
        found = workers.map(study, tasks, chunksize=-(-options.pumps // len(CELLS)))
        figures |= report(found, fleet, seed, options.pumps, rates_of_oracle)
    if fleet != "independent":
        return figures
    if options.pumps:
        figures["refills"] = find_refills(Random(f"{seed}/refills"), 2_000)
        figures["alarms"] = find_alarms(seed)
        figures["absence"] = find_absences(seed)
    if options.steady:
        figures["steady"] = find_steady(seed, options.steady, partial(workers.map, _call, chunksize=4))
    return figures


def _print(figures: dict[str, Any]) -> None:
    for line in [line for lines in figures.pop("steady", {}).values() for line in lines]:
        print(line)
    for name, value in figures.items():
        if name.startswith("false_alerts"):
            for rule, rate in value.items():
                print(f"{name.replace('_', ' ')}, {rule}: {rate}")
        elif isinstance(value, list):
            for line in value:
                print(line)
        else:
            print(f"{name}: {value}")
