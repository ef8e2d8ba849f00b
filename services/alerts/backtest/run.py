"""`pumpwatch backtest`: what a policy would have raised on stored history, and how another one differs.

Guarantees: only reads; the decisions are the service's own (services.alerts.backtest.replay); twice gives the same.
The registry is taken as
it is now, and nobody acknowledges; a level of demand that a person accepted is the new one from that moment on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.policy import Policy
from services.alerts.backtest import store
from services.alerts.backtest.replay import ReplayedChange, replay
from services.alerts.facts.from_events import History
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.model import PAGING_KINDS, TransitionKind
from services.runtime.database import Connection

_SLICE_PUMPS: Final = 100


@dataclass(frozen=True, slots=True)
class Backtest:
    """What one policy makes of the history."""

    pumps: int
    since: datetime
    until: datetime
    changes: tuple[ReplayedChange, ...]

    def summary(self) -> dict[str, Any]:
        """Alerts by rule and by week, pages by person: plain values."""
        weeks = (self.until - self.since) / timedelta(weeks=1)
        opened = [each for each in self.changes if each.kind is TransitionKind.OPENED]
        by_week: Counter[str] = Counter(f"{each.at:%G-W%V}" for each in opened)
        return {
            "pumps": self.pumps,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "alerts": len(opened),
            "alerts_per_week": round(len(opened) / weeks, 2) if weeks > 0 else 0.0,
            "alerts_by_rule": dict(sorted(Counter(counted_as(each.rule, each.key) for each in opened).items())),
            "alerts_by_week": dict(sorted(by_week.items())),
            "pages_by_contact": dict(sorted(Counter(name for each in self.changes for name in each.notified).items())),
            "paging_events": sum(each.kind in PAGING_KINDS for each in self.changes),
        }


def difference(first: Backtest, second: Backtest) -> dict[str, list[str]]:
    """The alerts that only one of two policies opens, as "time pump rule/key priority"."""
    ours, theirs = ({_line(each) for each in test.changes if _opens(each)} for test in (first, second))
    return {"only_with_policy": sorted(ours - theirs), "only_against": sorted(theirs - ours)}


async def backtest(
    connection: Connection, policy: Policy, since: datetime, until: datetime, *, clinic_id: str | None, sweep: timedelta
) -> Backtest:
    """Replay every implanted pump (of one clinic, or of all), since it is in this patient and with this clinic."""
    pumps = await store.load_pumps(connection, clinic_id)
    changes: list[ReplayedChange] = []
    windows = max(28, policy.bolus_demand.baseline_days)
    for start in range(0, len(pumps), _SLICE_PUMPS):
        some = pumps[start : start + _SLICE_PUMPS]
        arrivals = await store.load_arrivals(connection, [pump.pump_id for pump in some], since, until)
        accepted = await store.load_acceptances(connection, [pump.pump_id for pump in some], until)
        visits = await store.load_visits(connection, [pump.pump_id for pump in some], until)
        for pump in some:
            history = History(pump.pump_id, pump.clinic_id, pump.handhelds, pump.implanted_at)
            history.accepted += accepted.get(pump.pump_id, [])
            history.visits += visits.get(pump.pump_id, [])
            mine = arrivals.get(pump.pump_id, [])
            begin = since if pump.watched_since is None else max(since, pump.watched_since)
            changes += replay(history, mine, policy, begin, until, windows=windows, sweep=sweep)
    changes.sort(key=lambda each: (each.at, each.pump_id, each.rule, each.key))
    return Backtest(len(pumps), since, until, tuple(changes))


def as_json(first: Backtest, second: Backtest | None) -> str:
    """Everything, for `--json`."""
    answer: dict[str, Any] = {"policy": first.summary(), "alerts": [_line(each) for each in first.changes]}
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
        for which, lines in difference(first, second).items():
            yield f"{which.replace('_', ' ')}: {len(lines)}"
            yield from (f"  {line}" for line in lines[:20])


def _opens(each: ReplayedChange) -> bool:
    return each.kind is TransitionKind.OPENED


def _line(each: ReplayedChange) -> str:
    return f"{each.at.isoformat()} {each.pump_id} {each.rule}/{each.key} {each.kind.value} {each.priority.value}"
