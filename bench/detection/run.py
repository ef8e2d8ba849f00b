"""How well the rules detect, and what chance allows.

`python -m bench.detection --pumps 500 --days 120 --seed 1 --json`; `--pumps 0` for what goes on alone
(bench.detection.steady).

An ordinary fleet says how many false alerts each rule raises; copies of its pumps to which something happens
say what is found and how soon. Everything goes through the same pure evaluate and reconcile at the times of
arrival, with the default policy; the facts are made in memory (services.alerts.facts.from_events, which a test holds
equal to the database). An alert that opens between the beginning and the end of what happened has found it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from statistics import median
from typing import Any, Final

from bench.detection import oracle as detection_oracle
from bench.detection.absence import find_absences
from bench.detection.fleet import CELLS, DAY, T0, Patient
from bench.detection.pumps import find_alarms, find_refills
from bench.detection.steady import find_steady
from bench.detection.watch import WINDOWS, Watch
from schemas.policy import Policy
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.policies import Policies, policies_of

LEARNED: Final = timedelta(days=60)
"""From here on every rule can raise: a drift needs eight weeks. What is false before that counts too, and apart."""
_SWEEP: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Happening:
    """A change of demand: from a day on, so many times the usual, for so long."""

    name: str
    key: str
    factor: float
    days: int
    ramp_days: float = 0.0


HAPPENINGS: Final = (
    Happening("surge x2.5, 2 days", "attempts_24h", 2.5, 2),
    Happening("surge x3, 3 days", "attempts_24h", 3.0, 3),
    Happening("surge x4, 2 days", "attempts_24h", 4.0, 2),
    Happening("drift +60 % over 3 weeks", "drift", 1.6, 35, ramp_days=21.0),
)


@dataclass(slots=True)
class Found:
    """What one pump showed."""

    pump_days: float = 0.0
    false: Counter[str] = field(default_factory=Counter)
    false_when_learned: Counter[str] = field(default_factory=Counter)
    trials: dict[tuple[str, int], list[tuple[float | None, float | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By happening and cell: hours to detect, ours and the oracle's; None: not found."""

    def add_false(self, opened: Sequence[tuple[str, str]], at: datetime) -> None:
        """Alerts (rule, key) that opened though nothing had happened."""
        names = ["/".join(each) for each in opened]
        self.false.update(names)
        if at >= T0 + LEARNED:
            self.false_when_learned.update(names)


def study(task: tuple[int, int, int]) -> Found:
    """One pump: its ordinary life, and copies of it to which something happens."""
    number, seed, days = task
    patient, policies, found = Patient(number, seed, days), policies_of(Policy()), Found(pump_days=days)
    history, watch = patient.history(), Watch(policies)
    swept = T0 + _SWEEP
    for at, device, event in patient.events:
        while swept <= at:
            found.add_false(watch.look(history.facts(swept, WINDOWS), swept), swept)
            swept += _SWEEP
        history.add(event, at, device)
        if event.kind == "bolus" or event.kind == "refill":
            found.add_false(watch.look(history.facts(at, WINDOWS), at), at)
    draw = Random(f"{seed}/{number}/happenings")
    cell = number % len(CELLS)
    for happening in HAPPENINGS:
        start = draw.randrange((days - happening.days - 7) * DAY // 2 + 20 * DAY, (days - happening.days) * DAY)
        end = start + happening.days * DAY
        extra = patient.added(start, end, happening.factor, happening.ramp_days, draw)
        theirs = detection_oracle.hours_to_detect(
            cell, happening.factor, sorted([*patient.presses, *extra]), start, end, seed
        )
        found.trials[happening.name, cell].append((_ours(patient, happening, extra, start, end, policies), theirs))
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
        if at >= begins and ("bolus_demand", happening.key) in opened:
            return (at - begins) / timedelta(hours=1)
    return None


def report(found: Sequence[Found], seed: int, pumps: int, steady: dict[str, Any]) -> dict[str, Any]:
    """The figures."""
    pump_days = sum(each.pump_days for each in found)
    false: Counter[str] = Counter()
    later: Counter[str] = Counter()
    trials: dict[tuple[str, int], list[tuple[float | None, float | None]]] = defaultdict(list)
    for each in found:
        false.update(each.false)
        later.update(each.false_when_learned)
        for place, outcomes in each.trials.items():
            trials[place] += outcomes
    days_learned = sum(max(0.0, each.pump_days - LEARNED.days) for each in found)
    return {
        "pumps": pumps,
        "pump_days": pump_days,
        "seed": seed,
        "false_alerts_per_1000_pump_days": _rates(false, pump_days),
        "false_alerts_per_1000_pump_days_from_day_60": _rates(later, days_learned),
        "demand": [
            {"what": what, "rate": CELLS[cell][0], "shape": CELLS[cell][1].name, **_compared(outcomes)}
            for (what, cell), outcomes in sorted(trials.items())
        ],
        "demand_all": {
            happening.name: _compared(
                [each for (what, _), outcomes in trials.items() if what == happening.name for each in outcomes]
            )
            for happening in HAPPENINGS
        },
        "refills": find_refills(Random(f"{seed}/refills"), 2_000),
        "alarms": find_alarms(seed),
        "steady": steady,
        "absence": find_absences(seed),
    }


def _rates(false: Counter[str], pump_days: float) -> dict[str, float]:
    counts = {**dict(sorted(_by_rule(false).items())), "all": false.total()}
    return {name: round(1000 * count / pump_days, 2) for name, count in counts.items()} if pump_days else {}


def _by_rule(false: Counter[str]) -> Counter[str]:
    merged: Counter[str] = Counter()
    for name, count in false.items():
        rule, _, key = name.partition("/")
        merged[rule if rule == "device_silent" else counted_as(rule, key)] += count
    return merged


def _compared(outcomes: Sequence[tuple[float | None, float | None]]) -> dict[str, Any]:
    ours = [own for own, _ in outcomes if own is not None]
    theirs = [other for _, other in outcomes if other is not None]
    return {
        "trials": len(outcomes),
        "recall": round(len(ours) / len(outcomes), 3),
        "oracle_recall": round(len(theirs) / len(outcomes), 3),
        "median_hours_to_detect": round(median(ours), 1) if ours else None,
        "oracle_median_hours": round(median(theirs), 1) if theirs else None,
    }


def _call(task: Callable[[], Any]) -> Any:
    return task()


def main() -> None:
    """Run it and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pumps", type=int, default=500)
    parser.add_argument("--steady", type=int, default=4, help="patients of each kind at each share of refusals")
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with multiprocessing.Pool(options.processes) as workers:
        # One pump of each cell after the other, so that a worker computes an oracle's threshold once.
        tasks = [(number, options.seed, options.days) for number in range(options.pumps)]
        tasks.sort(key=lambda task: task[0] % len(CELLS))
        found = workers.map(study, tasks, chunksize=-(-options.pumps // len(CELLS))) if options.pumps else []
        steady = find_steady(options.seed, options.steady, partial(workers.map, _call, chunksize=4))
    figures = report(found, options.seed, options.pumps, steady) if options.pumps else {"steady": steady}
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for line in [line for lines in steady.values() for line in lines]:
        print(line)
    if not options.pumps:
        return
    for name, rate in figures["false_alerts_per_1000_pump_days"].items():
        print(f"false alerts per 1,000 pump-days, {name}: {rate}")
    for line in figures["demand"]:
        print(line)
    for name in ("demand_all", "refills", "alarms", "absence"):
        print(f"{name}: {figures[name]}")
