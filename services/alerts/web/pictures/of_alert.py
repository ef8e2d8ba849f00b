"""The pictures of what an alert rests on, drawn from what its rule judged: the same facts, of the same patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from services.alerts.facts.model import PumpFacts
from services.alerts.facts.store import load_facts
from services.alerts.policies import Policies
from services.alerts.web.pictures.demand_chart import DemandChart, demand_chart, shows_demand
from services.alerts.web.pictures.heartbeat_chart import HeartbeatChart, heartbeat_chart, shows_heartbeats
from services.alerts.web.pictures.level_chart import LevelChart, level_chart, shows_levels
from services.alerts.web.pictures.store import levels_of_alert
from services.alerts.web.read_models import AlertView
from services.runtime.database import Connection
from services.texts.model import Texts


@dataclass(frozen=True, slots=True)
class Pictures:
    """Those that an alert has."""

    levels: LevelChart | None = None
    demand: DemandChart | None = None
    heartbeats: HeartbeatChart | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any((self.levels, self.demand, self.heartbeats))


async def pictures_of(
    connection: Connection, alert: AlertView, policies: Policies, zone: ZoneInfo, now: datetime, texts: Texts
) -> Pictures:
    """Draw what an alert rests on: as it is now or, once the alert is closed, as it was then."""
    until = alert.closed_at or now
    levels = demand = heartbeats = None
    if shows_levels(alert.rule):
        levels = level_chart(await levels_of_alert(connection, alert.alert_id, now), alert.evidence, zone, texts)
    if shows_demand(alert.rule, alert.key) or shows_heartbeats(alert.rule):
        facts = await _facts(connection, alert, policies, until)
        if facts is not None and shows_heartbeats(alert.rule):
            heartbeats = heartbeat_chart(facts, policies.of(alert.clinic_id).device_silent, until, zone, texts)
        elif facts is not None:
            demand = demand_chart(facts, alert.evidence, alert.since, until, zone, texts)
    return Pictures(levels, demand, heartbeats)


async def _facts(connection: Connection, alert: AlertView, policies: Policies, until: datetime) -> PumpFacts | None:
    """The facts of the alert's pump; None where the pump has another patient or is another clinic's."""
    as_of = None if alert.closed_at is None else until
    found = await load_facts(connection, [alert.pump_id], until, windows=policies.longest_baseline_days, as_of=as_of)
    return next((facts for facts in found if facts.since is None or facts.since <= alert.opened_at), None)
