"""A person takes an alert.

Guarantees: the same lock and the same order as an evaluation, so the two never decide at once; doing it
twice changes nothing; pages that have not gone out are cancelled in the same transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from services.alerts import store
from services.alerts.lifecycle.reconcile import acknowledge
from services.alerts.model import AlertState, OpenAlert
from services.alerts.policies import Policies
from services.alerts.store import AlertChange
from services.runtime.database import Connection


class UnknownAlertError(LookupError):
    """There is no alert with this id."""


async def hold_alert(connection: Connection, alert_id: UUID) -> OpenAlert:
    """The alert, held with its pump until the caller's transaction ends, as an evaluation holds it.

    Raises:
        UnknownAlertError: There is no such alert.
    """
    pump_id = await connection.fetchval(store.QUERIES["pump_of_alert"], alert_id)
    if pump_id is None:
        msg = f"there is no alert {alert_id}"
        raise UnknownAlertError(msg)
    await connection.execute(store.QUERIES["hold_pump"], pump_id)
    return store.open_alert(await connection.fetchrow(store.QUERIES["alert_for_acknowledgement"], alert_id))


async def acknowledge_alert(
    connection: Connection, alert_id: UUID, by: str, note: str | None, policies: Policies, now: datetime
) -> AlertChange | None:
    """Record that `by` takes the alert; None: the same person already had it.

    Raises:
        UnknownAlertError: There is no such alert.
        AcknowledgeError: Somebody else has it, or it is closed.
    """
    async with connection.transaction():
        alert = await hold_alert(connection, alert_id)
        transition = acknowledge(alert, by)
        if transition is None:
            return None
        policy = policies.of(alert.clinic_id)
        expires_at = None
        if transition.to_state is AlertState.ACKNOWLEDGED:
            expires_at = now + timedelta(hours=policy.acknowledgement_expires_hours)
        change = AlertChange(
            alert_id,
            alert.clinic_id,
            alert.pump_id,
            transition,
            policies.version_of(alert.clinic_id),
            actor=by,
            note=note,
        )
        await connection.execute(
            store.QUERIES["set_acknowledged"], alert_id, transition.to_state.value, by, now, expires_at
        )
        await store.record_person(connection, change, now)
        return change
