"""An alert process that pages one nurse, and what happens to its pumps."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

import asyncpg

from services.devstack.pages import PageCollector
from services.devstack.service import ServiceProcess
from tests.ingest_world import TOKEN

POLICY = """
clinic_id: default
contacts: [{{name: nurse, channels: [{{name: sms, url: "{url}"}}]}}]
routes: {{high: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}}}
"""


def environment(dsn: str, folder: Path, collector: PageCollector) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "default.yaml").write_text(POLICY.format(url=collector.url))
    return {
        "ALERTS_DATABASE_URL": dsn,
        "ALERTS_POLICY_FOLDER": str(folder),
        "ALERTS_SEND_TIMEOUT_SECONDS": "1",
        "ALERTS_SEND_LEASE_SECONDS": "2",
    }


async def enrol(dsn: str, pumps: int, *, prefix: str = "pump") -> list[str]:
    names = [f"{prefix}-{number}" for number in range(pumps)]
    connection = await asyncpg.connect(dsn)
    await connection.execute("INSERT INTO clinics VALUES ('north', 'North')")
    for name in names:
        await connection.execute("INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', 'north')", name)
    await connection.close()
    return names


async def stall(dsn: str, names: list[str]) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        for name in names:
            await connection.execute(
                "INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, code, state) "
                "VALUES ($1, now(), $2, now(), $1, 'motor_stall', 'raised')",
                name,
                uuid4(),
            )
            await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", [name])
        await connection.execute("SELECT pg_notify('pumps_changed', '')")
    await connection.close()


def not_ready_because(service: ServiceProcess) -> str:
    """What its /readyz says is missing, names and all; empty: nothing."""
    asked = urllib.request.Request(f"{service.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(asked, timeout=8):
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode()
