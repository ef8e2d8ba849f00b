"""All database work of the alert service: small functions on a connection; the caller owns the transaction.

Guarantee: what the facts hold depends on the stored events, the time and `as_of` alone, so the same call
replays the past.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from schemas.policy import Priority
from services.alerts.delivery.escalate import current_episode
from services.alerts.delivery.grouping import waits_for_others
from services.alerts.delivery.page_text import PageText
from services.alerts.evaluation.claim import USUAL_ENTRIES, Entry, Taking, plan_taking
from services.alerts.facts.from_rows import facts_of_row, unheard, with_heard
from services.alerts.health.troubles import Notice
from services.alerts.model import (
    AlertState,
    OpenAlert,
    Page,
    PlannedDelivery,
    PumpFacts,
    Reason,
    Transition,
    TransitionKind,
)
from services.alerts.outage.bypass_plan import FIRST_STEP, BypassedPage, HeardAlarm
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))

_NEVER: Final = datetime.max.replace(tzinfo=UTC)

Row = Any
"""An asyncpg record; its columns are what the named query says."""


@dataclass(frozen=True, slots=True)
class AlertChange:
    """A transition with the id of its alert and the policy version it was decided under."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    transition: Transition
    policy_version: str
    actor: str = "pumpwatch"
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery to be written: which alert, to whom, and what it says."""

    alert: OpenAlert
    planned: PlannedDelivery
    priority: Priority
    text: PageText


async def take_queue(
    connection: Connection, entries: int = USUAL_ENTRIES, *, urgent: bool = False, most_pumps: int = 128
) -> Taking:
    """Take pumps from the queue that no other worker holds; they come back if the transaction fails."""
    rows = await connection.fetch(QUERIES["read_queue"], entries, urgent)
    taking = plan_taking([Entry(*row) for row in rows], looked_for=entries, most_pumps=most_pumps)
    if taking.finished:
        await connection.execute(QUERIES["finish_entries"], taking.finished)
    if taking.left is not None:
        await connection.execute(QUERIES["leave_in_entry"], *taking.left)
    return taking


async def take_sweep_slice(connection: Connection, before: datetime, limit: int) -> tuple[str, ...]:
    """Take up to `limit` pumps last evaluated before `before` that no other worker holds."""
    return tuple(row["pump_id"] for row in await connection.fetch(QUERIES["take_sweep_slice"], before, limit))


async def take_due_slice(connection: Connection, now: datetime, limit: int) -> tuple[str, ...]:
    """Take up to `limit` pumps that are to be looked at by `now` and that no other worker holds."""
    return tuple(row["pump_id"] for row in await connection.fetch(QUERIES["take_due_slice"], now, limit))


@dataclass(frozen=True, slots=True)
class HeldPump:
    """A pump that this transaction holds: when it is to be looked at again, and how often in a row it failed."""

    due_at: datetime | None
    failures: int


async def lock_pumps(connection: Connection, pump_ids: Sequence[str], now: datetime) -> dict[str, HeldPump]:
    """Hold the pumps until the transaction ends; returns those that the registry knows."""
    rows = await connection.fetch(QUERIES["lock_pumps"], list(pump_ids), now)
    return {row["pump_id"]: HeldPump(row["due_at"], row["failures"]) for row in rows}


async def count_failures(connection: Connection, failed_before: Sequence[str], failed: Sequence[str]) -> None:
    """Count one more failure for those that `failed`, and none any more for the others that had `failed_before`."""
    if failed_before or failed:
        await connection.execute(QUERIES["count_failures"], list(failed_before), list(failed))


async def clinic_of(connection: Connection, pump_id: str) -> str:
    """The clinic that watches a pump which the registry knows."""
    clinic_id: str = await connection.fetchval(QUERIES["clinic_of_pump"], pump_id)
    return clinic_id


async def set_due(connection: Connection, due: Mapping[str, datetime | None]) -> None:
    """Say when pumps, held by this transaction, are to be looked at again though nothing is heard of them."""
    if due:
        await connection.execute(QUERIES["set_due"], list(due.keys()), list(due.values()))


async def load_facts(
    connection: Connection,
    pump_ids: Sequence[str],
    now: datetime,
    *,
    windows: int,
    as_of: datetime | None = None,
) -> tuple[PumpFacts, ...]:
    """Load the facts of many pumps in one statement, and a second for days on which nothing but readings came.

    Args:
        connection: Any connection; what it sees is what is judged.
        pump_ids: Ids; one that the registry does not know has no facts.
        now: The end of the newest 24-hour window.
        windows: How many windows to count.
        as_of: Leave out what was received later; None: nothing is left out (clocks of machines may differ).
    """
    rows = await connection.fetch(QUERIES["facts"], list(pump_ids), now, as_of, windows)
    found = {row["pump_id"]: facts_of_row(row, now, windows) for row in rows}
    unknown = [(row["pump_id"], place) for row in rows for place in unheard(found[row["pump_id"]], row, now)]
    if unknown:
        pumps, places = [pump_id for pump_id, _ in unknown], [place for _, place in unknown]
        heard: dict[str, list[int]] = {}
        for row in await connection.fetch(QUERIES["heard_by_readings"], pumps, places, now, as_of):
            heard.setdefault(row["pump_id"], []).append(row["place"])
        found.update((pump_id, with_heard(found[pump_id], each)) for pump_id, each in heard.items())
    return tuple(found.values())


async def load_open_alerts(
    connection: Connection, pump_ids: Sequence[str], *, closed_since: datetime = _NEVER
) -> dict[str, list[OpenAlert]]:
    """Load by pump the alerts that are open, the newest of each cause closed after `closed_since`, and the resolved."""
    found: dict[str, list[OpenAlert]] = {}
    for row in await connection.fetch(QUERIES["open_alerts"], list(pump_ids), closed_since):
        pages = tuple(
            Page(
                kind=TransitionKind(kind),
                seq=seq,
                at=at,
                priority=Priority(priority),
                from_state=AlertState(state) if state else None,
                flapped=reason == Reason.CONDITION_FLAPPED,
            )
            for kind, seq, at, priority, state, reason in zip(
                row["kinds"] or (),
                row["seqs"] or (),
                row["moments"] or (),
                row["priorities"] or (),
                row["from_states"] or (),
                row["reasons"] or (),
                strict=True,
            )
        )
        told = max((Priority(each) for each in row["told"] or ()), key=lambda each: each.rank, default=None)
        alert = open_alert(row, pages=pages, occasions=frozenset(row["occasions"] or ()), told=told)
        found.setdefault(alert.pump_id, []).append(alert)
    return found


def open_alert(
    row: Row,
    *,
    pages: tuple[Page, ...] = (),
    occasions: frozenset[str] = frozenset(),
    told: Priority | None = None,
) -> OpenAlert:
    """Build an alert from its row."""
    return OpenAlert(
        alert_id=row["alert_id"],
        clinic_id=row["clinic_id"],
        pump_id=row["pump_id"],
        rule=row["rule"],
        key=row["key"],
        priority=Priority(row["priority"]),
        state=AlertState(row["state"]),
        since=row["since"],
        title=row["title"],
        explanation=row["explanation"],
        evidence=json.loads(row["evidence"]),
        acknowledged_by=row["acknowledged_by"],
        acknowledgement_expires_at=row["acknowledgement_expires_at"],
        pages=pages,
        occasions=occasions,
        ended_at=row["ended_at"],
        told=told,
        resolved_by=row["resolved_by"],
    )


async def apply_changes(connection: Connection, changes: Sequence[AlertChange], now: datetime) -> dict[UUID, int]:
    """Write alerts and audit rows. Returns the place of each audited change in its clinic's trail, by alert.

    An alert is closed before another of the same (pump, rule, key) opens.
    """
    updates = [change for change in changes if change.transition.alert is not None]
    opened = [change for change in changes if change.transition.alert is None]
    if updates:
        await _update_alerts(connection, updates, now)
    if opened:
        await _insert_alerts(connection, opened, now)
    audited = [change for change in changes if change.transition.kind is not TransitionKind.REFRESHED]
    places = await _insert_transitions(connection, audited, now)
    over = [change.alert_id for change in audited if change.transition.to_state is not AlertState.ACTIVE]
    if over:
        await connection.execute(QUERIES["cancel_deliveries"], over)
    return places


async def record_person(connection: Connection, change: AlertChange, now: datetime) -> None:
    """Audit what a person did to an alert, and cancel the pages that have not gone out."""
    await _insert_transitions(connection, [change], now)
    await connection.execute(QUERIES["cancel_deliveries"], [change.alert_id])


async def record_remark(connection: Connection, change: AlertChange, now: datetime) -> None:
    """Audit what a person wrote about an alert; nothing else changes."""
    await _insert_transitions(connection, [change], now)


async def insert_deliveries(connection: Connection, rows: Sequence[DeliveryRow], now: datetime) -> int:
    """Write deliveries that are due at once, or as soon as others like them are there; returns how many are new."""
    if not rows:
        return 0
    written = await connection.fetch(
        QUERIES["insert_deliveries"],
        [row.alert.alert_id for row in rows],
        [row.alert.clinic_id for row in rows],
        [row.planned.occasion for row in rows],
        [row.planned.contact for row in rows],
        [row.planned.channel for row in rows],
        [row.priority.value for row in rows],
        [row.text.title for row in rows],
        [row.text.body for row in rows],
        [waits_for_others(row.priority) for row in rows],
        now,
    )
    return len(written)


async def insert_notices(connection: Connection, notices: Sequence[Notice], now: datetime) -> int:
    """Write pages about Pumpwatch itself; returns how many are new."""
    written = await connection.fetch(
        QUERIES["insert_notice"],
        [notice.clinic_id for notice in notices],
        [notice.occasion for notice in notices],
        [notice.contact for notice in notices],
        [notice.channel for notice in notices],
        [notice.text.title for notice in notices],
        [notice.text.body for notice in notices],
        now,
    )
    return len(written)


async def insert_bypassed(connection: Connection, pages: Sequence[BypassedPage]) -> None:
    """Write down pages that went out while the database was away; one that is there already stays."""
    if not pages:
        return
    await connection.execute(
        QUERIES["insert_bypassed"],
        [page.event_id for page in pages],
        [page.alert.pump_id for page in pages],
        [page.alert.clinic_id for page in pages],
        [page.alert.rule for page in pages],
        [page.alert.key for page in pages],
        [page.step for page in pages],
        [page.contact for page in pages],
        [page.channel for page in pages],
        [page.alert.priority.value for page in pages],
        [page.text.title for page in pages],
        [page.text.body for page in pages],
        [page.sent_at for page in pages],
    )


async def stored_alarms(connection: Connection, heard: Iterable[HeardAlarm]) -> frozenset[UUID]:
    """Which of these events are stored."""
    events = list(heard)
    if not events:
        return frozenset()
    rows = await connection.fetch(
        QUERIES["stored_alarms"],
        [each.pump_id for each in events],
        [each.event.observed_at for each in events],
        [each.event.event_id for each in events],
    )
    return frozenset(row["event_id"] for row in rows)


async def adopt_bypassed(
    connection: Connection, pump_ids: Sequence[str], alerts: Iterable[OpenAlert], now: datetime
) -> None:
    """Give pages that went out while the database was away to the alerts that they were about."""
    rows = await connection.fetch(QUERIES["bypassed_to_settle"], list(pump_ids))
    if not rows:
        return
    by_cause = {(alert.pump_id, alert.rule, alert.key): alert for alert in alerts if alert.state is AlertState.ACTIVE}
    for row in rows:
        alert = by_cause.get((row["pump_id"], row["rule"], row["key"]))
        if alert is None and not row["stored"]:
            continue  # ingest has not come so far yet
        episode = current_episode(alert.pages) if alert else None
        occasion = f"{episode.occasion}{row['step'].removeprefix(FIRST_STEP)}" if episode else None
        identity = (row["event_id"], row["step"], row["contact"], row["channel"])
        alert_id = alert.alert_id if alert and episode else None
        await connection.execute(QUERIES["adopt_bypassed"], *identity, alert_id, occasion, now)


async def _update_alerts(connection: Connection, changes: Sequence[AlertChange], now: datetime) -> None:
    conditions = [change.transition.condition for change in changes]
    await connection.execute(
        QUERIES["update_alerts"],
        [change.alert_id for change in changes],
        [change.transition.to_state.value for change in changes],
        [change.transition.priority.value for change in changes],
        [condition.title if condition else None for condition in conditions],
        [condition.explanation if condition else None for condition in conditions],
        [json.dumps(condition.evidence) if condition else None for condition in conditions],
        [_since(change.transition) for change in changes],
        [change.policy_version if change.transition.condition else None for change in changes],
        now,
    )


def _since(transition: Transition) -> datetime | None:
    alert, condition = transition.alert, transition.condition
    if alert is None or condition is None or transition.kind is TransitionKind.RETURNED:
        return condition.since if condition else None
    return min(alert.since, condition.since)


async def _insert_alerts(connection: Connection, changes: Sequence[AlertChange], now: datetime) -> None:
    conditions = [change.transition.condition for change in changes if change.transition.condition]
    await connection.execute(
        QUERIES["insert_alerts"],
        [change.alert_id for change in changes],
        [change.clinic_id for change in changes],
        [change.pump_id for change in changes],
        [condition.rule.value for condition in conditions],
        [condition.key for condition in conditions],
        [condition.priority.value for condition in conditions],
        [condition.title for condition in conditions],
        [condition.explanation for condition in conditions],
        [json.dumps(condition.evidence) for condition in conditions],
        [condition.since for condition in conditions],
        now,
        [change.policy_version for change in changes],
    )


async def _insert_transitions(connection: Connection, changes: Sequence[AlertChange], now: datetime) -> dict[UUID, int]:
    if not changes:
        return {}
    rows = await connection.fetch(
        QUERIES["insert_transitions"],
        [change.clinic_id for change in changes],
        [change.alert_id for change in changes],
        [change.transition.kind.value for change in changes],
        [change.transition.from_state.value if change.transition.from_state else None for change in changes],
        [change.transition.to_state.value for change in changes],
        [change.transition.priority.value for change in changes],
        [change.transition.reason.value for change in changes],
        [change.actor for change in changes],
        now,
        [json.dumps(_audit_detail(change)) for change in changes],
    )
    return {row["alert_id"]: row["clinic_seq"] for row in rows}


def _audit_detail(change: AlertChange) -> dict[str, object]:
    """What a later reader needs to see why: the text and evidence of that moment, the policy, a person's note."""
    detail: dict[str, object] = {"policy_version": change.policy_version}
    condition = change.transition.condition
    if condition is not None:
        detail |= {
            "title": condition.title,
            "explanation": condition.explanation,
            "evidence": dict(condition.evidence),
        }
    if change.note:
        detail["note"] = change.note
    return detail
