"""PURE. From the conditions that hold and the alerts that are open to what happens to each alert.

Guarantees: at most one transition for an alert; the same input gives the same answer, so a repeated or
concurrent evaluation changes nothing more; every transition has a reason; no alert ends while its condition
lingers (a gap in the data clears nothing).

| the alert is | condition: none               | HOLDING | FULL                                            |
| ------------ | ----------------------------- | --------- | ------------------------------------------------|
| not there    | -                             | -         | opened                                          |
| active       | closed; if ever high: cleared | -         | raised, lowered or refreshed                    |
| acknowledged | closed                        | expired   | raised or expired: active again; else refreshed |
| cleared      | -                             | -         | returned: active again                          |
| closed, just | -                             | -         | flapping: returned; else another opens          |
| resolved     | -                             | -         | -                                               |

**An acknowledgement expires** while its condition holds, lingers, or cannot be judged: the alert is active again, and
somebody is told. As far as anybody knows it is still so.

Where a cause is named in `calm`, its alert ends only when the condition was gone at every look for so long: for that
time it stays as it is, and an acknowledgement does not expire.

An acknowledged alert is never lowered: what a person took at high does not page them again by flapping.

A condition **flaps** when it returns within the policy's `flapping_minutes`, somebody was told of it at this priority
or a higher one, and nobody has acknowledged: then it is the same alert, without a new page; its steps go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import assert_never

from schemas.policy import Priority
from schemas.topics import DRILL
from services.alerts.errors import Refused
from services.alerts.model import (
    AlertState,
    Condition,
    OpenAlert,
    Reason,
    Strength,
    Transition,
    TransitionKind,
)
from services.people.model import Actor
from services.texts.model import msgid


def reconcile(
    conditions: Iterable[Condition],
    open_alerts: Iterable[OpenAlert],
    now: datetime,
    *,
    flapping: timedelta = timedelta(0),
    calm: Mapping[tuple[str, str], timedelta] = MappingProxyType({}),
) -> tuple[Transition, ...]:
    """Decide for one pump.

    Args:
        conditions: What the rules say now.
        open_alerts: May hold those that closed within `flapping`, and holds every resolved one.
        now: The moment of the decision.
        flapping: What returns within it is the same alert.
        calm: By (rule, key), for how long a condition must be gone before its alert ends; otherwise at once.
    """
    wanted = {(condition.rule.value, condition.key): condition for condition in conditions}
    transitions = []
    for alert in sorted(open_alerts, key=lambda each: each.state is AlertState.CLOSED):
        condition = wanted.get((alert.rule, alert.key))
        if alert.resolved_by is not None:
            wanted.pop((alert.rule, alert.key), None)
            continue
        if alert.state is AlertState.CLOSED and not (condition and _flaps(alert, condition, now, flapping)):
            continue
        wanted.pop((alert.rule, alert.key), None)
        gone_for = calm.get((alert.rule, alert.key), timedelta(0))
        transition = _next(alert, condition, now, flapping, gone_for)
        if transition is not None:
            transitions.append(transition)
    transitions.extend(
        Transition(
            kind=TransitionKind.OPENED,
            reason=Reason.CONDITION_BEGAN,
            alert=None,
            condition=condition,
            to_state=AlertState.ACTIVE,
            priority=condition.priority,
        )
        for condition in wanted.values()
        if condition.strength is Strength.FULL
    )
    return tuple(transitions)


def retire(open_alerts: Iterable[OpenAlert], reason: Reason) -> tuple[Transition, ...]:
    """Close every alert of a pump that is no longer this clinic's to watch."""
    return tuple(
        Transition(TransitionKind.CLOSED, reason, alert, None, AlertState.CLOSED, alert.priority)
        for alert in open_alerts
        if alert.state is not AlertState.CLOSED
    )


def expired(alert: OpenAlert, now: datetime) -> Transition | None:
    """What time alone does to an alert of which nothing new is known: its acknowledgement ends. None: it has not."""
    if not alert.acknowledgement_is_over(now):
        return None
    kind, reason = TransitionKind.ACKNOWLEDGEMENT_EXPIRED, Reason.CONDITION_PERSISTS
    return Transition(kind, reason, alert, None, AlertState.ACTIVE, alert.priority)


def acknowledge(alert: OpenAlert, by: Actor) -> Transition | None:
    """A person takes the alert. None: the same person already has it, so nothing happens.

    A cleared alert has now been seen, and closes.

    Raises:
        Refused: Somebody else has it, or it is closed.
    """
    match alert.state:
        case AlertState.ACTIVE:
            return Transition(
                TransitionKind.ACKNOWLEDGED,
                Reason.PERSON_TOOK_IT,
                alert,
                None,
                AlertState.ACKNOWLEDGED,
                alert.priority,
            )
        case AlertState.CLEARED:
            return Transition(
                TransitionKind.CLOSED, Reason.PERSON_SAW_IT, alert, None, AlertState.CLOSED, alert.priority
            )
        case AlertState.ACKNOWLEDGED | AlertState.CLOSED if alert.acknowledged_by_id == by.id:
            return None
        case AlertState.ACKNOWLEDGED:
            raise Refused(msgid("%(who)s has already acknowledged this alert"), who=alert.acknowledged_by)
        case AlertState.CLOSED:
            raise Refused(msgid("this alert is closed: its condition has ended"))
        case never:
            assert_never(never)


def _next(
    alert: OpenAlert, condition: Condition | None, now: datetime, flapping: timedelta, gone_for: timedelta
) -> Transition | None:
    if condition is None:
        return _calms(alert, now) if _may_calm(alert, now, gone_for) else _ended(alert)
    match condition.strength:
        case Strength.HOLDING:
            return expired(alert, now) or _stirs(alert)
        case Strength.FULL:
            return _persists(alert, condition, now, flapping)
        case never:
            assert_never(never)


def _may_calm(alert: OpenAlert, now: datetime, gone_for: timedelta) -> bool:
    is_open = alert.state in {AlertState.ACTIVE, AlertState.ACKNOWLEDGED}
    return is_open and now - (alert.calm_since or now) < gone_for


def _calms(alert: OpenAlert, now: datetime) -> Transition | None:
    if alert.calm_since is not None:
        return None
    kind, reason = TransitionKind.REFRESHED, Reason.CONDITION_CALM
    return Transition(kind, reason, alert, None, alert.state, alert.priority, calm_since=now)


def _stirs(alert: OpenAlert) -> Transition | None:
    if alert.calm_since is None or alert.state not in {AlertState.ACTIVE, AlertState.ACKNOWLEDGED}:
        return None
    return Transition(TransitionKind.REFRESHED, Reason.CONDITION_CHANGED, alert, None, alert.state, alert.priority)


def _ended(alert: OpenAlert) -> Transition | None:
    match alert.state:
        case AlertState.ACTIVE if alert.peak is Priority.HIGH and alert.clinic_id != DRILL:  # a drill nobody must see
            kind, to_state = TransitionKind.CLEARED, AlertState.CLEARED
        case AlertState.ACTIVE | AlertState.ACKNOWLEDGED:
            kind, to_state = TransitionKind.CLOSED, AlertState.CLOSED
        case AlertState.CLEARED | AlertState.CLOSED:
            return None
        case never:
            assert_never(never)
    return Transition(kind, Reason.CONDITION_ENDED, alert, None, to_state, alert.priority)


def _persists(alert: OpenAlert, condition: Condition, now: datetime, flapping: timedelta) -> Transition | None:
    active = AlertState.ACTIVE
    rise = condition.priority.rank - alert.priority.rank
    match alert.state:
        case AlertState.ACTIVE | AlertState.ACKNOWLEDGED if rise > 0:
            kind, reason = TransitionKind.PRIORITY_RAISED, Reason.CONDITION_WORSENED
        case AlertState.ACTIVE if rise < 0:
            kind, reason = TransitionKind.PRIORITY_LOWERED, Reason.CONDITION_EASED
        case AlertState.ACKNOWLEDGED if alert.acknowledgement_is_over(now):
            kind, reason = TransitionKind.ACKNOWLEDGEMENT_EXPIRED, Reason.CONDITION_PERSISTS
        case AlertState.ACTIVE | AlertState.ACKNOWLEDGED:
            return _refreshed(alert, condition)
        case AlertState.CLEARED | AlertState.CLOSED:
            flaps = _flaps(alert, condition, now, flapping)
            kind, reason = TransitionKind.RETURNED, Reason.CONDITION_FLAPPED if flaps else Reason.CONDITION_RETURNED
        case never:
            assert_never(never)
    return Transition(kind, reason, alert, condition, active, condition.priority)


def _flaps(alert: OpenAlert, condition: Condition, now: datetime, flapping: timedelta) -> bool:
    return (
        condition.strength is Strength.FULL
        and alert.ended_at is not None
        and now - alert.ended_at < flapping
        and alert.acknowledged_by is None
        and alert.accepted_by is None
        and alert.notified is not None
        and condition.priority.rank <= alert.notified.rank
    )


def _refreshed(alert: OpenAlert, condition: Condition) -> Transition | None:
    same = (
        alert.title == condition.title
        and alert.explanation == condition.explanation
        and alert.evidence == condition.evidence
        and alert.since <= condition.since
        and alert.calm_since is None
    )
    if same:
        return None
    return Transition(
        TransitionKind.REFRESHED,
        Reason.CONDITION_CHANGED,
        alert,
        condition,
        alert.state,
        alert.priority,
    )
