"""A person accepts the level of demand that an alert tells of as the new one, and says why.

Guarantees: the same lock and the same order as an evaluation and an acknowledgement; doing it twice changes nothing;
who, why and the level stand in the audit trail; pages that have not gone out are cancelled, and the pump is queued to
be judged by the new level, in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.alerts.errors import Refused
from services.alerts.facts.store import load_facts
from services.alerts.lifecycle import store
from services.alerts.lifecycle.new_level import accept
from services.alerts.lifecycle.store import AlertChange
from services.alerts.policies import Policies
from services.alerts.rules.demand.days import level_of
from services.people.model import Actor
from services.runtime.database import Connection
from services.texts.model import msgid


async def accept_level(
    connection: Connection, alert_id: UUID, by: Actor, note: str, policies: Policies, now: datetime
) -> AlertChange | None:
    """Record that `by` accepts the level and why; None: the same person has said so already.

    Raises:
        NotFound: There is no such alert.
        Refused: The alert is about something else, or is over, or nothing is known of the last days.
    """
    async with connection.transaction():
        alert = await store.lock_alert(connection, alert_id)
        transition = accept(alert, by)
        if transition is None:
            return None
        windows = policies.longest_baseline_days
        known = await load_facts(connection, [alert.pump_id], now, windows=windows)
        levels = [level_of(facts, policies.of(alert.clinic_id).bolus_demand, now) for facts in known]
        if not levels or levels[0] is None:
            raise Refused(msgid("nothing is known of the last days, so there is no level to accept"))
        version = policies.version_of(alert.clinic_id)
        words = f"{note} ({levels[0].per_day:.1f} requests a day)"
        change = AlertChange.by_person(alert, transition, version, by=by, note=words)
        await store.set_accepted(connection, change, levels[0])
        return change
