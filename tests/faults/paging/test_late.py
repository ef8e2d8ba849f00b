"""Alarms that nobody evaluates while the database is there: paged straight from MQTT in time, and once only."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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


@asynccontextmanager
async def evaluated_all_the_time(database: Database, pump: str) -> AsyncIterator[None]:
    """As while old news of a pump come in, one after another."""

    async def queue() -> None:
        while True:
            await database.pool.execute(
                "WITH queued AS (INSERT INTO evaluation_queue (pump_ids, urgent) VALUES (ARRAY[$1], true)) "
                "SELECT pg_notify('pumps_changed', '')",
                pump,
            )
            await asyncio.sleep(0.05)

    queueing = asyncio.create_task(queue())
    try:
        yield
    finally:
        queueing.cancel()
        await asyncio.wait([queueing])


@pytest.fixture
async def pumps(
    database: Database,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> list[str]:
    """Pumps of one clinic, watched by ingest and two alert services that wait for 2 s."""
    names = await enrol_pumps(database.dsn, 9, prefix=f"late-{database.name}")
    async with database.pool.acquire() as connection:
        handheld = f"{names[-1]}-handheld"
        await connection.execute(
            "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'handheld', 'north')", handheld
        )
        await connection.execute("INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, $2)", handheld, names[-1])
    await run_service("ingest", ingest_settings(database.dsn, broker))
    alerts = environment(database.dsn, tmp_path / "policies", page_collector)
    for _ in range(2):
        await run_service("alerts", alerts | {"ALERTS_MQTT_URL": broker.url, "ALERTS_BYPASS_AFTER_SECONDS": "2"})
    return names


async def test_an_alarm_that_is_not_evaluated_in_time_is_paged_past_the_database_and_never_again(
    database: Database, broker: MosquittoServer, page_collector: PageCollector, pumps: list[str]
) -> None:
    usual, unstored, over, medium, silenced, unjudged, explanted, after, before = pumps
    handheld = f"{before}-handheld"
    await database.pool.execute(
        "INSERT INTO implantations (pump_id, began_at, implanted) VALUES ($1, now(), false)", explanted
    )
    await publish(broker, usual, RAISED)
    (page,) = await page_collector.wait_for(1)
    assert "not recorded" not in page.title

    async def noted(pump: str) -> bool:
        """So that whichever process decides first knows of it."""
        return bool(await database.pool.fetchval("SELECT count(*) FROM bypassed_pages WHERE pump_id = $1", pump))

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
            await database.pool.execute("UPDATE pairings SET ended_at = now() WHERE handheld_id = $1", handheld)
            await database.pool.execute(
                "INSERT INTO pairings (handheld_id, pump_id, paired_at) SELECT handheld_id, $2, ended_at FROM pairings "
                "WHERE handheld_id = $1",
                handheld,
                after,
            )
            await publish(broker, silenced, RAISED)
            await publish(broker, over, ("pump_stopped", "raised"), ("pump_stopped", "cleared"))
            await publish(broker, medium, ("memory_error", "raised"))
            await publish(broker, usual, RAISED)  # as it stands on the board
            await publish(broker, explanted, RAISED)
            await publish(broker, unstored, RAISED)
            await publish(broker, handheld, RAISED)
            async with evaluated_all_the_time(database, unstored):
                *_, first, second = await page_collector.wait_for(3, within_seconds=20)
            for page in (first, second):
                assert page.title == "Pumpwatch HIGH, not recorded: pump alarm"
                assert "Pumpwatch could not evaluate it in time" in page.body
            for pump in (unstored, after):
                await eventually(functools.partial(noted, pump), 10)

        async def bypassed(pump: str) -> bool:
            query = "SELECT count(*) FROM deliveries JOIN alerts a USING (alert_id) WHERE bypassed AND a.pump_id = $1"
            return bool(await held.fetchval(query, pump))

        for pump in (unstored, after):
            await eventually(functools.partial(bypassed, pump), 20)

        # It is stored, and the alert service waits for the pump.
        await held.execute(
            "INSERT INTO pump_evaluations (pump_id, evaluated_at) VALUES ($1, now()) ON CONFLICT DO NOTHING", unjudged
        )
        async with held.transaction():
            await held.execute("SELECT FROM pump_evaluations WHERE pump_id = $1 FOR UPDATE", unjudged)
            await publish(broker, unjudged, RAISED)
            *_, page = await page_collector.wait_for(4, within_seconds=10)
            assert page.title == "Pumpwatch HIGH, not recorded: pump alarm"
            assert await held.fetchval("SELECT count(*) FROM pump_alarms WHERE pump_id = $1", unjudged) == 1
            await eventually(functools.partial(noted, unjudged), 10)
        await eventually(lambda: bypassed(unjudged), 20)

        async def all_evaluated() -> bool:
            return not await held.fetchval("SELECT count(*) FROM evaluation_queue")

        await eventually(all_evaluated, 10)
        told = await held.fetch(
            "SELECT a.pump_id, d.bypassed FROM deliveries d JOIN alerts a USING (alert_id) WHERE d.state = 'sent'"
        )
    assert sorted(map(tuple, told)) == sorted([(usual, False), (unstored, True), (after, True), (unjudged, True)])
    await asyncio.sleep(2.5)  # as long as the bypass waits: nothing more may come of what was evaluated
    assert len(page_collector.pages) == 4
