"""A person accepts the level of demand that an alert tells of as the new one, and says why.

Guarantees: the same lock and the same order as an evaluation and an acknowledgement; doing it twice changes nothing;
who and why stand in the audit trail; pages that have not gone out are cancelled, and the pump is queued to be judged
by the new level, in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.alerts.lifecycle import store
from services.alerts.lifecycle.new_level import accept
from services.alerts.lifecycle.store import AlertChange
from services.alerts.policies import Policies
from services.runtime.database import Connection


async def accept_level(
    connection: Connection, alert_id: UUID, by: str, note: str, policies: Policies, now: datetime
) -> AlertChange | None:
    """Record that `by` accepts the level and why; None: the same person has said so already.

    Raises:
        NotFound: There is no such alert.
        Refused: The alert is about something else, or is over.
    """
    async with connection.transaction():
        alert = await store.lock_alert(connection, alert_id)
        transition = accept(alert, by)
        if transition is None:
            return None
        version = policies.version_of(alert.clinic_id)
        change = AlertChange.by_person(alert, transition, version, by=by, note=note)
        await store.set_accepted(connection, change, now)
        return change
