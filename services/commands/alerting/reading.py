"""What `pumpwatch alerts` reads and does, by the functions of the board and its API."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.admin.registry.store import clinic_ids
from services.alerts.errors import NotFound
from services.alerts.guidance.what_to_do import what_to_do
from services.alerts.health.hand_over.store import promises_of_alert, zone_of
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.policies import Policies
from services.alerts.policy_files.kept import KeptPolicies
from services.alerts.web.allowed import must_act_on_alert, must_see_alert, must_see_clinic
from services.alerts.web.board.wording import notified
from services.alerts.web.lists.asked import Asked
from services.alerts.web.lists.store import count_found, find_alerts
from services.alerts.web.read_models import STATES, AlertView
from services.alerts.web.store import history_of, one_alert
from services.alerts.wording import near_names
from services.commands.alerting.identity import Asker
from services.commands.alerting.text import Opened
from services.people.caller import Caller
from services.runtime.database import Connection


async def read_list(
    connection: Connection, asker: Asker, asked: Asked, limit: int, now: datetime
) -> tuple[tuple[AlertView, ...], int]:
    """A page of a list, and how many there are in all.

    Raises:
        NotFound: There is no such clinic, or none that who asks may see.
    """
    if asker.caller is not None:
        clinics = must_see_clinic(asker.caller, asked.clinic_id)
    else:
        known = await clinic_ids(connection)
        if asked.clinic_id and asked.clinic_id not in known:
            near = near_names(asked.clinic_id, known)
            msg = f"there is no clinic {asked.clinic_id!r}{near}; there is: {', '.join(known) or 'none'}"
            raise NotFound(msg)
        clinics = frozenset([asked.clinic_id] if asked.clinic_id else known)
    counts = await count_found(connection, clinics, asked)
    found = await find_alerts(connection, clinics, asked, now, limit=limit)
    return found.alerts, sum(count for (state, _), count in counts.items() if state in STATES[asked.state])


async def read_alert(connection: Connection, asker: Asker, alert_id: UUID, now: datetime) -> Opened:
    """Everything about one alert.

    Raises:
        NotFound: There is none, or none that who asks may see.
    """
    alert = await _existing(connection, asker.caller, alert_id, now)
    policies = await _policies(connection)
    return Opened(
        now=now,
        alert=alert,
        told=notified(alert.deliveries, alert.state, alert.priority, now),
        guide=what_to_do(
            alert.rule,
            alert.key,
            alert.evidence,
            policies.of(alert.clinic_id),
            judged_by=alert.policy_version,
            version=policies.version_of(alert.clinic_id),
        ),
        promises=await promises_of_alert(connection, alert_id),
        history=await history_of(connection, alert_id),
        zone=await zone_of(connection, policies, alert.clinic_id),
    )


async def take(
    connection: Connection, asker: Asker, alert_id: UUID, note: str | None, now: datetime
) -> tuple[AlertView, bool]:
    """A person takes an alert, as at the board; whether that changed anything.

    Raises:
        NotFound: There is no such alert, or none that they may see.
        Forbidden: They may only read.
        Refused: Somebody else has it, or it is closed.
    """
    assert asker.caller is not None  # noqa: S101 - the command asks for a person
    await must_act_on_alert(connection, asker.caller, alert_id)
    change = await acknowledge_alert(connection, alert_id, asker.actor, note, await _policies(connection), now)
    return await _existing(connection, asker.caller, alert_id, now), change is not None


def as_values(alerts: Sequence[AlertView]) -> list[dict[str, Any]]:
    """Alerts as the API shows them."""
    values: list[dict[str, Any]] = TypeAdapter(list[AlertView]).dump_python(list(alerts), mode="json")
    return values


def as_document(opened: Opened) -> dict[str, Any]:
    """Everything about one alert, for programs."""
    (alert,) = as_values([opened.alert])
    guide = opened.guide
    return {
        "read_at": opened.now,
        "alert": alert,
        "told": [{"text": each.text, "tone": each.tone, "at": each.at} for each in opened.told],
        "what_to_do": None if guide is None else dataclasses.asdict(guide),
        "promises": opened.promises,
        "transitions": opened.history,
    }


async def _policies(connection: Connection) -> Policies:
    kept = KeptPolicies()
    await kept.load(connection)
    return kept.now


async def _existing(connection: Connection, caller: Caller | None, alert_id: UUID, now: datetime) -> AlertView:
    if caller is not None:
        await must_see_alert(connection, caller, alert_id)
    alert = await one_alert(connection, alert_id, now)
    if alert is None:
        msg = f"there is no alert {alert_id}"
        raise NotFound(msg)
    return alert
