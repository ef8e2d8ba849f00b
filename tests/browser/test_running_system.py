"""The whole system, each part a process of its own: from a device's alarm to a board that stands open, and back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import expect

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from services.people.model import Role
from tests.browser.chromium import chromium
from tests.faults.alerts_process import enrol, environment
from tests.faults.paging.devices import publish
from tests.ingest_world import ingest_settings
from tests.signed_in import make_person, make_session
from tests.stack import Database, RunService


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
        await page.get_by_role("button", name="I have it").press("Enter")
        await expect(card).to_contain_text("Ann has it")
        web.terminate()
        await expect(page.locator("#stale")).to_contain_text("The board cannot be reached.", timeout=20_000)
        await expect(card).to_contain_text("Motor stall")
