"""The clinic that the documents' pictures show: simulated pumps of a fixed seed, and what has just happened to some."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from services.devstack.pages import PageCollector
from services.people.model import Role
from services.simulator.app import run
from services.simulator.settings import SimulatorSettings
from tests.ingest_world import ingest_settings
from tests.integration.people.two_clinics import make_rota
from tests.signed_in import make_person, make_session
from tests.stack import Database, RunService, StartBroker

CLINIC: Final = "north"
STALLED: Final = "pump-0003"
LOW: Final = "pump-0008"
SURGING: Final = "pump-0009"
_STORY: Final = (f"motor_stall/{STALLED}@-25m", f"low_reservoir/{LOW}@-3h", f"demand_surge/{SURGING}@-20h")
_SEED: Final = 3
_PUMPS: Final = 16
_HISTORY_DAYS: Final = 45

_POLICY: Final = """
clinic_id: {clinic}
include_patient_data: true
contacts: [{{name: nurse on call, channels: [{{name: phone, url: "{url}"}}]}}]
routes:
  high: {{steps: [{{after_minutes: 0, contacts: [nurse on call]}}]}}
  medium: {{steps: [{{after_minutes: 0, contacts: [nurse on call]}}]}}
paging:
  quiet_hours: {{begins: "22:00", ends: "06:00", timezone: Europe/Berlin}}
what_to_do:
  pump_alarm/infusion: ["Call the patient. At night, then call the physician on duty, 555-1200."]
"""


@dataclass(frozen=True, slots=True)
class Clinic:
    """The board of the clinic, and the session of its nurse Ann."""

    url: str
    token: str


@asynccontextmanager
async def clinic_of_the_pictures(
    database: Database, own_broker: StartBroker, run_service: RunService, pager: PageCollector, folder: Path
) -> AsyncIterator[Clinic]:
    """Devices send over MQTT, ingest stores, the alert worker decides and pages, the board shows it: all of it runs."""
    broker = own_broker()
    await run_service("ingest", ingest_settings(database.dsn, broker))
    simulated = SimulatorSettings.model_validate(
        {
            "mqtt_url": broker.url,
            "database_url": database.dsn,
            "clinic_id": CLINIC,
            "clinic_name": "Clinic of the north",
            "pumps": _PUMPS,
            "seed": _SEED,
            "history_days": _HISTORY_DAYS,
            "scenarios": _STORY,
            "live": False,
            "drain_seconds": 30,
        }
    )
    summary = await run(simulated, on_progress=lambda _: None, stop=asyncio.Event())
    assert summary.counts.outstanding == summary.counts.rejected == 0
    policies = folder / "policies"
    policies.mkdir()
    (policies / f"{CLINIC}.yaml").write_text(_POLICY.format(clinic=CLINIC, url=pager.url))
    alerts = {"ALERTS_DATABASE_URL": database.dsn, "ALERTS_POLICY_FOLDER": str(policies)}
    worker = await run_service("alerts", alerts)
    web = await run_service("web", {"WEB_DATABASE_URL": database.dsn, "WEB_WORKER_URL": worker.url})
    now = datetime.now(UTC)
    ann = await make_person(database.pool, "Ann Keller", Role.RESPONDER, now)
    await make_rota(database.pool, CLINIC, ann, now)  # by whose clock days and visits go
    yield Clinic(web.url, await make_session(database.pool, ann, now))
