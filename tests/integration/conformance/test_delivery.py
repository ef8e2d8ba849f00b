"""The reference clients with Pumpwatch itself: what happened to a device is stored once, whatever happened to it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
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

    async def boluses():
        return await database.pool.fetchval("SELECT count(*) FROM bolus_requests WHERE device_id = $1", pump)

    async def alarms():
        return await database.pool.fetchval("SELECT count(*) FROM pump_alarms WHERE device_id = $1", pump)

    published: list[str] = []
    async with (
        open_link(broker_address(broker.url), f"{pump}-seen", lambda packet: published.append(packet.topic)) as link,
        running(client, pump, broker.port, tmp_path, heartbeat=60.0) as device,
    ):
        await link.subscribe(f"pumpwatch/v1/{pump}/events/bolus")
        await device.observe(kind="bolus", outcome="delivered", dose_mcg=25.0)
        await eventually(lambda: published, what="the bolus at the broker")
        await device.switch_off()  # ingest has not run yet
        await run_service("ingest", ingest_settings(database.dsn, broker))
        await device.switch_on()
        await eventually(boluses, what="the bolus")
        await device.observe(kind="alarm", code="motor_stall", state="raised")
        await eventually(alarms, what="the alarm")
    assert await boluses() == 1
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
