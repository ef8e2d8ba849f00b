"""Silences and remarks: what people decide about pages, and write about alerts.

Guarantees: nothing is deleted or overwritten; a silence that ends before its time lets what it held go out at once; a
remark is a row of the audit trail, under the same lock as everything else that happens to the alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.alerts import store
from services.alerts.delivery.mute import Silence, SilenceError, SilenceKind, SilenceRequest, check_silence
from services.alerts.lifecycle.acknowledge import UnknownAlertError
from services.alerts.model import AlertState, Reason, Transition, TransitionKind
from services.alerts.policies import Policies
from services.alerts.store import AlertChange
from services.runtime.database import Connection


class UnknownSilenceError(LookupError):
    """There is no such silence, or it is over."""


async def make_silence(
    connection: Connection, asked: SilenceRequest, by: str, policies: Policies, now: datetime
) -> UUID:
    """Store a silence that the policy allows, and return its id.

    Raises:
        SilenceError: The policy does not allow it, or there is no such clinic.
    """
    check_silence(asked, policies.of(asked.clinic_id), now)
    if not await connection.fetchval(store.QUERIES["clinic_exists"], asked.clinic_id):
        raise SilenceError(f"there is no clinic {asked.clinic_id!r}")
    silence_id: UUID = await connection.fetchval(
        store.QUERIES["insert_silence"],
        asked.clinic_id,
        asked.kind.value,
        asked.pump_id,
        asked.rule,
        asked.includes_high,
        asked.reason.strip(),
        by,
        now,
        asked.begins_at,
        asked.ends_at,
    )
    return silence_id


async def end_silence(connection: Connection, silence_id: UUID, by: str, now: datetime) -> None:
    """End a silence before its time; what it held is due now.

    Raises:
        UnknownSilenceError: There is no such silence, or it is over.
    """
    async with connection.transaction():
        if await connection.fetchval(store.QUERIES["end_silence"], silence_id, now, by) is None:
            raise UnknownSilenceError(f"there is no silence {silence_id}, or it is over")
        await connection.execute(store.QUERIES["release_held"], silence_id, now)


async def list_silences(connection: Connection, clinic_id: str | None, now: datetime) -> tuple[Silence, ...]:
    """Silences that hold now or are to come, of one clinic or of all."""
    return _silences(await connection.fetch(store.QUERIES["list_silences"], clinic_id, now))


async def silences_now(connection: Connection, clinic_id: str, now: datetime) -> tuple[Silence, ...]:
    """What may hold pages of a clinic now."""
    return _silences(await connection.fetch(store.QUERIES["silences_now"], clinic_id, now))


async def add_remark(
    connection: Connection, alert_id: UUID, by: str, text: str, policies: Policies, now: datetime, *, acted: bool
) -> None:
    """Write down what somebody says of an alert (or did about it), whatever state it is in.

    Raises:
        UnknownAlertError: There is no such alert.
    """
    async with connection.transaction():
        pump_id = await connection.fetchval(store.QUERIES["pump_of_alert"], alert_id)
        if pump_id is None:
            raise UnknownAlertError(f"there is no alert {alert_id}")
        await connection.execute(store.QUERIES["hold_pump"], pump_id)
        alert = store.open_alert(await connection.fetchrow(store.QUERIES["alert_for_acknowledgement"], alert_id))
        kind = TransitionKind.ACTED if acted else TransitionKind.COMMENTED
        change = AlertChange(
            alert_id,
            alert.clinic_id,
            pump_id,
            Transition(kind, Reason.PERSON_WROTE, alert, None, AlertState(alert.state), alert.priority),
            policies.version_of(alert.clinic_id),
            actor=by,
            note=text,
        )
        await store.record_remark(connection, change, now)


def _silences(rows: Sequence[store.Row]) -> tuple[Silence, ...]:
    return tuple(Silence(**(dict(row) | {"kind": SilenceKind(row["kind"])})) for row in rows)
