"""A person takes an alert.

Guarantees: the same lock and the same order as an evaluation, so the two never decide at once; doing it
twice changes nothing; pages that have not gone out are cancelled in the same transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from services.alerts.lifecycle import store
from services.alerts.lifecycle.reconcile import acknowledge
from services.alerts.lifecycle.store import AlertChange
from services.alerts.model import AlertState
from services.alerts.policies import Policies
from services.people.model import Actor
from services.runtime.database import Connection


async def acknowledge_alert(
    connection: Connection, alert_id: UUID, by: Actor, note: str | None, policies: Policies, now: datetime
) -> AlertChange | None:
    """Record that `by` takes the alert; None: the same person already had it.

    Raises:
        NotFound: There is no such alert.
        Refused: Somebody else has it, or it is closed.
    """
    async with connection.transaction():
        alert = await store.lock_alert(connection, alert_id)
        transition = acknowledge(alert, by)
        if transition is None:
            return None
        expires_at = None
        if transition.to_state is AlertState.ACKNOWLEDGED:
            expires_at = now + timedelta(hours=policies.of(alert.clinic_id).acknowledgement_expires_hours)
        version = policies.version_of(alert.clinic_id)
        change = AlertChange.by_person(alert, transition, version, by=by, note=note)
        await store.set_acknowledged(connection, change, now, expires_at)
        return change
