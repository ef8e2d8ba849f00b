"""Alerts and their audit trail. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from uuid import UUID

import asyncpg

from schemas.policy import Priority
from services.alerts.errors import NotFound
from services.alerts.facts.model import AcceptedLevel
from services.alerts.model import (
    AlertState,
    Occasion,
    OccasionKind,
    OpenAlert,
    Page,
    Reason,
    Told,
    Transition,
    TransitionKind,
    Waiting,
)
from services.alerts.said.stored import written
from services.people.model import PUMPWATCH, Actor
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AlertChange:
    """A transition with the id of its alert and the policy version it was decided under."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    transition: Transition
    policy_version: str
    actor: Actor = PUMPWATCH
    note: str | None = None
    implantation: int | None = None
    """To which implantation of the pump an alert belongs that opens; None: the first."""

    def opened(self) -> OpenAlert:
        """The alert that this change opens, before anything was paged.

        Raises:
            ValueError: It opens none.
        """
        condition = self.transition.condition
        if condition is None:
            msg = f"alert {self.alert_id} opens without a condition"
            raise ValueError(msg)
        return OpenAlert.opened_by(
            condition,
            alert_id=self.alert_id,
            clinic_id=self.clinic_id,
            pump_id=self.pump_id,
            implantation=self.implantation,
        )

    @classmethod
    def by_person(
        cls, alert: OpenAlert, transition: Transition, policy_version: str, *, by: Actor, note: str | None
    ) -> Self:
        """What a person did to an alert."""
        return cls(alert.alert_id, alert.clinic_id, alert.pump_id, transition, policy_version, actor=by, note=note)


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
        notified = max((Priority(each) for each in row["notified"] or ()), key=lambda each: each.rank, default=None)
        alert = replace(
            open_alert(row),
            pages=pages,
            occasions=frozenset(_occasions(row)),
            told=tuple(_told(row)),
            waiting=frozenset(_waiting(row)),
            notified=notified,
        )
        found.setdefault(alert.pump_id, []).append(alert)
    return found


def _occasions(row: asyncpg.Record) -> Iterator[Occasion]:
    """What deliveries were planned for so far."""
    kinds, episodes, steps = (row[name] or () for name in ("occasion_kinds", "occasion_episodes", "occasion_steps"))
    return (Occasion(OccasionKind(kind), *which) for kind, *which in zip(kinds, episodes, steps, strict=True))


def _told(row: asyncpg.Record) -> Iterator[Told]:
    """What became of the pages of each episode."""
    columns = ("told_kinds", "told_episodes", "told_steps", "told_at", "told_reached", "told_versions")
    for kind, episode, step, *rest in zip(*(row[name] or () for name in columns), strict=True):
        yield Told(Occasion(OccasionKind(kind), episode, step), *rest)


def _waiting(row: asyncpg.Record) -> Iterator[Waiting]:
    """The pages that have not gone out."""
    columns = ("waiting_contacts", "waiting_channels", "waiting_fails")
    return (Waiting(*each) for each in zip(*(row[name] or () for name in columns), strict=True))


def open_alert(row: asyncpg.Record) -> OpenAlert:
    """Build an alert from its row, with nothing of its pages."""
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
        said=row["said"],
        evidence=json.loads(row["evidence"]),
        acknowledged_by=row["acknowledged_by"],
        acknowledgement_expires_at=row["acknowledgement_expires_at"],
        ended_at=row["ended_at"],
        resolved_by=row["resolved_by"],
        accepted_by=row["accepted_by"],
        acknowledged_by_id=row["acknowledged_by_id"],
        resolved_by_id=row["resolved_by_id"],
        accepted_by_id=row["accepted_by_id"],
        implantation=row["implantation_id"],
        calm_since=row["calm_since"],
    )


async def apply_changes(connection: Connection, changes: Sequence[AlertChange], now: datetime) -> dict[UUID, int]:
    """Write alerts and audit rows. Returns the position of each audited change in its clinic's trail, by alert.

    An alert is closed before another of the same (pump, rule, key) opens.
    """
    updates = [change for change in changes if change.transition.alert is not None]
    opened = [change for change in changes if change.transition.alert is None]
    if updates:
        await _update_alerts(connection, updates, now)
    if opened:
        await _insert_alerts(connection, opened, now)
    audited = [change for change in changes if change.transition.kind is not TransitionKind.REFRESHED]
    positions = await _append_transitions(connection, audited, now)
    over = [change.alert_id for change in audited if change.transition.to_state is not AlertState.ACTIVE]
    if over:
        await connection.execute(QUERIES["cancel_deliveries"], over)
    return positions


async def _record_person(connection: Connection, change: AlertChange, now: datetime) -> None:
    """Audit what a person did to an alert, and cancel the pages that have not gone out."""
    await _append_transitions(connection, [change], now)
    await connection.execute(QUERIES["cancel_deliveries"], [change.alert_id])


async def record_remark(connection: Connection, change: AlertChange, now: datetime) -> None:
    """Audit what a person wrote about an alert; nothing else changes."""
    await _append_transitions(connection, [change], now)


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
        [
            change.transition.since_of(change.transition.alert) if change.transition.alert else None
            for change in changes
        ],
        [change.policy_version if change.transition.condition else None for change in changes],
        now,
        [change.transition.calm_since for change in changes],
        [written(condition.said) if condition else None for condition in conditions],
    )


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
        [change.implantation for change in changes],
        [written(condition.said) for condition in conditions],
    )


async def _append_transitions(connection: Connection, changes: Sequence[AlertChange], now: datetime) -> dict[UUID, int]:
    if not changes:
        return {}
    rows = await connection.fetch(
        QUERIES["append_transitions"],
        [change.clinic_id for change in changes],
        [change.alert_id for change in changes],
        [change.transition.kind.value for change in changes],
        [change.transition.from_state.value if change.transition.from_state else None for change in changes],
        [change.transition.to_state.value for change in changes],
        [change.transition.priority.value for change in changes],
        [change.transition.reason.value for change in changes],
        [change.actor.id for change in changes],
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
        said = written(condition.said)
        if said is not None:
            detail["said"] = json.loads(said)
    if change.actor != PUMPWATCH:
        detail["name"] = change.actor.name
    if change.note:
        detail["note"] = change.note
    return detail


async def lock_alert(connection: Connection, alert_id: UUID) -> OpenAlert:
    """The alert, held with its pump until the caller's transaction ends, as an evaluation holds it.

    Raises:
        NotFound: There is no such alert.
    """
    pump_id = await connection.fetchval(QUERIES["pump_of_alert"], alert_id)
    if pump_id is None:
        msg = f"there is no alert {alert_id}"
        raise NotFound(msg)
    await connection.execute(QUERIES["lock_pump"], pump_id)
    row = await connection.fetchrow(QUERIES["lock_alert"], alert_id)
    assert row is not None  # noqa: S101 - an alert is never deleted
    return open_alert(row)


async def set_acknowledged(
    connection: Connection, change: AlertChange, now: datetime, expires_at: datetime | None
) -> None:
    """Write who has taken the alert, and until when, and audit it."""
    state = change.transition.to_state.value
    by = change.actor
    await connection.execute(QUERIES["set_acknowledged"], change.alert_id, state, by.name, now, expires_at, by.id)
    await _record_person(connection, change, now)


async def set_resolved(connection: Connection, change: AlertChange, now: datetime) -> None:
    """Write who has dealt with the alert, and how, and audit it."""
    by = change.actor
    await connection.execute(QUERIES["set_resolved"], change.alert_id, by.name, change.note, now, by.id)
    await _record_person(connection, change, now)


async def set_accepted(connection: Connection, change: AlertChange, level: AcceptedLevel) -> None:
    """Write who has accepted which level, and why, and audit it; the pump is to be judged anew."""
    by, now, values = change.actor, level.at, (level.since, level.per_day)
    await connection.execute(QUERIES["set_accepted"], change.alert_id, by.name, change.note, now, *values, by.id)
    await _record_person(connection, change, now)
    await connection.execute(QUERIES["queue_pump"], change.pump_id)
