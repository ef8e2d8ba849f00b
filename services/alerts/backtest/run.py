"""`pumpwatch backtest`: what a policy would have raised on stored history, and how another one differs.

Guarantees: only reads; the decisions are the service's own (services.alerts.backtest.replay); twice gives the same.
Registry, persons and rotas are taken as they are now, and nobody acknowledges; a level of demand that a person accepted
is the new one from that moment on. A page is counted where one would have gone out at once to somebody: not the steps
for when nobody answers, and whether it would have been held (a silence, quiet hours) is not asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.parts.paging import PERSON
from schemas.policy import Policy, Priority
from services.alerts.backtest import store
from services.alerts.backtest.replay import ReplayedChange, replay
from services.alerts.delivery.escalate import reaches_nobody
from services.alerts.facts.from_events import History
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.model import PAGING_KINDS, TransitionKind
from services.alerts.wording import ALARM_SIGN, moment, rule_words
from services.people.rota.effective import NOBODY, holds_until, needs_people, resolve
from services.people.rota.people import ClinicPeople
from services.people.rota.store import load_everybody
from services.runtime.database import Connection

_SLICE_PUMPS: Final = 100
_LONGEST: Final = timedelta(days=1)
_NAME: Final = 34
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Backtest:
    """What one policy makes of the history."""

    pumps: int
    since: datetime
    until: datetime
    changes: tuple[ReplayedChange, ...]
    names_nobody_for: tuple[str, ...] = ()
    """The priorities for which the policy names nobody, the highest first."""

    @property
    def opened(self) -> list[ReplayedChange]:
        """The alerts."""
        return [each for each in self.changes if each.kind is TransitionKind.OPENED]

    def summary(self) -> dict[str, Any]:
        """Alerts by rule and by week, pages by person: plain values."""
        weeks = (self.until - self.since) / timedelta(weeks=1)
        opened = self.opened
        by_week: Counter[str] = Counter(f"{each.at:%G-W%V}" for each in opened)
        return {
            "pumps": self.pumps,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "alerts": len(opened),
            "alerts_per_week": round(len(opened) / weeks, 2) if weeks > 0 else 0.0,
            "alerts_by_rule": dict(sorted(Counter(counted_as(each.rule, each.key) for each in opened).items())),
            "alerts_by_week": dict(sorted(by_week.items())),
            "pages": sum(each.pages for each in self.changes),
            "pages_by_contact": dict(sorted(Counter(name for each in self.changes for name in each.notified).items())),
            "paging_events": sum(each.kind in PAGING_KINDS for each in self.changes),
            "names_nobody_for": list(self.names_nobody_for),
        }


def difference(first: Backtest, second: Backtest) -> dict[str, list[str]]:
    """The alerts that only one of two policies opens, as "time pump rule/key priority"."""
    return {
        "only_with_policy": [_line(each) for each in _only(first, second)],
        "only_against": [_line(each) for each in _only(second, first)],
    }


async def backtest(
    connection: Connection,
    policy: Policy,
    since: datetime,
    until: datetime,
    *,
    clinic_id: str | None,
    sweep: timedelta,
    tell: Callable[[int, int], None] = lambda _done, _of: None,
) -> Backtest:
    """Replay every implanted pump (of one clinic, or of all), since it is in this patient and with this clinic.

    `tell` is told how many pumps are done, of how many.
    """
    pumps = await store.load_pumps(connection, clinic_id)
    people = (await load_everybody(connection, until)).get(policy.clinic_id, NOBODY)
    told_by = _as_it_held(policy, people)
    changes: list[ReplayedChange] = []
    windows = max(28, policy.bolus_demand.baseline_days)
    for start in range(0, len(pumps), _SLICE_PUMPS):
        some = pumps[start : start + _SLICE_PUMPS]
        arrivals = await store.load_arrivals(connection, [pump.pump_id for pump in some], since, until)
        accepted = await store.load_acceptances(connection, [pump.pump_id for pump in some], until)
        visits = await store.load_visits(connection, [pump.pump_id for pump in some], until)
        for number, pump in enumerate(some, start):
            tell(number, len(pumps))
            history = History(pump.pump_id, pump.clinic_id, pump.handhelds, pump.implanted_at)
            history.accepted += accepted.get(pump.pump_id, [])
            history.visits += visits.get(pump.pump_id, [])
            mine = arrivals.get(pump.pump_id, [])
            begin = since if pump.watched_since is None else max(since, pump.watched_since)
            changes += replay(history, mine, policy, begin, until, windows=windows, sweep=sweep, told_by=told_by)
    changes.sort(key=lambda each: (each.at, each.pump_id, each.rule, each.key))
    by_rank = sorted(Priority, key=lambda each: -each.rank)
    nobody = tuple(each.value for each in by_rank if reaches_nobody(policy, each))
    return Backtest(len(pumps), since, until, tuple(changes), nobody)


def _as_it_held(policy: Policy, people: ClinicPeople) -> Callable[[datetime], Policy]:
    """The policy with the persons of a moment in it. What held last is looked at first: moments come in order."""
    if not needs_people(policy):
        return lambda _: policy
    held, since, until = policy, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)

    def at(now: datetime) -> Policy:
        nonlocal held, since, until
        if not since <= now < until:
            held, since = resolve(policy, people, now).policy, now
            until = holds_until(policy, people, now, now + _LONGEST)
        return held

    return at


def as_json(first: Backtest, second: Backtest | None) -> str:
    """Everything, for `--json`."""
    answer: dict[str, Any] = {"policy": first.summary(), "alerts": [_line(each) for each in first.changes]}
    if second is not None:
        answer |= {"against": second.summary(), "difference": difference(first, second)}
    return json.dumps(answer, indent=1)


def as_lines(first: Backtest, second: Backtest | None) -> Iterator[str]:
    """The same for a person."""
    tests = [first] + ([second] if second else [])
    columns = [each.summary() for each in tests]
    yield f"{_count(first.pumps, 'pump')}, {moment(first.since)} to {moment(first.until)}"
    for name, each in zip(("policy", "against"), tests, strict=False):
        yield f"{f'{name}: ' if second else ''}{in_one_line(each)}"
    yield ""
    yield _row("in all", ["policy", "against"] if second else [""]).rstrip()
    for name, words in (("alerts", "alerts"), ("alerts_per_week", "alerts a week"), ("pages", "pages at once")):
        yield _row(f"  {words}", [column[name] for column in columns])
    yield from _group("alerts by rule", "alerts_by_rule", columns, _named)
    yield from _group("alerts by week", "alerts_by_week", columns, str)
    yield from _group("pages at once, by whom they are for", "pages_by_contact", columns, _whom)
    if second is not None:
        for which, found in (
            ("only with policy", _only(first, second)),
            ("only against", _only(second, first)),
        ):
            yield ""
            yield f"{which}: {_count(len(found), 'alert')}"
            for alert in found[:_SHOWN]:
                about = _named(counted_as(alert.rule, alert.key))
                yield f"  {moment(alert.at)}  {alert.pump_id}  {alert.priority.value}  {about}"
            if len(found) > _SHOWN:
                yield f"  ... and {len(found) - _SHOWN} more: --json has them all"


def in_one_line(found: Backtest) -> str:
    """How many alerts and pages, and for whom nobody is named."""
    alerts, pages = len(found.opened), sum(each.pages for each in found.changes)
    said = f"{_count(alerts, 'alert')}, {_count(pages, 'page')}"
    nobody = Counter(str(each.priority.value) for each in found.opened if each.priority.value in found.names_nobody_for)
    if len(found.names_nobody_for) == len(Priority):
        return f"{said}: this policy names nobody"
    if not nobody:
        return said
    named = ", ".join(f"{nobody[each]} {each}" for each in found.names_nobody_for if nobody[each])
    return f"{said}; for {_count(nobody.total(), 'alert')} this policy names nobody ({named})"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _group(title: str, group: str, columns: list[dict[str, Any]], words: Callable[[str], str]) -> Iterator[str]:
    names = sorted({name for column in columns for name in column[group]})
    if names:
        yield ""
        yield title
    for name in names:
        yield _row(f"  {words(name)}", [column[group].get(name, 0) for column in columns])


def _row(words: str, values: list[Any]) -> str:
    return f"{words:{_NAME}}" + "".join(f"{value:>12}" for value in values)


def _named(counted: str) -> str:
    """What alerts count under, as the board calls it."""
    rule, _, key = counted.partition("/")
    about = key.removeprefix(ALARM_SIGN).replace("_", " ")
    words = rule_words(rule, key)
    return f"{words}: {about}" if about and about != "device" else words


def _whom(contact: str) -> str:
    return contact.removeprefix(PERSON)


def _only(first: Backtest, second: Backtest) -> list[ReplayedChange]:
    """The alerts that the first opens and the second does not."""
    theirs = {_line(each) for each in second.opened}
    return [each for each in first.opened if _line(each) not in theirs]


def _line(each: ReplayedChange) -> str:
    return f"{each.at.isoformat()} {each.pump_id} {each.rule}/{each.key} {each.kind.value} {each.priority.value}"
