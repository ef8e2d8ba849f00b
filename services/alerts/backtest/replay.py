"""PURE. What a policy would have raised on a pump's history: the same decisions, at the times of arrival.

Guarantee: follows from the events, the policy and the times alone, so twice gives the same. Nobody
acknowledges in a replay, so nothing repeats; who is told is who the steps of the routes name at that moment, with
the persons in place of a rota who have the turn then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from schemas.events import Event
from schemas.policy import Policy, Priority
from services.alerts.delivery.escalate import due_steps
from services.alerts.facts.from_events import History
from services.alerts.facts.model import RefusedAlarm
from services.alerts.lifecycle.reconcile import reconcile
from services.alerts.model import (
    PAGING_KINDS,
    OpenAlert,
    Transition,
    TransitionKind,
)
from services.alerts.rules import CALM_FOR, evaluate

_NAMESPACE = UUID("6f1c9d5e-2a7b-5c11-9a53-0d8f6f0f7a10")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One stored event, or an alarm that was refused for its date: when it was received, and from which device."""

    received_at: datetime
    device_id: str
    event: Event | RefusedAlarm


@dataclass(frozen=True, slots=True)
class ReplayedChange:
    """One transition of meaning, and who would have been told at once."""

    at: datetime
    pump_id: str
    clinic_id: str
    rule: str
    key: str
    kind: TransitionKind
    priority: Priority
    notified: tuple[str, ...]
    pages: int = 0
    """How many pages that is: one for each contact, or more where all its channels are used at once."""


def replay(
    history: History,
    arrivals: Iterable[Arrival],
    policy: Policy,
    since: datetime,
    until: datetime,
    *,
    windows: int,
    sweep: timedelta,
    told_by: Callable[[datetime], Policy] | None = None,
) -> Iterator[ReplayedChange]:
    """Go through one pump's arrivals and the sweeps between them; what stands at `since` is not told again.

    Args:
        history: Of the pump, nothing stored in it yet.
        arrivals: In any order; those up to `since` are known at the start.
        policy: The clinic's.
        since: When to begin.
        until: When to end, inclusive.
        windows: How many days the facts reach back.
        sweep: How often the pump is looked at though nothing arrives.
        told_by: The policy with the persons of a moment in it; None: it names none.
    """
    ordered = sorted(arrivals, key=lambda each: (each.received_at, each.event.event_id))
    index = _store(history, ordered, 0, since)
    alerts: dict[tuple[str, str], OpenAlert] = {}
    whom = told_by or (lambda _: policy)
    _decide(history, alerts, policy, since, windows, whom)
    next_sweep = since + sweep
    while True:
        arrives = ordered[index].received_at if index < len(ordered) else until + sweep
        now = min(arrives, next_sweep)
        if now > until:
            return
        index = _store(history, ordered, index, now)
        if now == next_sweep:
            next_sweep += sweep
        yield from _decide(history, alerts, policy, now, windows, whom)


def _store(history: History, ordered: Sequence[Arrival], index: int, until: datetime) -> int:
    while index < len(ordered) and ordered[index].received_at <= until:
        history.add(ordered[index].event, ordered[index].received_at, ordered[index].device_id)
        index += 1
    return index


def _decide(
    history: History,
    alerts: dict[tuple[str, str], OpenAlert],
    policy: Policy,
    now: datetime,
    windows: int,
    told_by: Callable[[datetime], Policy],
) -> list[ReplayedChange]:
    changes = []
    conditions = evaluate(history.facts(now, windows), policy, now)
    flapping = timedelta(minutes=policy.paging.flapping_minutes)
    # A closed alert is kept: its condition may flap. Once it cannot, `reconcile` passes it over and another opens.
    for transition in reconcile(conditions, list(alerts.values()), now, flapping=flapping, calm=CALM_FOR):
        after = _after(transition, history, now)
        planned = due_steps(after, told_by(now), now)
        priorities = [each for each in (after.notified, after.priority if planned else None) if each is not None]
        after = replace(
            after,
            occasions=after.occasions | {each.occasion for each in planned},
            notified=max(priorities, key=lambda each: each.rank, default=None),
        )
        alerts[after.rule, after.key] = after
        if transition.kind is not TransitionKind.REFRESHED:
            pages = planned if transition.kind in PAGING_KINDS else ()
            changes.append(
                ReplayedChange(
                    now,
                    history.pump_id,
                    history.clinic_id,
                    after.rule,
                    after.key,
                    transition.kind,
                    after.priority,
                    tuple(sorted({each.contact for each in pages})),
                    len(pages),
                )
            )
    return changes


def _after(transition: Transition, history: History, now: datetime) -> OpenAlert:
    """The alert as the service would have it after this transition."""
    alert, condition = transition.alert, transition.condition
    if alert is None:
        assert condition is not None  # noqa: S101 - what opens has a condition
        name = f"{history.pump_id}/{condition.rule}/{condition.key}/{now.isoformat()}"
        alert = OpenAlert.opened_by(
            condition, alert_id=uuid5(_NAMESPACE, name), clinic_id=history.clinic_id, pump_id=history.pump_id
        )
    return alert.after(transition, len(alert.pages) + 1, now)
