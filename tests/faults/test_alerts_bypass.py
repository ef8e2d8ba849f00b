"""High pump alarms while PostgreSQL is really stopped: paged straight from MQTT, and once only."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.service import ServiceProcess
from services.people.model import Role
from tests.faults.alerts_process import enrol, environment
from tests.faults.paging.devices import publish
from tests.signed_in import make_person, make_session
from tests.stack import RunService, StartPostgres, eventually, make_database


def board_of(service: ServiceProcess, session: str) -> str:
    asked = urllib.request.Request(f"{service.url}/", headers={"Cookie": f"pumpwatch={session}"})
    try:
        with urllib.request.urlopen(asked, timeout=15) as answer:
            return str(answer.read(), "utf-8")
    except urllib.error.HTTPError as error:
        return error.read().decode()


async def session_on(dsn: str) -> str:
    """The token of a session of Ann's."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    try:
        now = datetime.now(UTC)
        return await make_session(pool, await make_person(pool, "Ann", Role.VIEWER, now), now)
    finally:
        await pool.close()


async def start_ingest(dsn: str, broker: MosquittoServer, run_service: RunService) -> None:
    """One with a session and a share of its own."""
    mark = uuid4().hex[:8]
    addresses = {"INGEST_DATABASE_URL": dsn, "INGEST_MQTT_URL": broker.url}
    await run_service("ingest", addresses | {"INGEST_CLIENT_ID": f"bypass-{mark}", "INGEST_SHARE_GROUP": mark})


async def test_two_processes_page_by_themselves_with_one_id_and_it_is_one_page_in_the_record(
    own_postgres: StartPostgres,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    """Without the database there is nothing by which they could agree (services/alerts/outage/bypass.py)."""
    server = own_postgres()
    dsn = await make_database(server)
    (pump,) = await enrol(dsn, 1)
    await start_ingest(dsn, broker, run_service)
    alerts = environment(dsn, tmp_path / "policies", page_collector) | {"ALERTS_MQTT_URL": broker.url}
    for _ in range(2):
        await run_service("alerts", alerts)
    server.stop()
    await publish(broker, pump, ("motor_stall", "raised"))
    first, second = await page_collector.wait_for(2, within_seconds=10)
    assert first.title == second.title == "Pumpwatch HIGH, not recorded: pump alarm"
    assert first.raw["delivery_id"] == second.raw["delivery_id"]

    server.start()
    connection = await asyncpg.connect(dsn)
    try:

        async def settled() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM deliveries WHERE bypassed"))

        await eventually(settled, 30)
        assert await connection.fetchval("SELECT count(*) FROM deliveries") == 1
    finally:
        await connection.close()
    assert len(page_collector.pages) == 2


@pytest.mark.alone
async def test_an_alarm_while_the_database_is_stopped_is_paged_in_5_seconds_and_never_again(
    own_postgres: StartPostgres,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    before, during, cleared, medium = await enrol(dsn, 4)
    await start_ingest(dsn, broker, run_service)
    alerts = environment(dsn, tmp_path / "policies", page_collector) | {"ALERTS_MQTT_URL": broker.url}
    service = await run_service("alerts", alerts)
    web = await run_service("web", {"WEB_DATABASE_URL": dsn, "WEB_WORKER_URL": service.url})
    session = await session_on(dsn)
    assert "Sign out" in await asyncio.to_thread(board_of, web, session)
    await publish(broker, before, ("motor_stall", "raised"))
    (page,) = await page_collector.wait_for(1)
    assert "not recorded" not in page.title

    server.stop()
    began = time.monotonic()
    await publish(broker, during, ("motor_stall", "raised"))
    await publish(broker, cleared, ("pump_stopped", "raised"), ("pump_stopped", "cleared"))
    await publish(broker, medium, ("memory_error", "raised"))
    pages = await page_collector.wait_for(2, within_seconds=10)
    assert time.monotonic() - began < 5.5  # 5, and a bit for a test on a busy machine
    assert pages[1].title == "Pumpwatch HIGH, not recorded: pump alarm"
    assert during not in str(pages[1].raw)
    assert during in await asyncio.to_thread(board_of, web, session)
    assert during not in await asyncio.to_thread(board_of, web, "of nobody who was here before")
    await publish(broker, during, ("motor_stall", "raised"))  # the device says it again

    server.start()
    connection = await asyncpg.connect(dsn)

    async def settled() -> bool:
        query = "SELECT count(*) FROM deliveries d JOIN alerts a USING (alert_id) WHERE a.pump_id = $1 AND d.bypassed"
        return bool(await connection.fetchval(query, during))

    try:
        await eventually(settled, 30)
        await eventually(lambda: asyncio.to_thread(service.is_ready), 20)

        async def medium_is_there() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM alerts WHERE pump_id = $1", medium))

        async def all_recorded() -> bool:
            """The page of `before` may have gone out at the very moment at which the database went away."""
            return not await connection.fetchval("SELECT count(*) FROM deliveries WHERE state = 'sending'")

        await eventually(medium_is_there, 20)
        await eventually(all_recorded, 10)
        rows = await connection.fetch(
            "SELECT a.pump_id, d.state, d.bypassed FROM alerts a LEFT JOIN deliveries d USING (alert_id) ORDER BY 1"
        )
        assert [tuple(row) for row in rows] == [
            (before, "sent", False),
            (during, "sent", True),
            (medium, None, None),
        ]
        assert await connection.fetchval("SELECT count(*) FROM bypassed_pages WHERE settled_at IS NULL") == 0
    finally:
        await connection.close()
    assert len(page_collector.pages) == 2
    assert "Told while the database was away" in await asyncio.to_thread(board_of, web, session)

    service.terminate(within_seconds=5)
    server.stop()

    async def is_told() -> bool:
        """The worker is asked at most once a second."""
        return "the alert worker does not answer" in await asyncio.to_thread(board_of, web, session)

    await eventually(is_told, 5)


async def test_what_ended_just_before_the_database_went_away_is_paged_when_it_comes_back_meanwhile(
    own_postgres: StartPostgres,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    first, second = await enrol(dsn, 2)
    await start_ingest(dsn, broker, run_service)
    alerts = environment(dsn, tmp_path / "policies", page_collector) | {"ALERTS_MQTT_URL": broker.url}
    await run_service("alerts", alerts)
    await publish(broker, first, ("motor_stall", "raised"))
    await publish(broker, second, ("motor_stall", "raised"))
    await page_collector.wait_for(2)
    connection = await asyncpg.connect(dsn)

    async def over() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM alerts WHERE state = 'cleared'"))

    await publish(broker, first, ("motor_stall", "cleared"))
    await eventually(over, 10)
    connection.terminate()
    server.stop()
    await publish(broker, first, ("motor_stall", "raised"))
    await publish(broker, second, ("motor_stall", "raised"))  # it never ended
    *_, page = await page_collector.wait_for(3, within_seconds=10)
    assert page.title == "Pumpwatch HIGH, not recorded: pump alarm"
