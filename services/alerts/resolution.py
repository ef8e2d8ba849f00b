"""A person says that what an alert is about is dealt with, and what was done.

Guarantees: the same lock and the same order as an evaluation and an acknowledgement; doing it twice changes nothing;
what was done stands in the audit trail; pages that have not gone out are cancelled in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.alerts import store
from services.alerts.acknowledgement import UnknownAlertError
from services.alerts.happening import resolve
from services.alerts.policies import Policies
from services.alerts.store import AlertChange
from services.runtime.database import Connection


async def resolve_alert(
    connection: Connection, alert_id: UUID, by: str, note: str, policies: Policies, now: datetime
) -> AlertChange | None:
    """Record that `by` has dealt with it and how; None: the same person has said so already.

    Raises:
        UnknownAlertError: There is no such alert.
        ResolveError: It ends by itself, or it is closed.
    """
    async with connection.transaction():
        pump_id = await connection.fetchval(store.QUERIES["pump_of_alert"], alert_id)
        if pump_id is None:
            msg = f"there is no alert {alert_id}"
            raise UnknownAlertError(msg)
        await connection.execute(store.QUERIES["hold_pump"], pump_id)
        alert = store.open_alert(await connection.fetchrow(store.QUERIES["alert_for_acknowledgement"], alert_id))
        transition = resolve(alert, by)
        if transition is None:
            return None
        version = policies.version_of(alert.clinic_id)
        change = AlertChange(alert_id, alert.clinic_id, pump_id, transition, version, actor=by, note=note)
        await connection.execute(store.QUERIES["set_resolved"], alert_id, by, note, now)
        await store.record_person(connection, change, now)
        return change
