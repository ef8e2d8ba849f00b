"""The alert service as a process: its database goes away and comes back, it is killed, it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from services.devstack.pages import PageCollector
from tests.faults.alerts_process import enrol, environment, not_ready_because, stall
from tests.stack import Database, RunService, StartPostgres, eventually, make_database


async def test_the_database_goes_away_and_comes_back(
    own_postgres: StartPostgres, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    (first, second) = await enrol(dsn, 2)
    service = await run_service("alerts", environment(dsn, tmp_path / "policies", page_collector))
    await stall(dsn, [first])
    await page_collector.wait_for(1)
    server.stop()

    async def says_so() -> bool:
        return "database" in await asyncio.to_thread(not_ready_because, service)

    await eventually(says_so, 15)
    assert service.is_running
    server.start()
    await stall(dsn, [second])
    await page_collector.wait_for(2)
    await eventually(lambda: asyncio.to_thread(service.is_ready), 20)
    assert len(page_collector.pages) == 2


async def test_killed_again_and_again_it_raises_each_alert_once(
    database: Database, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    names = await enrol(database.dsn, 30)
    settings = environment(database.dsn, tmp_path / "policies", page_collector)
    for part in range(3):
        service = await run_service("alerts", settings)
        await stall(database.dsn, names[part * 10 : part * 10 + 10])
        await page_collector.wait_for(part * 10 + 1)  # in the middle of it
        service.kill()
    service = await run_service("alerts", settings)

    async def all_sent() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) = 30 FROM deliveries WHERE state = 'sent'"))

    await eventually(all_sent, 20)
    assert await database.pool.fetchval("SELECT count(*) FROM alerts") == 30
    assert await database.pool.fetchval("SELECT count(*) FROM deliveries") == 30
    # At least once: a page that was under way when the process was killed came twice, with the same id.
    assert len({page.raw["delivery_id"] for page in page_collector.pages}) == 30


async def test_it_stops_cleanly_when_told_to(
    database: Database, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    names = await enrol(database.dsn, 1)
    page_collector.answer_delay_seconds = 0.7
    service = await run_service("alerts", environment(database.dsn, tmp_path / "policies", page_collector))
    await stall(database.dsn, names)

    async def sending() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'sending'"))

    await eventually(sending, 10)
    service.send_signal(signal.SIGTERM)
    await eventually(lambda: not service.is_running, 10)
    assert service.exit_code == 0
    assert await database.pool.fetchval("SELECT state FROM deliveries") == "sent"


@pytest.mark.alone
async def test_one_of_two_is_killed_while_it_sends_and_the_other_takes_over_within_5_seconds(
    database: Database, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    names = await enrol(database.dsn, 2)
    settings = environment(database.dsn, tmp_path / "policies", page_collector) | {
        "ALERTS_SEND_TIMEOUT_SECONDS": "60",
        "ALERTS_SEND_LEASE_SECONDS": "90",
    }
    first = await run_service("alerts", settings)
    page_collector.answer_delay_seconds = 30
    await stall(database.dsn, names[:1])

    async def sending() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'sending'"))

    await eventually(sending, 10)
    second = await run_service("alerts", settings)
    page_collector.answer_delay_seconds = 0
    first.kill()
    killed_at = time.monotonic()
    await stall(database.dsn, names[1:])
    pages = await page_collector.wait_for(2, within_seconds=10)
    assert time.monotonic() - killed_at < 5
    assert second.is_running
    assert len({page.raw["delivery_id"] for page in pages}) == 2
