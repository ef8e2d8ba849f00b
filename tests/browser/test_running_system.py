"""The whole system, each part a process of its own: from a device's alarm to a board that stands open, and back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
from playwright.async_api import expect

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from services.people.model import Role
from tests.browser.chromium import chromium
from tests.faults.alerts_process import enrol, environment
from tests.faults.paging.devices import publish
from tests.ingest_world import ingest_settings
from tests.signed_in import make_person, make_session
from tests.stack import Database, RunService, StartPostgres, make_database


async def test_an_alarm_that_a_device_sends_stands_on_an_open_board_and_is_taken_there(
    database: Database,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    (pump,) = await enrol(database.dsn, 1, prefix=f"open-{database.name}")
    await run_service("ingest", ingest_settings(database.dsn, broker))
    await run_service("alerts", environment(database.dsn, tmp_path / "policies", page_collector))
    web = await run_service("web", {"WEB_DATABASE_URL": database.dsn, "WEB_WORKER_URL": "http://127.0.0.1:9"})
    person = await make_person(database.pool, "Ann", Role.RESPONDER, datetime.now(UTC))
    token = await make_session(database.pool, person, datetime.now(UTC))
    async with chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        await context.add_cookies([{"name": "pumpwatch", "value": token, "url": web.url}])
        page = await context.new_page()
        async with page.expect_response(lambda answer: "/live" in answer.url):
            await page.goto(web.url)
        await expect(page.get_by_text("No open alerts.")).to_be_visible()
        began = time.monotonic()
        await publish(broker, pump, ("motor_stall", "raised"))
        card = page.locator("#alerts article")
        await expect(card).to_contain_text("Motor stall", timeout=20_000)
        print(f"from the device to the open board: {time.monotonic() - began:.2f} s")  # noqa: T201
        await expect(page.locator("#news")).to_contain_text(f"New high alert: Motor stall, {pump}")
        await page_collector.wait_for(1)
        await expect(card).to_contain_text("Told: nurse", timeout=20_000)
        async with page.expect_response(lambda answer: "/live" in answer.url):
            await page.get_by_role("button", name="Acknowledge").press("Enter")
        await expect(card).to_contain_text("Acknowledged by Ann")
        web.terminate()
        await expect(page.locator("#stale")).to_contain_text("The board cannot be reached.", timeout=20_000)
        await expect(card).to_contain_text("Motor stall")


async def test_a_board_that_stands_open_shows_what_is_paged_while_the_database_is_stopped(
    own_postgres: StartPostgres,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    (pump,) = await enrol(dsn, 1, prefix=f"stopped-{server.port}")
    mark = uuid4().hex[:8]
    own = {"INGEST_CLIENT_ID": f"open-{mark}", "INGEST_SHARE_GROUP": mark}
    await run_service("ingest", {"INGEST_DATABASE_URL": dsn, "INGEST_MQTT_URL": broker.url} | own)
    alerts = environment(dsn, tmp_path / "policies", page_collector) | {"ALERTS_MQTT_URL": broker.url}
    worker = await run_service("alerts", alerts)
    web = await run_service("web", {"WEB_DATABASE_URL": dsn, "WEB_WORKER_URL": worker.url})
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    token = await make_session(pool, await make_person(pool, "Ann", Role.VIEWER, datetime.now(UTC)), datetime.now(UTC))
    await pool.close()
    async with chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        await context.add_cookies([{"name": "pumpwatch", "value": token, "url": web.url}])
        page = await context.new_page()
        async with page.expect_response(lambda answer: "/live" in answer.url):
            await page.goto(web.url)
        server.stop()
        await expect(page.locator("#stale")).to_contain_text("The database cannot be reached", timeout=20_000)
        await publish(broker, pump, ("motor_stall", "raised"))
        await page_collector.wait_for(1, within_seconds=20)
        await expect(page.locator("#past article")).to_contain_text(pump, timeout=20_000)
        await expect(page.locator("#news")).to_contain_text(f"New high alert: Motor stall, {pump}")
        await page.reload()  # whoever comes now sees the same
        await expect(page.locator("#past article")).to_contain_text(pump)
        server.start()
        await expect(page.locator("#alerts article")).to_contain_text(
            "Told while the database was away", timeout=40_000
        )
        await expect(page.locator("#past")).to_have_count(0)
        await expect(page.locator("#stale")).to_be_hidden()
