"""`pumpwatch backtest`: what a policy would have raised on stored history, and how another one differs.

Guarantees: only reads; the decisions are the service's own (services.alerts.backtest.replay); twice gives the same.
Of dense kinds `_REACH` before the beginning is read, more than any rule looks back. The registry is taken as
it is now, and nobody acknowledges.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from schemas import events as wire
from schemas.policy import Policy
from services.alerts.backtest.replay import Arrival, Happened, replay
from services.alerts.facts.from_events import History
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.model import PAGING_KINDS, TransitionKind
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("backtest.sql"))
_REACH: Final = timedelta(days=100)
_SLICE_PUMPS: Final = 100
_DRUGS: Final = TypeAdapter(tuple[wire.Drug, ...])
_PROFILE: Final = TypeAdapter(tuple[wire.ProfileStep, ...])


@dataclass(frozen=True, slots=True)
class Backtest:
    """What one policy makes of the history."""

    pumps: int
    since: datetime
    until: datetime
    happened: tuple[Happened, ...]

    def summary(self) -> dict[str, Any]:
        """Alerts by rule and by week, pages by person: plain values."""
        weeks = (self.until - self.since) / timedelta(weeks=1)
        opened = [each for each in self.happened if each.kind is TransitionKind.OPENED]
        by_week: Counter[str] = Counter(f"{each.at:%G-W%V}" for each in opened)
        return {
            "pumps": self.pumps,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "alerts": len(opened),
            "alerts_per_week": round(len(opened) / weeks, 2) if weeks > 0 else 0.0,
            "alerts_by_rule": dict(sorted(Counter(counted_as(each.rule, each.key) for each in opened).items())),
            "alerts_by_week": dict(sorted(by_week.items())),
            "pages_by_contact": dict(sorted(Counter(name for each in self.happened for name in each.told).items())),
            "paging_events": sum(each.kind in PAGING_KINDS for each in self.happened),
        }


def difference(first: Backtest, second: Backtest) -> dict[str, list[str]]:
    """The alerts that only one of two policies opens, as "time pump rule/key priority"."""
    ours, theirs = ({_line(each) for each in test.happened if _opens(each)} for test in (first, second))
    return {"only_with_policy": sorted(ours - theirs), "only_against": sorted(theirs - ours)}


async def backtest(
    connection: Connection, policy: Policy, since: datetime, until: datetime, *, clinic_id: str | None, sweep: timedelta
) -> Backtest:
    """Replay every enrolled pump (of one clinic, or of all)."""
    pumps = await connection.fetch(QUERIES["pumps"], clinic_id)
    happened: list[Happened] = []
    windows = max(28, policy.bolus_demand.baseline_days)
    for start in range(0, len(pumps), _SLICE_PUMPS):
        some = pumps[start : start + _SLICE_PUMPS]
        arrivals = await load_arrivals(connection, [row["pump_id"] for row in some], since, until)
        for row in some:
            history = History(row["pump_id"], row["clinic_id"], tuple(row["handhelds"]))
            mine = arrivals.get(row["pump_id"], [])
            happened += replay(history, mine, policy, since, until, windows=windows, sweep=sweep)
    happened.sort(key=lambda each: (each.at, each.pump_id, each.rule, each.key))
    return Backtest(len(pumps), since, until, tuple(happened))


async def load_arrivals(
    connection: Connection, pump_ids: Sequence[str], since: datetime, until: datetime
) -> Mapping[str, list[Arrival]]:
    """Read what had been received by `until`, by pump."""
    found: dict[str, list[Arrival]] = defaultdict(list)
    for name in ("readings", "requests", "statuses", "reports"):
        for row in await connection.fetch(QUERIES[name], list(pump_ids), since - _REACH, until):
            found[row["pump_id"]].append(Arrival(row["received_at"], row["device_id"], _event(name, row)))
    for name in ("alarms", "refills", "therapies"):
        for row in await connection.fetch(QUERIES[name], list(pump_ids), until):
            found[row["pump_id"]].append(Arrival(row["received_at"], row["device_id"], _event(name, row)))
    return found


def _event(name: str, row: Any) -> wire.Event:
    """What is stored was checked when it came; here it is only put together again."""
    common = {"event_id": row["event_id"], "observed_at": row["observed_at"]}
    match name:
        case "readings":
            basis = wire.ReadingBasis(row["basis"])
            return wire.Reservoir.model_construct(**common, volume_ml=row["volume_ml"], basis=basis)
        case "requests":
            outcome = wire.BolusOutcome(row["outcome"])
            return wire.Bolus.model_construct(**common, outcome=outcome, dose_mcg=row["dose_mcg"])
        case "statuses":
            return wire.Status.model_construct(**common)
        case "reports":
            complaint = wire.Complaint(row["complaint"])
            return wire.Report.model_construct(**common, complaint=complaint, score=row["score"])
        case "alarms":
            known = row["code"] in frozenset(wire.AlarmCode)
            return wire.Alarm.model_construct(
                **common,
                seq=row["seq"],
                code=wire.AlarmCode(row["code"]) if known else wire.AlarmCode.OTHER,
                state=wire.AlarmState(row["state"]),
                detail=row["detail"] if known else row["code"],
            )
        case "refills":
            return wire.Refill.model_construct(
                **common,
                expected_ml=row["expected_ml"],
                measured_ml=row["measured_ml"],
                filled_ml=row["filled_ml"],
            )
        case _:
            return _therapy(common, row)


def _therapy(common: Mapping[str, Any], row: Any) -> wire.Therapy:
    bolus = None
    if row["bolus_dose_mcg"] is not None or row["bolus_limit_per_24h"] is not None:
        bolus = wire.BolusPrescription.model_construct(
            dose_mcg=row["bolus_dose_mcg"] or 0.0,
            lockout_minutes=row["bolus_lockout_minutes"] or 0,
            limit_per_24h=row["bolus_limit_per_24h"] or 0,
        )
    return wire.Therapy.model_construct(
        **common,
        drugs=_DRUGS.validate_json(row["drugs"]),
        profile=_PROFILE.validate_json(row["profile"]),
        bolus=bolus,
        reservoir_size_ml=row["reservoir_size_ml"],
        low_reservoir_ml=row["low_reservoir_ml"],
        refill_due=row["refill_due"],
    )


def as_json(first: Backtest, second: Backtest | None) -> str:
    """Everything, for `--json`."""
    answer: dict[str, Any] = {"policy": first.summary(), "alerts": [_line(each) for each in first.happened]}
    if second is not None:
        answer |= {"against": second.summary(), "difference": difference(first, second)}
    return json.dumps(answer, indent=1)


def as_lines(first: Backtest, second: Backtest | None) -> Iterator[str]:
    """The same for a person."""
    columns = [first.summary()] + ([second.summary()] if second else [])
    yield f"{columns[0]['pumps']} pumps, {columns[0]['since'][:16]} to {columns[0]['until'][:16]}"
    for name, words in (("alerts", "alerts"), ("alerts_per_week", "alerts a week"), ("paging_events", "pages")):
        yield f"{words:32}" + "".join(f"{column[name]:>12}" for column in columns)
    for group, label in (("alerts_by_rule", ""), ("alerts_by_week", "week "), ("pages_by_contact", "pages to ")):
        for name in sorted({name for column in columns for name in column[group]}):
            yield f"  {label + name:30}" + "".join(f"{column[group].get(name, 0):>12}" for column in columns)
    if second is not None:
        for place, lines in difference(first, second).items():
            yield f"{place.replace('_', ' ')}: {len(lines)}"
            yield from (f"  {line}" for line in lines[:20])


def _opens(each: Happened) -> bool:
    return each.kind is TransitionKind.OPENED


def _line(each: Happened) -> str:
    return f"{each.at.isoformat()} {each.pump_id} {each.rule}/{each.key} {each.kind.value} {each.priority.value}"
