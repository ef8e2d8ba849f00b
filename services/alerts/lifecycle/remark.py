"""A person writes something down about an alert, or what was done about it.

Guarantee: a remark is a row of the audit trail, under the same lock as everything else that happens to the alert.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.alerts.lifecycle import store
from services.alerts.lifecycle.store import AlertChange
from services.alerts.model import Reason, Transition, TransitionKind
from services.alerts.policies import Policies
from services.people.model import Actor
from services.runtime.database import Connection


async def add_remark(
    connection: Connection, alert_id: UUID, by: Actor, text: str, policies: Policies, now: datetime, *, acted: bool
) -> None:
    """Write down what somebody says of an alert (`acted`: what was done about it), whatever state it is in.

    Raises:
        NotFound: There is no such alert.
    """
    async with connection.transaction():
        alert = await store.lock_alert(connection, alert_id)
        kind = TransitionKind.ACTED if acted else TransitionKind.COMMENTED
        transition = Transition(kind, Reason.PERSON_WROTE, alert, None, alert.state, alert.priority)
        version = policies.version_of(alert.clinic_id)
        await store.record_remark(connection, AlertChange.by_person(alert, transition, version, by=by, note=text), now)
