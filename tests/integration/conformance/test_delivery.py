"""The reference clients with Pumpwatch itself: what happened to a device is stored once, whatever happened to it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.ingest_world import enrol, ingest_settings
from tests.integration.conformance.devices import NODE, PYTHON, running
from tests.stack import eventually

CLIENTS = pytest.mark.parametrize("client", [PYTHON, NODE], ids=["python", "node"])


@CLIENTS
async def test_an_event_is_stored_once_though_the_power_went_and_nobody_listened(
    database, broker, run_service, tmp_path: Path, client: Path
) -> None:
    pump = f"pump-{uuid.uuid4().hex[:8]}"
    await enrol(database.pool, [pump])

    async def stored(kind: str) -> int:
        return await database.pool.fetchval(f"SELECT count(*) FROM {kind} WHERE device_id = $1", pump)

    async with running(client, pump, broker.port, tmp_path, heartbeat=60.0) as device:
        await device.observe(kind="bolus", outcome="delivered", dose_mcg=25.0)
        await eventually(lambda: "delivered" in _log(tmp_path), what="the event in the device's log")
        await device.switch_off()  # ingest has not run yet
        await run_service("ingest", ingest_settings(database.dsn, broker))
        await device.switch_on()
        await eventually(lambda: stored("bolus_requests"), what="the bolus")
        await device.observe(kind="alarm", code="motor_stall", state="raised")
        await eventually(lambda: stored("pump_alarms"), what="the alarm")
    assert await stored("bolus_requests") == 1
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


def _log(folder: Path) -> str:
    """What lies on the device's disk; where a file is just being replaced, the other one counts."""
    return "".join(path.read_bytes().decode(errors="replace") for path in folder.glob("*.log*") if path.exists())
