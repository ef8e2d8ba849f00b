"""A policy file is gone, broken, or was never here when the service starts: the next motor stall is paged."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

from services.devstack.pages import PageCollector
from services.devstack.service import ServiceProcess
from tests.faults.alerts_process import POLICY, enrol, environment, stall
from tests.stack import Database, RunService, eventually


def warnings_of(service: ServiceProcess) -> str:
    with urllib.request.urlopen(f"{service.url}/readyz", timeout=8) as answer:
        return " ".join(json.loads(answer.read())["warnings"])


async def test_a_clinic_without_a_usable_file_is_paged_after_a_new_start_and_by_a_host_that_never_had_it(
    database: Database, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    first, second, third = await enrol(database.dsn, 3)
    folder = tmp_path / "policies"
    settings = environment(database.dsn, folder, page_collector) | {"NURSE_SMS": page_collector.url}
    (folder / "default.yaml").write_text(POLICY.format(url="env:NURSE_SMS"))
    service = await run_service("alerts", settings | {"ALERTS_WORKER_NAME": "one"})
    await stall(database.dsn, [first])
    await page_collector.wait_for(1)

    async def is_kept() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) FROM clinic_policies"))

    async def are_recorded(count: int) -> bool:
        """Who is killed between a page and its record is followed by the same page once more."""
        recorded: int = await database.pool.fetchval("SELECT count(*) FROM deliveries WHERE sent_at IS NOT NULL")
        return recorded == count

    await eventually(is_kept)
    await eventually(lambda: are_recorded(1))
    assert "env:NURSE_SMS" in await database.pool.fetchval("SELECT policy::text FROM clinic_policies")
    service.kill()

    other = {"ALERTS_WORKER_NAME": "two", "ALERTS_POLICY_FOLDER": str(tmp_path / "nowhere")}
    service = await run_service("alerts", settings | other)
    await stall(database.dsn, [second])
    await page_collector.wait_for(2)
    await eventually(lambda: are_recorded(2))
    assert f"{tmp_path / 'nowhere'}: cannot be read" in await asyncio.to_thread(warnings_of, service)
    service.kill()

    (folder / "default.yaml").write_text("a: !!timestamp foo")
    (folder / ".#default.yaml").symlink_to("somebody@somewhere")
    service = await run_service("alerts", settings | {"ALERTS_WORKER_NAME": "one"})
    await stall(database.dsn, [third])
    await page_collector.wait_for(3)
    assert "default.yaml:1: is not valid YAML: tags" in await asyncio.to_thread(warnings_of, service)
    paged = await database.pool.fetch(
        "SELECT pump_id FROM alerts JOIN deliveries USING (alert_id) WHERE sent_at IS NOT NULL"
    )
    assert {row["pump_id"] for row in paged} >= {first, second}
