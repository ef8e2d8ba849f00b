"""A person says that what an alert is about is dealt with, and what was done.

Guarantees: the same lock and the same order as an evaluation and an acknowledgement; doing it twice changes nothing;
what was done stands in the audit trail; pages that have not gone out are cancelled in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.alerts.lifecycle import store
from services.alerts.lifecycle.one_off import resolve
from services.alerts.lifecycle.store import AlertChange
from services.alerts.policies import Policies
from services.people.model import Actor
from services.runtime.database import Connection


async def resolve_alert(
    connection: Connection, alert_id: UUID, by: Actor, note: str, policies: Policies, now: datetime
) -> AlertChange | None:
    """Record that `by` has dealt with it and how; None: the same person has said so already.

    Raises:
        NotFound: There is no such alert.
        Refused: It ends by itself, or it is closed.
    """
    async with connection.transaction():
        alert = await store.lock_alert(connection, alert_id)
        transition = resolve(alert, by)
        if transition is None:
            return None
        version = policies.version_of(alert.clinic_id)
        change = AlertChange.by_person(alert, transition, version, by=by, note=note)
        await store.set_resolved(connection, change, now)
        return change
