"""Let whoever stands in for somebody who is out have what is open. What is decided: delivery/persons/passed_on.py.

Guarantees: what goes over, its audit rows, the pages and the message commit together; an evaluation, an acknowledgement
and this never decide about one alert at once; any number of workers may do it. What cannot go over stays as it is, so
that it pages as it would have, and holds up nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from services.alerts.delivery.page_text import page_text
from services.alerts.delivery.persons.passed_on import Out, PassedOn, pass_on, passed_on_notices, people_out
from services.alerts.delivery.store import DeliveryRow, insert_deliveries, insert_notices
from services.alerts.evaluation import store
from services.alerts.evaluation.evaluate import BeforeWriting, Outcome, write_down
from services.alerts.lifecycle.store import AlertChange, load_open_alerts, lock_alert
from services.alerts.model import OpenAlert
from services.alerts.policies import Policies
from services.alerts.resources import Resources
from services.people.model import Actor
from services.runtime.database import UNAVAILABLE, Connection
from services.runtime.isolation import apart
from services.texts.catalogue import texts_in

log = structlog.get_logger()


async def pass_on_for_everybody(resources: Resources, before_writing: BeforeWriting) -> AsyncIterator[Outcome]:
    """Pass on what everybody who is out now has left open; yields what was done after each commit."""
    now, policies, url = resources.clock(), resources.holding, resources.settings.public_url
    for clinic, people in resources.on_call.people.items():
        try:
            out = people_out(clinic, people, policies.of(clinic), now)
        except Exception:  # of one clinic: the others go on (decision 11)
            log.exception("who_is_out_not_known", clinic_id=clinic)
            continue
        for each in out:
            try:
                async with resources.pool.acquire() as connection, connection.transaction():
                    outcome = await pass_on_what_is_open(
                        connection, each, policies, now, public_url=url, before_writing=before_writing
                    )
            except UNAVAILABLE:
                raise
            except Exception:
                log.exception("not_passed_on", clinic_id=clinic, change_id=str(each.change_id))
                continue
            if outcome.changes:
                yield outcome


async def pass_on_what_is_open(
    connection: Connection,
    out: Out,
    policies: Policies,
    now: datetime,
    *,
    public_url: str,
    before_writing: BeforeWriting,
) -> Outcome:
    """Pass on what somebody who is out had taken before they were, or was told of; in the caller's transaction.

    Args:
        connection: In a transaction.
        out: Who is out, and who has it.
        policies: As they hold now, with persons as contacts.
        now: The moment.
        public_url: Where pages point to.
        before_writing: As for `evaluate_pumps`.
    """
    for alert_id in await _open_of(connection, out):
        await lock_alert(connection, alert_id)
    locked = await _open_of(connection, out)  # as it is, now that nobody else decides about it

    async def pass_some(alert_ids: Sequence[UUID]) -> Outcome:
        some = {alert_id: locked[alert_id] for alert_id in alert_ids}
        return await _pass_on(connection, out, some, policies, now, public_url, before_writing)

    done, failed = await apart(connection, list(locked), pass_some)
    for failure in failed:
        log.error("alert_not_passed_on", alert_id=str(failure.item), exc_info=failure.error)
    return sum(done, Outcome())


async def _pass_on(
    connection: Connection,
    out: Out,
    locked: Mapping[UUID, str],
    policies: Policies,
    now: datetime,
    public_url: str,
    before_writing: BeforeWriting,
) -> Outcome:
    pump_ids = sorted(set(locked.values()))
    open_alerts = await load_open_alerts(connection, pump_ids)
    told = await store.contacts_told(connection, list(locked))
    passed = [
        each
        for alerts in open_alerts.values()
        for alert in alerts
        if alert.alert_id in locked and (each := pass_on(alert, out, told.get(alert.alert_id, {}))) is not None
    ]
    if not passed:
        return Outcome()
    policy, version = policies.of(out.clinic_id), policies.version_of(out.clinic_id)
    changes = [
        AlertChange(each.alert.alert_id, out.clinic_id, each.alert.pump_id, each.transition, version, note=out.note)
        for each in passed
    ]
    rows = [row for each in passed for row in _rows(each, policies, public_url)]
    pages = await insert_deliveries(connection, rows, now)
    pages += await write_down(
        connection, pump_ids, open_alerts, changes, policies, now, public_url=public_url, before_writing=before_writing
    )
    if out.has_it is not None:
        taken = [each.alert.alert_id for each in passed if each.is_taken]
        has_it = Actor(f"person:{out.has_it.person_id}", out.has_it.name)
        await store.set_has_it(connection, taken, has_it, now)
    pages += await insert_notices(connection, list(passed_on_notices(out, passed, policy, public_url, texts_in)), now)
    return Outcome(len(pump_ids), tuple(changes), pages)


async def _open_of(connection: Connection, out: Out) -> Mapping[UUID, str]:
    actor = f"person:{out.person.person_id}"
    return await store.open_of_who_is_out(connection, out.clinic_id, actor, out.since, out.person.contact_name)


def _rows(passed: PassedOn, policies: Policies, public_url: str) -> list[DeliveryRow]:
    alert: OpenAlert = passed.alert
    policy, version = policies.of(alert.clinic_id), policies.version_of(alert.clinic_id)
    found = []
    for planned in passed.pages:
        text = page_text(
            alert,
            planned.occasion,
            alert.priority,
            public_url,
            include_patient_data=policy.include_patient_data,
            texts=texts_in(policy.language),
            zone=policies.zone_of(alert.clinic_id),
        )
        found.append(DeliveryRow(alert, planned, alert.priority, text, version))
    return found
