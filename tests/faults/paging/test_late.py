"""Alarms that nobody evaluates while the database is there: paged straight from MQTT in time, and once only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from tests.faults.alerts_process import enrol as enrol_pumps
from tests.faults.alerts_process import environment
from tests.faults.paging.devices import publish
from tests.ingest_world import ingest_settings
from tests.stack import Database, RunService, eventually

RAISED = ("motor_stall", "raised")


@pytest.fixture
async def pumps(
    database: Database,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> list[str]:
    """Pumps of one clinic, watched by ingest and an alert service that waits for 2 s."""
    names = await enrol_pumps(database.dsn, 6, prefix=f"late-{database.name}")
    await run_service("ingest", ingest_settings(database.dsn, broker))
    alerts = environment(database.dsn, tmp_path / "policies", page_collector)
    await run_service("alerts", alerts | {"ALERTS_MQTT_URL": broker.url, "ALERTS_BYPASS_AFTER_SECONDS": "2"})
    return names


async def test_an_alarm_that_is_not_evaluated_in_time_is_paged_past_the_database_and_never_again(
    database: Database, broker: MosquittoServer, page_collector: PageCollector, pumps: list[str]
) -> None:
    usual, unstored, over, medium, silenced, unjudged = pumps
    await publish(broker, usual, RAISED)
    (page,) = await page_collector.wait_for(1)
    assert "not recorded" not in page.title

    # Ingest cannot store; whoever reads can.
    await database.pool.execute(
        "INSERT INTO silences "
        "(clinic_id, kind, pump_id, includes_high, reason, created_by, created_at, begins_at, ends_at) "
        "VALUES ('north', 'silence', $1, true, 'being mended', 'Ann', now(), now(), now() + interval '1 hour')",
        silenced,
    )
    async with database.pool.acquire() as held:
        async with held.transaction():
            await held.execute("LOCK TABLE pump_alarms IN SHARE MODE")
            await publish(broker, silenced, RAISED)
            await publish(broker, over, ("pump_stopped", "raised"), ("pump_stopped", "cleared"))
            await publish(broker, medium, ("memory_error", "raised"))
            await publish(broker, usual, RAISED)  # as it stands on the board
            await publish(broker, unstored, RAISED)
            *_, page = await page_collector.wait_for(2, within_seconds=10)
            assert page.title == "Pumpwatch HIGH, not recorded: pump alarm"
            assert "Pumpwatch could not evaluate it in time" in page.body

        async def bypassed(pump: str) -> bool:
            query = "SELECT count(*) FROM deliveries JOIN alerts a USING (alert_id) WHERE bypassed AND a.pump_id = $1"
            return bool(await held.fetchval(query, pump))

        await eventually(lambda: bypassed(unstored), 20)

        # It is stored, and the alert service waits for the pump.
        await held.execute(
            "INSERT INTO pump_evaluations (pump_id, evaluated_at) VALUES ($1, now()) ON CONFLICT DO NOTHING", unjudged
        )
        async with held.transaction():
            await held.execute("SELECT FROM pump_evaluations WHERE pump_id = $1 FOR UPDATE", unjudged)
            await publish(broker, unjudged, RAISED)
            *_, page = await page_collector.wait_for(3, within_seconds=10)
            assert page.title == "Pumpwatch HIGH, not recorded: pump alarm"
            assert await held.fetchval("SELECT count(*) FROM pump_alarms WHERE pump_id = $1", unjudged) == 1
        await eventually(lambda: bypassed(unjudged), 20)

        async def all_evaluated() -> bool:
            return not await held.fetchval("SELECT count(*) FROM evaluation_queue")

        await eventually(all_evaluated, 10)
        told = await held.fetch(
            "SELECT a.pump_id, d.bypassed FROM deliveries d JOIN alerts a USING (alert_id) WHERE d.state = 'sent'"
        )
    assert sorted(map(tuple, told)) == sorted([(usual, False), (unstored, True), (unjudged, True)])
    await asyncio.sleep(2.5)  # as long as the bypass waits: nothing more may come of what was evaluated
    assert len(page_collector.pages) == 3
