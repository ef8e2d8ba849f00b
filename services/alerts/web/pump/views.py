"""A pump's page: what is known of it now, for whoever may see its clinic."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request, Response

from schemas.policy import Policy
from services.alerts.delivery.mute import Silence
from services.alerts.delivery.store import list_silences
from services.alerts.facts.model import PumpFacts
from services.alerts.facts.store import load_facts
from services.alerts.web.allowed import must_see_pump
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import Name
from services.alerts.web.pictures.demand_chart import demand_chart
from services.alerts.web.pictures.heartbeat_chart import heartbeat_chart
from services.alerts.web.pictures.level_chart import level_chart
from services.alerts.web.pictures.of_alert import Pictures
from services.alerts.web.pictures.store import levels_of_pump
from services.alerts.web.pump.page import pump_page
from services.alerts.web.pump.store import alerts_of_pump, device_of_pump, therapy_of_pump
from services.runtime.database import Connection
from services.texts.model import Texts

PATH: Final = "/pumps"
_DASHBOARD: Final = "/d/pumpwatch-pump?var-pump="

router = APIRouter(include_in_schema=False)
PumpName = Annotated[Name, Path()]


@router.get(f"{PATH}/{{pump_id}}")
async def show_pump(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, request: Request, pump_id: PumpName
) -> Response:
    """One pump."""
    now = web.clock()
    device = must_see_pump(caller, pump_id, await device_of_pump(connection, pump_id))
    await web.reads.note(connection, caller, [(device.clinic_id, pump_id)], now)
    (facts,) = await load_facts(connection, [pump_id], now, windows=policies.longest_baseline_days)
    zone, policy = await web.zones.one(connection, policies, device.clinic_id), policies.of(device.clinic_id)
    programmed = await therapy_of_pump(connection, pump_id, facts.since)
    alerts, count = await alerts_of_pump(connection, pump_id, device.clinic_id)
    grafana, texts = web.settings.grafana_url, texts_for(request)
    return render(
        "pump/pump.html",
        request,
        now=now,
        pump_id=pump_id,
        device=device,
        facts=facts,
        zone=zone,
        here=zone,
        page=pump_page(facts, programmed, policy, zone, now, watched_since=device.enrolled_at, texts=texts),
        pictures=await _pictures(connection, facts, policy, zone, now, texts),
        alerts=alerts,
        alerts_in_all=count,
        silences=[each for each in await list_silences(connection, device.clinic_id, now) if _is_over(each, pump_id)],
        dashboard=f"{grafana}{_DASHBOARD}{quote(pump_id, safe='')}" if grafana else None,
        warnings=(),
    )


async def _pictures(
    connection: Connection, facts: PumpFacts, policy: Policy, zone: ZoneInfo, now: datetime, texts: Texts
) -> Pictures:
    low = policy.low_reservoir.level_ml if facts.programmed_low_ml is None else facts.programmed_low_ml
    known = await levels_of_pump(connection, facts.pump_id, facts.since, now)
    return Pictures(
        level_chart(known, {"limit_ml": low}, zone, texts),
        demand_chart(facts, {}, None, now, zone, texts),
        heartbeat_chart(facts, policy.device_silent, now, zone, texts),
    )


def _is_over(silence: Silence, pump_id: str) -> bool:
    return silence.pump_id in (None, pump_id)
