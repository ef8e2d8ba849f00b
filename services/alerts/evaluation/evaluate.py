"""Put pumps through facts -> evaluate -> reconcile -> one transaction. Whoever wakes it, this is the only way.

Guarantees: two workers never decide about one pump at once (the lock of `pump_evaluations`); a decision and
everything that follows from it (alert, audit row, deliveries) commit together with whatever the caller did
in its transaction, or not at all; a pump that cannot be judged, whatever the reason, keeps its alerts, is told of and
tried again, and no other pump waits for it (docs/decisions/0011-one-bad-pump.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog

from schemas.policy import Priority
from services.alerts.delivery.escalate import due_deliveries, reaches_nobody
from services.alerts.delivery.page_text import page_text
from services.alerts.delivery.store import DeliveryRow, insert_deliveries, insert_notices
from services.alerts.evaluation import store
from services.alerts.evaluation.unjudged import unjudged, unjudged_notices
from services.alerts.facts.model import PumpFacts
from services.alerts.facts.store import load_facts
from services.alerts.lifecycle.reconcile import expired, reconcile, retire
from services.alerts.lifecycle.store import AlertChange, apply_changes, load_open_alerts
from services.alerts.model import PAGING_KINDS, OpenAlert, Reason, RuleName, Transition
from services.alerts.outage.store import adopt_bypassed
from services.alerts.policies import Policies
from services.alerts.rules import CALM_FOR, evaluate
from services.alerts.rules.device_silent import silent_from
from services.alerts.rules.reservoir.refill_dates import refill_dates
from services.runtime.backoff import backoff_seconds
from services.runtime.database import Connection
from services.runtime.isolation import Failure, apart, described
from services.texts.catalogue import texts_in

_SLICE_PUMPS: Final = 500
"""Facts of so many pumps are held in memory at once."""
_COME_BY_LASTS: Final = timedelta(hours=6)
"""By when patients should come sorts a list of days: it is computed and written four times a day, not at each look."""
_TRY_AGAIN_SECONDS: Final = 60.0
"""A pump that cannot be judged is tried again at least this often."""

BeforeWriting = Callable[[Connection, Sequence[str]], Awaitable[None]]
"""Called in the transaction, before anything about these pumps is written."""

log = structlog.get_logger()


async def nothing_before(_connection: Connection, _pump_ids: Sequence[str]) -> None:
    """Nothing is to be done before."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one transaction did."""

    pumps: int = 0
    changes: tuple[AlertChange, ...] = ()
    deliveries: int = 0
    unreached: tuple[Priority, ...] = ()
    """Priorities of the alerts that paged with nobody in the policy to be told."""
    unjudged: tuple[str, ...] = ()
    """Pumps that could not be evaluated; somebody is told, and they are tried again."""

    def __add__(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            self.pumps + other.pumps,
            self.changes + other.changes,
            self.deliveries + other.deliveries,
            self.unreached + other.unreached,
            self.unjudged + other.unjudged,
        )


async def evaluate_pumps(
    connection: Connection,
    pump_ids: Sequence[str],
    policies: Policies,
    now: datetime,
    *,
    public_url: str,
    before_writing: BeforeWriting = nothing_before,
) -> Outcome:
    """Evaluate pumps inside the caller's transaction.

    Args:
        connection: In a transaction.
        pump_ids: Ids in any order; unknown ones are left out.
        policies: Every clinic's policy.
        now: The moment of the decision.
        public_url: Where pages point to.
        before_writing: See `BeforeWriting`.
    """
    await store.plan_once(connection)
    locked = await store.lock_pumps(connection, pump_ids, now)
    sound = sorted(pump_id for pump_id, each in locked.items() if not each.failures)
    outcome = Outcome()

    async def judge(some: Sequence[str]) -> Outcome:
        held = {pump_id: locked[pump_id] for pump_id in some}
        return await _judge(connection, held, policies, now, public_url=public_url, before_writing=before_writing)

    slices = [sound[start : start + _SLICE_PUMPS] for start in range(0, len(sound), _SLICE_PUMPS)]
    # One that failed before is tried by itself, so that the others need no second try because of it.
    for some in (*slices, *([pump_id] for pump_id in sorted(locked.keys() - set(sound)))):
        done, failed = await apart(connection, some, judge)
        outcome = sum(done, outcome)
        for failure in failed:
            failures = locked[failure.item].failures + 1
            outcome += await cannot_judge(
                connection, failure, failures, policies, now, public_url=public_url, before_writing=before_writing
            )
    await store.count_failures(connection, [each for each in locked if locked[each].failures], outcome.unjudged)
    return outcome


async def _judge(
    connection: Connection,
    held: Mapping[str, store.LockedPump],
    policies: Policies,
    now: datetime,
    *,
    public_url: str,
    before_writing: BeforeWriting,
) -> Outcome:
    some = list(held)
    facts = await load_facts(connection, some, now, windows=policies.longest_baseline_days)
    closed_since = now - policies.longest_flapping
    open_alerts = await load_open_alerts(connection, some, closed_since=closed_since)
    decided = [change for each in facts for change in decide(each, open_alerts.get(each.pump_id, ()), policies, now)]
    deliveries = await write_down(
        connection, some, open_alerts, decided, policies, now, public_url=public_url, before_writing=before_writing
    )
    await store.set_due(connection, dict(_due_again(facts, held, policies, now)))
    await store.set_come_by(connection, dict(come_by_again(facts, held, policies, now)), now)
    return Outcome(len(some), tuple(decided), deliveries, tuple(_unreached(decided, policies)))


async def write_down(
    connection: Connection,
    pump_ids: Sequence[str],
    open_alerts: dict[str, list[OpenAlert]],
    decided: Sequence[AlertChange],
    policies: Policies,
    now: datetime,
    *,
    public_url: str,
    before_writing: BeforeWriting,
) -> int:
    """Write what was decided, and the pages that are due by now; returns how many pages are new."""
    await before_writing(connection, pump_ids)
    positions = await apply_changes(connection, decided, now)
    after = list(_after(open_alerts, decided, positions, now))
    await adopt_bypassed(connection, pump_ids, after, now)
    return await insert_deliveries(connection, list(_due(after, policies, now, public_url)), now)


async def cannot_judge(
    connection: Connection,
    failure: Failure[str],
    failures: int,
    policies: Policies,
    now: datetime,
    *,
    public_url: str,
    before_writing: BeforeWriting,
) -> Outcome:
    """Leave a pump's alerts as they are, tell its clinic that it is not being watched, and try it again later."""
    pump_id, error = failure.item, described(failure.error)
    log.error("pump_not_judged", pump_id=pump_id, failures=failures, error=error, exc_info=failure.error)
    clinic_id = await store.clinic_of(connection, pump_id)

    async def open_an_alert(_: Sequence[str]) -> Outcome:
        open_alerts = await load_open_alerts(connection, [pump_id])
        alerts = open_alerts.get(pump_id, ())
        own = [alert for alert in alerts if alert.rule == RuleName.PUMP_UNJUDGED]
        others = (expired(alert, now) for alert in alerts if alert.rule != RuleName.PUMP_UNJUDGED)
        decided = [
            _change(transition, pump_id, clinic_id, policies)
            for transition in (*reconcile((unjudged(error, now),), own, now), *others)
            if transition is not None
        ]
        pages = await write_down(
            connection,
            [pump_id],
            open_alerts,
            decided,
            policies,
            now,
            public_url=public_url,
            before_writing=before_writing,
        )
        return Outcome(1, tuple(decided), pages, tuple(_unreached(decided, policies)), (pump_id,))

    async def send_a_notice(_: Sequence[str]) -> Outcome:
        notices = list(unjudged_notices(pump_id, policies.of(clinic_id), clinic_id, now, public_url, texts_in))
        return Outcome(1, deliveries=await insert_notices(connection, notices, now), unjudged=(pump_id,))

    for tell in (open_an_alert, send_a_notice):  # the second where even an alert cannot be written
        outcomes, failed = await apart(connection, [pump_id], tell)
        if outcomes:
            break
        log.error("pump_not_judged_not_told", pump_id=pump_id, error=described(failed[0].error))
    wait = timedelta(seconds=backoff_seconds(failures, first_seconds=2.0, longest_seconds=_TRY_AGAIN_SECONDS))
    await store.set_due(connection, {pump_id: now + wait})
    return outcomes[0] if outcomes else Outcome(1, unjudged=(pump_id,))


def decide(
    facts: PumpFacts, open_alerts: Sequence[OpenAlert], policies: Policies, now: datetime
) -> Iterator[AlertChange]:
    """What happens to the alerts of one pump. One of another clinic, or of the patient before, is closed there."""
    policy = policies.of(facts.clinic_id)
    own = [alert for alert in open_alerts if alert.clinic_id == facts.clinic_id]
    others = [alert for alert in open_alerts if alert.clinic_id != facts.clinic_id]
    moved = retire(others, Reason.PUMP_MOVED)
    if facts.enrolled:
        ended = [alert for alert in own if _is_of_another_patient(alert, facts)]
        own = [alert for alert in own if not _is_of_another_patient(alert, facts)]
        moved += retire(ended, Reason.PUMP_IMPLANTED if facts.implanted else Reason.PUMP_EXPLANTED)
        flapping = timedelta(minutes=policy.paging.flapping_minutes)
        transitions = reconcile(evaluate(facts, policy, now), own, now, flapping=flapping, calm=CALM_FOR)
    else:
        transitions = retire(own, Reason.PUMP_RETIRED)
    for transition in (*moved, *transitions):
        yield _change(transition, facts.pump_id, facts.clinic_id, policies, facts.implantation)


def _is_of_another_patient(alert: OpenAlert, facts: PumpFacts) -> bool:
    """Tell whether an alert is about the time before the pump was implanted or explanted."""
    return alert.implantation != facts.implantation and alert.rule != RuleName.PUMP_UNJUDGED


def _change(
    transition: Transition, pump_id: str, clinic_id: str, policies: Policies, implantation: int | None = None
) -> AlertChange:
    alert = transition.alert
    clinic_id = alert.clinic_id if alert else clinic_id
    return AlertChange(
        alert_id=alert.alert_id if alert else uuid4(),
        clinic_id=clinic_id,
        pump_id=pump_id,
        transition=transition,
        policy_version=policies.version_of(clinic_id),
        implantation=implantation,
    )


def _due_again(
    facts: Sequence[PumpFacts], held: Mapping[str, store.LockedPump], policies: Policies, now: datetime
) -> Iterator[tuple[str, datetime | None]]:
    """When pumps must be looked at again, if that is earlier than is known, or is over.

    A clock that rings too early costs one look; one that is moved with every message, a write for each.
    """
    for each in facts:
        known = held[each.pump_id].due_at
        again = silent_from(each, policies.of(each.clinic_id), now) if each.enrolled and each.implanted else None
        over = known is not None and known <= now
        if over or (again is not None and (known is None or again < known)):
            yield each.pump_id, again


def come_by_again(
    facts: Sequence[PumpFacts], held: Mapping[str, store.LockedPump], policies: Policies, now: datetime
) -> Iterator[tuple[str, datetime | None]]:
    """By when patients should come, of the pumps of which it is time to say it again."""
    for each in facts:
        known = held[each.pump_id]
        if not each.enrolled or not each.implanted:
            if known.come_by is not None:
                yield each.pump_id, None
        elif known.come_by_seen_at is None or _is_news(each, known.come_by_seen_at, now):
            yield each.pump_id, refill_dates(each, policies.of(each.clinic_id), now).come_by


def _is_news(facts: PumpFacts, seen_at: datetime, now: datetime) -> bool:
    """A refill, another therapy, another patient, or that it was seen long ago."""
    if now - seen_at >= _COME_BY_LASTS:
        return True
    moments = (facts.refill.observed_at if facts.refill else None, facts.therapy.observed_at if facts.therapy else None)
    return any(at is not None and at >= seen_at for at in (*moments, facts.since))


def _after(
    open_alerts: dict[str, list[OpenAlert]],
    changes: Sequence[AlertChange],
    positions: Mapping[UUID, int],
    now: datetime,
) -> Iterator[OpenAlert]:
    """The alerts as they are now, each with the page that its change began."""
    by_alert = {change.alert_id: change for change in changes}
    for alerts in open_alerts.values():
        for alert in alerts:
            change = by_alert.pop(alert.alert_id, None)
            yield alert if change is None else alert.after(change.transition, positions.get(alert.alert_id), now)
    for change in by_alert.values():
        yield change.opened().after(change.transition, positions.get(change.alert_id), now)


def _due(alerts: Sequence[OpenAlert], policies: Policies, now: datetime, public_url: str) -> Iterator[DeliveryRow]:
    for alert in alerts:
        policy = policies.of(alert.clinic_id)
        version = policies.version_of(alert.clinic_id)
        for planned in due_deliveries(alert, policy, now, version=version):
            text = page_text(
                alert,
                planned.occasion,
                alert.priority,
                public_url,
                include_patient_data=policy.include_patient_data,
                texts=texts_in(policy.language),
                zone=policies.zone_of(alert.clinic_id),
            )
            yield DeliveryRow(alert, planned, alert.priority, text, version)


def _unreached(changes: Sequence[AlertChange], policies: Policies) -> list[Priority]:
    return [
        change.transition.priority
        for change in changes
        if _pages(change.transition) and reaches_nobody(policies.of(change.clinic_id), change.transition.priority)
    ]


def _pages(transition: Transition) -> bool:
    return transition.kind in PAGING_KINDS and transition.reason is not Reason.CONDITION_FLAPPED
