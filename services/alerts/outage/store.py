"""What is paged past a database that is away: what must be known of it before, and written down after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from schemas.events import AlarmState
from services.alerts.delivery.escalate import current_episode
from services.alerts.facts.model import RefusedAlarm
from services.alerts.model import AlertState, OpenAlert, RuleName
from services.alerts.outage.bypass_plan import BypassedPage, Cause, HeardAlarm, Trace
from services.ingest.messages.whose import Enrolment, enrolment
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


class Told(NamedTuple):
    """A page about an event that went out: the step of the route, the contact and the channel."""

    event_id: UUID
    step: int
    contact: str
    channel: str


async def load_registry(connection: Connection) -> Mapping[str, Enrolment]:
    """Every device that is a pump, or was ever paired with one."""
    rows = await connection.fetch(QUERIES["registry"])
    return {device_id: enrolment(*columns) for device_id, *columns in rows}


async def load_open_high(connection: Connection) -> frozenset[Cause]:
    """What is open and high: those pages have gone out."""
    rows = await connection.fetch(QUERIES["open_high"])
    return frozenset((row["pump_id"], row["rule"], row["key"]) for row in rows)


async def insert_bypassed(connection: Connection, pages: Sequence[BypassedPage]) -> None:
    """Write down pages that went out while the database was away; one that is there already stays."""
    if not pages:
        return
    await connection.execute(
        QUERIES["insert_bypassed"],
        [page.event_id for page in pages],
        [page.alert.pump_id for page in pages],
        [page.alert.clinic_id for page in pages],
        [page.alert.rule for page in pages],
        [page.alert.key for page in pages],
        [page.step for page in pages],
        [page.contact for page in pages],
        [page.channel for page in pages],
        [page.alert.priority.value for page in pages],
        [page.text.title for page in pages],
        [page.text.body for page in pages],
        [page.sent_at for page in pages],
    )


async def load_traces(connection: Connection, heard: Iterable[HeardAlarm]) -> dict[UUID, Trace]:
    """What is known of these alarms, by event; one that is not there has left no trace."""
    asked = [(pump_id, each) for each in heard for pump_id in {each.pump_id, *each.pumps}]
    traces: dict[UUID, Trace] = {}
    if not asked:
        return traces
    rows = await connection.fetch(
        QUERIES["traces"],
        [pump_id for pump_id, _ in asked],
        [None if isinstance(each.event, RefusedAlarm) else each.event.observed_at for _, each in asked],
        [each.event.event_id for _, each in asked],
        [each.event.device_id for _, each in asked],
        [each.event.code.value if each.event.state is AlarmState.RAISED else None for _, each in asked],
        [each.received_at for _, each in asked],
        [each.queued_as for _, each in asked],
    )
    for event_id, stored, queued_as, settled in rows:  # stored for one of the pumps that come in question
        before = traces.get(event_id, Trace())
        newest = max((each for each in (before.queued_as, queued_as) if each is not None), default=None)
        traces[event_id] = Trace(before.stored or stored, newest, before.settled or settled)
    return traces


async def told_already(connection: Connection, event_ids: Collection[UUID]) -> frozenset[Told]:
    """What went out about these events, whichever process sent it."""
    if not event_ids:
        return frozenset()
    return frozenset(Told(*row) for row in await connection.fetch(QUERIES["told_already"], list(event_ids)))


async def workers_before(connection: Connection, worker_id: str) -> int:
    """How many other alert processes live that are asked before this one."""
    count: int = await connection.fetchval(QUERIES["workers_before"], worker_id)
    return count


async def adopt_bypassed(
    connection: Connection, pump_ids: Sequence[str], alerts: Iterable[OpenAlert], now: datetime
) -> None:
    """Give pages that went out while the database was away to the alerts that they were about."""
    rows = await connection.fetch(QUERIES["bypassed_to_settle"], list(pump_ids))
    if not rows:
        return
    alerts = list(alerts)
    unjudged = {
        alert.pump_id
        for alert in alerts
        if alert.rule == RuleName.PUMP_UNJUDGED and alert.state is not AlertState.CLOSED
    }
    by_cause = {(alert.pump_id, alert.rule, alert.key): alert for alert in alerts if alert.state is AlertState.ACTIVE}
    for row in rows:
        alert = by_cause.get((row["pump_id"], row["rule"], row["key"]))
        if alert is None and (not row["stored"] or row["pump_id"] in unjudged):
            continue  # ingest has not come so far yet, or nobody can tell what the event means
        episode = current_episode(alert.pages) if alert else None
        identity = (row["event_id"], row["step"], row["contact"], row["channel"])
        alert_id = alert.alert_id if alert and episode else None
        kind, name = (episode.occasion.kind.value, episode.occasion.episode) if episode else (None, None)
        await connection.execute(QUERIES["adopt_bypassed"], *identity, alert_id, kind, name, now)
