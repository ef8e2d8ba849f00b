"""Put pumps through facts -> evaluate -> reconcile -> one transaction. Whoever wakes it, this is the only way.

Guarantees: two workers never decide about one pump at once (the lock of `pump_evaluations`); a decision and
everything that follows from it (alert, audit row, deliveries) commit together with whatever the caller did
in its transaction, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from schemas.policy import Priority
from services.alerts import store
from services.alerts.escalate import due_deliveries, reaches_nobody
from services.alerts.model import (
    PAGING_KINDS,
    OpenAlert,
    Page,
    PumpFacts,
    Reason,
    Transition,
)
from services.alerts.policies import Policies
from services.alerts.reconcile import reconcile, retire
from services.alerts.rules import evaluate
from services.alerts.rules.device_silent import silent_from
from services.alerts.store import AlertChange, DeliveryRow
from services.alerts.text import page_text
from services.runtime.database import Connection

_SLICE_PUMPS: Final = 500
"""Facts of so many pumps are held in memory at once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one transaction did."""

    pumps: int = 0
    changes: tuple[AlertChange, ...] = ()
    deliveries: int = 0
    unreached: tuple[Priority, ...] = ()
    """Priorities of the alerts that paged with nobody in the policy to be told."""


async def evaluate_pumps(
    connection: Connection,
    pump_ids: Sequence[str],
    policies: Policies,
    now: datetime,
    *,
    public_url: str,
    as_of: datetime | None = None,
) -> Outcome:
    """Evaluate pumps inside the caller's transaction.

    Args:
        connection: In a transaction.
        pump_ids: Ids in any order; unknown ones are left out.
        policies: Every clinic's policy.
        now: The moment of the decision.
        public_url: Where pages point to.
        as_of: For a backtest: only what had been received by then.
    """
    await connection.execute(store.QUERIES["plan_once"])
    due = await store.lock_pumps(connection, pump_ids, now)
    known = sorted(due)
    changes: list[AlertChange] = []
    deliveries, unreached = 0, []
    for start in range(0, len(known), _SLICE_PUMPS):
        some = known[start : start + _SLICE_PUMPS]
        facts = await store.load_facts(connection, some, now, windows=policies.longest_baseline_days, as_of=as_of)
        closed_since = now - policies.longest_flapping
        open_alerts = await store.load_open_alerts(connection, some, closed_since=closed_since)
        decided = [
            change for each in facts for change in decide(each, open_alerts.get(each.pump_id, ()), policies, now)
        ]
        places = await store.apply_changes(connection, decided, now)
        after = list(_after(open_alerts, decided, places, now))
        await store.adopt_bypassed(connection, some, after, now)
        deliveries += await store.insert_deliveries(connection, list(_due(after, policies, now, public_url)), now)
        await store.set_due(connection, dict(_due_again(facts, due, policies, now)))
        unreached += _unreached(decided, policies)
        changes += decided
    return Outcome(len(known), tuple(changes), deliveries, tuple(unreached))


def decide(
    facts: PumpFacts, open_alerts: Sequence[OpenAlert], policies: Policies, now: datetime
) -> Iterator[AlertChange]:
    """What happens to the alerts of one pump. An alert that another clinic opened is closed there."""
    policy = policies.of(facts.clinic_id)
    own = [alert for alert in open_alerts if alert.clinic_id == facts.clinic_id]
    others = [alert for alert in open_alerts if alert.clinic_id != facts.clinic_id]
    moved = retire(others, Reason.PUMP_MOVED)
    if facts.enrolled:
        flapping = timedelta(minutes=policy.paging.flapping_minutes)
        transitions = reconcile(evaluate(facts, policy, now), own, now, flapping=flapping)
    else:
        transitions = retire(own, Reason.PUMP_RETIRED)
    for transition in (*moved, *transitions):
        alert = transition.alert
        clinic_id = alert.clinic_id if alert else facts.clinic_id
        yield AlertChange(
            alert_id=alert.alert_id if alert else uuid4(),
            clinic_id=clinic_id,
            pump_id=facts.pump_id,
            transition=transition,
            policy_version=policies.version_of(clinic_id),
        )


def _due_again(
    facts: Sequence[PumpFacts], due: Mapping[str, datetime | None], policies: Policies, now: datetime
) -> Iterator[tuple[str, datetime | None]]:
    """When pumps must be looked at again, if that is earlier than is known, or is over.

    A clock that rings too early costs one look; one that is moved with every message, a write for each.
    """
    for each in facts:
        known = due[each.pump_id]
        again = silent_from(each, policies.of(each.clinic_id), now) if each.enrolled else None
        over = known is not None and known <= now
        if over or (again is not None and (known is None or again < known)):
            yield each.pump_id, again


def _after(
    open_alerts: dict[str, list[OpenAlert]],
    changes: Sequence[AlertChange],
    places: dict[UUID, int],
    now: datetime,
) -> Iterator[OpenAlert]:
    """The alerts as they are now, each with the page that its change began."""
    by_alert = {change.alert_id: change for change in changes}
    for alerts in open_alerts.values():
        for alert in alerts:
            change = by_alert.pop(alert.alert_id, None)
            yield alert if change is None else _changed(alert, change, places, now)
    for change in by_alert.values():
        yield _changed(_opened(change), change, places, now)


def _opened(change: AlertChange) -> OpenAlert:
    condition = change.transition.condition
    if condition is None:
        msg = f"alert {change.alert_id} opens without a condition"
        raise ValueError(msg)
    return OpenAlert.opened_by(condition, alert_id=change.alert_id, clinic_id=change.clinic_id, pump_id=change.pump_id)


def _changed(alert: OpenAlert, change: AlertChange, places: dict[UUID, int], now: datetime) -> OpenAlert:
    transition = change.transition
    condition = transition.condition
    pages = alert.pages
    if transition.kind in PAGING_KINDS:
        pages = (*pages, Page.after(transition, places[alert.alert_id], now))
    return replace(
        alert,
        state=transition.to_state,
        priority=transition.priority,
        title=condition.title if condition else alert.title,
        explanation=condition.explanation if condition else alert.explanation,
        pages=pages,
    )


def _due(alerts: Sequence[OpenAlert], policies: Policies, now: datetime, public_url: str) -> Iterator[DeliveryRow]:
    for alert in alerts:
        policy = policies.of(alert.clinic_id)
        for planned in due_deliveries(alert, policy, now):
            text = page_text(
                alert,
                planned.occasion,
                alert.priority,
                public_url,
                include_patient_data=policy.include_patient_data,
            )
            yield DeliveryRow(alert, planned, alert.priority, text)


def _unreached(changes: Sequence[AlertChange], policies: Policies) -> list[Priority]:
    return [
        change.transition.priority
        for change in changes
        if _pages(change.transition) and reaches_nobody(policies.of(change.clinic_id), change.transition.priority)
    ]


def _pages(transition: Transition) -> bool:
    return transition.kind in PAGING_KINDS and transition.reason is not Reason.CONDITION_FLAPPED
