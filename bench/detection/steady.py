"""What goes on: refusals at a steady share, and demand that rises and stays: how often alerts open, how long they last.

The days are those of the fleet's patients; what is looked at is the life of an alert and not its beginning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from statistics import median
from typing import Any, Final

from bench.detection.fleet import CELLS, DAY, T0, Patient, moment
from bench.detection.watch import WINDOWS, Watch
from schemas import events as wire
from schemas.policy import Policy
from services.alerts.policies import policies_of

Lived = Callable[[Sequence[Any]], list[Any]]
"""A map of processes, or of none."""

SHARES: Final = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9)
WATCHED_DAYS: Final = 180
_WARM_DAYS: Final = 30
FACTORS: Final = (1.5, 2.0, 2.5, 3.0, 4.0)
_STEP_DAY: Final = 60
_STAYS_DAYS: Final = 60
_AFTER_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Refusals:
    """How a patient's requests end: all but the first quarter refused on a day of refusals, or each by chance."""

    name: str
    key: str
    a_day: int
    by_day: bool


REFUSALS: Final = (
    Refusals("the limit refuses on so many days", "limit_days", 4, by_day=True),
    Refusals("6 of 8 requests are refused on so many days", "refused_share", 8, by_day=True),
    Refusals("so many of 3 requests a day are refused", "refused_share", 3, by_day=False),
    Refusals("so many of 8 requests a day are refused", "refused_share", 8, by_day=False),
)


def openings(task: tuple[int, float, int, int]) -> int:
    """How often the alert of a kind opens in 180 days at a steady share; the days before are known."""
    which, share, number, seed = task
    kind, draw = REFUSALS[which], Random(f"{seed}/{which}/{share}/{number}/refusals")
    patient = Patient(number, seed, _WARM_DAYS + WATCHED_DAYS)
    history, watch, opened = patient.history(), Watch(policies_of(Policy())), 0
    looked = T0 + timedelta(days=_WARM_DAYS)
    for day in range(_WARM_DAYS + WATCHED_DAYS):
        refused_day = draw.random() < share
        moments = sorted(day * DAY + moment(draw) for _ in range(kind.a_day))
        for place, at in enumerate(moments):
            refused = draw.random() < share
            if kind.by_day:
                refused = refused_day and place >= kind.a_day // 4
            when = T0 + timedelta(seconds=at)
            if kind.key == "limit_days":
                outcome = wire.BolusOutcome.DENIED_LIMIT if refused and place == kind.a_day - 1 else None
            else:
                outcome = wire.BolusOutcome.DENIED_LOCKOUT if refused else None
            made = patient.bolus(at)[2].model_copy(update={} if outcome is None else {"outcome": outcome})
            history.add(made, when, patient.pump_id)
            if when >= looked:
                opened += ("bolus_limit", kind.key) in watch.look(history.facts(when, WINDOWS), when)
    return opened


def steps(task: tuple[int, float, int]) -> dict[str, Any]:
    """Demand that is so many times the usual from day 60 to day 120: when the surge opens and closes."""
    number, factor, seed = task
    patient = Patient(number, seed, _STEP_DAY + _STAYS_DAYS + _AFTER_DAYS)
    start, end = _STEP_DAY * DAY, (_STEP_DAY + _STAYS_DAYS) * DAY
    extra = patient.added(start, end, factor, 0.0, Random(f"{seed}/{number}/{factor}/step"))
    begins, ends = T0 + timedelta(seconds=start), T0 + timedelta(seconds=end)
    stream = sorted([*patient.events, *(patient.bolus(at) for at in extra)], key=lambda event: event[0])
    history, watch = patient.history(), Watch(policies_of(Policy()))
    opened_at: list[datetime] = []
    closed_at: list[datetime] = []
    place, looked = ("bolus_demand", "attempts_24h"), begins - timedelta(days=2)
    for at, device, event in stream:
        history.add(event, at, device)
        if at < looked or event.kind not in ("bolus", "reservoir"):
            continue
        was_open = place in watch.open
        watch.look(history.facts(at, WINDOWS), at)
        if at >= begins and not was_open and place in watch.open and at < ends:
            opened_at.append(at)
        elif at >= begins and was_open and place not in watch.open:
            closed_at.append(at)
    return _life(opened_at, closed_at, begins, ends)


def _life(opened_at: list[datetime], closed_at: list[datetime], begins: datetime, ends: datetime) -> dict[str, Any]:
    found = [at for at in opened_at if at < begins + timedelta(days=7)]
    if not found:
        return {"found": False}
    closes = next((at for at in closed_at if at > found[0]), None)
    day = timedelta(days=1)
    return {
        "found": True,
        "openings": len(opened_at),
        "open_days": ((min(closes, ends) if closes else ends) - found[0]) / day,
        "stayed": closes is None or closes >= ends,
        "closed_after": None if closes is None or closes < ends else (closes - ends) / day,
        "never_closed": closes is None,
    }


def find_steady(seed: int, patients: int, lived: Lived) -> dict[str, Any]:
    """The figures: openings in 180 days by kind and share; the life of a surge that goes on, by factor."""
    tasks = [
        (which, share, number, seed) for which in range(len(REFUSALS)) for share in SHARES for number in range(patients)
    ]
    counted: dict[tuple[int, float], list[int]] = defaultdict(list)
    for (which, share, *_), count in zip(tasks, lived([partial(openings, task) for task in tasks]), strict=True):
        counted[which, share].append(count)
    risen = [(number, factor, seed) for factor in FACTORS for number in range(len(CELLS))]
    lives: dict[float, list[dict[str, Any]]] = defaultdict(list)
    for (_, factor, _), life in zip(risen, lived([partial(steps, task) for task in risen]), strict=True):
        lives[factor].append(life)
    return {
        "openings_in_180_days": [
            {
                "what": kind.name,
                "key": kind.key,
                "patients": patients,
                **{f"{share:.0%}": round(sum(counted[which, share]) / patients, 2) for share in SHARES},
            }
            for which, kind in enumerate(REFUSALS)
        ],
        "surge_that_stays_60_days": [_summed(factor, lives[factor]) for factor in FACTORS],
    }


def _summed(factor: float, lives: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = [each for each in lives if each["found"]]
    after = [each["closed_after"] for each in found if each["closed_after"] is not None]
    return {
        "factor": factor,
        "patients": len(lives),
        "found": len(found),
        "stayed_open": sum(each["stayed"] for each in found),
        "median_days_open": round(median(each["open_days"] for each in found), 1) if found else None,
        "openings_each": round(sum(each["openings"] for each in found) / len(found), 2) if found else None,
        "median_days_until_closed_after_the_fall": round(median(after), 1) if after else None,
        "longest_days_until_closed_after_the_fall": round(max(after), 1) if after else None,
        "open_30_days_after_the_fall": sum(each["never_closed"] for each in found),
    }
