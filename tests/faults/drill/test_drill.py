"""A drill goes through real broker, ingest, database and worker to a pager, or the operator hears of it otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.topics import DRILL
from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from tests.command import pumpwatch
from tests.faults.alerts_process import not_ready_because
from tests.ingest_world import alarm, ingest_settings, opened
from tests.stack import Database, RunService, StartBroker, StartPostgres, eventually, make_database

POLICY = """
clinic_id: pumpwatch-drill
contacts: [{{name: operator, channels: [{{name: push, url: "{url}"}}]}}]
routes: {{high: {{steps: [{{after_minutes: 0, contacts: [operator]}}], repeat_minutes: 0}}}}
paging: {{flapping_minutes: 0}}
"""
OF_THE_CLINIC = """
clinic_id: default
contacts: [{{name: nurse, channels: [{{name: push, url: "{url}"}}]}}]
routes: {{high: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}}}
"""
CAME_THROUGH = "Pumpwatch DRILL: a test alarm came through"


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything is, and two pagers: the one that drills page, and the operator's other one."""

    broker: MosquittoServer
    dsn: str
    pager: PageCollector
    other: PageCollector
    policies: Path

    def of_alerts(self, **more: str) -> dict[str, str]:
        return {
            "ALERTS_DATABASE_URL": self.dsn,
            "ALERTS_POLICY_FOLDER": str(self.policies),
            "ALERTS_DRILL_MQTT_URL": self.broker.url,
            "ALERTS_DRILL_WITHIN_SECONDS": "4",
            "ALERTS_ESCALATION_SECONDS": "0.2",
            "ALERTS_DRILL_MISSED_URL": self.other.url,
            "ALERTS_SEND_TIMEOUT_SECONDS": "1",
            "ALERTS_SEND_LEASE_SECONDS": "2",
            **more,
        }

    def of_ingest(self) -> dict[str, str]:
        return ingest_settings(self.dsn, self.broker)

    async def drill(self) -> tuple[int, str]:
        """Run `pumpwatch drill`: its exit code, and what it says."""
        done = await asyncio.to_thread(pumpwatch, "drill", "--by", "Ann", DATABASE_URL=self.dsn)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    async def rows(self, query: str) -> list[Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()


@contextmanager
def _site(broker: MosquittoServer, dsn: str, folder: Path, pager: PageCollector) -> Iterator[Site]:
    folder.mkdir()
    (folder / "drill.yaml").write_text(POLICY.format(url=pager.url))
    with PageCollector() as other:
        yield Site(broker, dsn, pager, other, folder)


@pytest.fixture
async def site(
    database: Database, own_broker: StartBroker, page_collector: PageCollector, tmp_path: Path
) -> AsyncIterator[Site]:
    with _site(own_broker(persistence=True), database.dsn, tmp_path / "policies", page_collector) as made:
        yield made


async def all_over(site: Site) -> bool:
    drills = await site.rows("SELECT 1 FROM drills WHERE cleared_at IS NULL")
    return not drills and not await site.rows("SELECT 1 FROM alerts WHERE state <> 'closed'")


@pytest.mark.slow
async def test_a_drill_comes_through_by_itself_and_when_asked_for(site: Site, run_service: RunService) -> None:
    await run_service("ingest", site.of_ingest())
    service = await run_service("alerts", site.of_alerts())

    [page] = await site.pager.wait_for(1, within_seconds=30)
    assert page.title == CAME_THROUGH
    assert page.body.startswith("No pump and no patient: nothing to do. Alert ")
    await eventually(lambda: all_over(site), 20, what="the drill is over, and so is its alert")
    [first] = await site.rows("SELECT * FROM drills")
    assert first["missed"] is None
    assert first["asked_by"] is None
    legs = [first[name] for name in ("begun_at", "accepted_at", "stored_at", "opened_at", "paged_at")]
    assert None not in legs
    assert first["accepted_at"] <= first["stored_at"]
    assert first["opened_at"] <= first["paged_at"]
    assert (first["paged_at"] - first["begun_at"]).total_seconds() < 4

    code, said = await site.drill()
    assert code == 0, said
    for leg in ("taken by the broker", "stored by ingest", "alert opened", "page sent"):
        assert leg in said
    assert said.endswith("the drill came through\n")
    await eventually(lambda: all_over(site), 20, what="the second is over too")
    assert [page.title for page in site.pager.pages] == [CAME_THROUGH] * 2
    assert site.other.pages == ()
    [(clinic)] = {row["clinic_id"] for row in await site.rows("SELECT DISTINCT clinic_id FROM alerts")}
    assert clinic == DRILL

    listed = await asyncio.to_thread(pumpwatch, "drill", "--list", DATABASE_URL=site.dsn)
    assert listed.stdout.count("came through") == 2
    assert listed.stdout.splitlines()[0].split() == ["WHEN", "WHAT", "CAME", "OF", "IT", "ASKED", "BY"]
    assert any(line.endswith("  Ann") for line in listed.stdout.splitlines())
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{service.url}/metrics")).text
    assert "pumpwatch_drill_missed 0.0" in metrics
    passed = next(line for line in metrics.splitlines() if line.startswith("pumpwatch_drill_passed_timestamp"))
    assert abs(datetime.now(UTC).timestamp() - float(passed.split()[1])) < 120


@pytest.mark.slow
async def test_with_ingest_killed_the_operator_hears_of_it_by_the_other_way(
    site: Site, run_service: RunService
) -> None:
    settings = site.of_ingest()
    ingest = await run_service("ingest", settings)
    service = await run_service("alerts", site.of_alerts())
    await site.pager.wait_for(1, within_seconds=30)
    await eventually(lambda: all_over(site), 20, what="the first drill is over")
    ingest.kill()

    code, said = await site.drill()
    assert code == 1
    why = "the broker took the alarm, and ingest did not say that it stored it"
    assert said.endswith(f"error: the drill was missed: {why}\n")
    [told] = await site.other.wait_for(1, within_seconds=20)
    assert told.title == "Pumpwatch: the drill was missed"
    assert why in told.body
    assert not_ready_because(service) == ""  # it can work: this is a warning
    async with httpx.AsyncClient(timeout=10) as client:
        assert f"was missed: {why}" in (await client.get(f"{service.url}/readyz")).text

    await run_service("ingest", settings)  # and gets what the broker kept: the alarm, and that it is over
    await eventually(lambda: all_over(site), 30, what="what came late is over as well")
    code, said = await site.drill()
    assert code == 0, said
    assert len(site.other.pages) == 1


@pytest.mark.slow
async def test_a_drill_that_a_killed_worker_left_is_ended_and_told_once(site: Site, run_service: RunService) -> None:
    worker = await run_service("alerts", site.of_alerts())  # and no ingest
    await eventually(
        lambda: site.rows("SELECT 1 FROM drills WHERE accepted_at IS NOT NULL AND ended_at IS NULL"),
        30,
        what="the broker has the alarm",
    )
    worker.kill()
    for _ in range(2):
        await run_service("alerts", site.of_alerts())
    await site.other.wait_for(1, within_seconds=30)
    await eventually(lambda: site.rows("SELECT 1 FROM drills WHERE cleared_at IS NOT NULL AND told_at IS NOT NULL"), 20)
    assert len(await site.rows("SELECT 1 FROM drills")) == 1
    assert len(site.other.pages) == 1


@pytest.mark.slow
async def test_an_alarm_of_the_drill_that_was_left_standing_is_ended_before_the_next(
    site: Site, run_service: RunService
) -> None:
    """That it is over was lost: the next alarm would open no alert, and look as if nothing worked."""
    await run_service("ingest", site.of_ingest())
    await run_service("alerts", site.of_alerts())
    await site.pager.wait_for(1, within_seconds=30)
    await eventually(lambda: all_over(site), 20, what="the first drill is over")
    async with opened(site.broker, DRILL) as device:
        await device.receipt("alarm", alarm("motor_stall"))
    await site.pager.wait_for(2, within_seconds=20)
    code, said = await site.drill()
    assert code == 0, said
    assert await site.rows("SELECT count(*) FROM alerts") == [{"count": 3}]


@pytest.mark.slow
async def test_with_the_database_away_the_operator_hears_of_it_all_the_same(
    own_postgres: StartPostgres,
    own_broker: StartBroker,
    page_collector: PageCollector,
    run_service: RunService,
    tmp_path: Path,
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    with _site(own_broker(), dsn, tmp_path / "policies", page_collector) as site:
        await run_service("alerts", site.of_alerts())  # a drill is due, and no ingest runs
        await eventually(lambda: site.rows("SELECT 1 FROM drills WHERE accepted_at IS NOT NULL"), 30)
        server.kill()
        [told] = await site.other.wait_for(1, within_seconds=30)
        assert "the database is away" in told.body


async def test_without_a_policy_of_its_own_nobody_is_paged_and_who_asks_reads_what_is_missing(
    site: Site, run_service: RunService
) -> None:
    """The file of "default" stands in for clinics that have none; its nurse is not the drill's."""
    (site.policies / "drill.yaml").unlink()
    (site.policies / "default.yaml").write_text(OF_THE_CLINIC.format(url=site.pager.url))
    await run_service("ingest", site.of_ingest())
    await run_service("alerts", site.of_alerts())
    code, said = await site.drill()
    assert code == 1
    assert said == "error: the drill was missed: no policy file has clinic_id: pumpwatch-drill\n"
    assert site.pager.pages == ()
    assert not await site.rows("SELECT 1 FROM devices")


async def test_what_hinders_a_drill_is_missed_and_told(site: Site, run_service: RunService) -> None:
    (site.policies / "drill.yaml").write_text(
        POLICY.format(url=site.pager.url).replace("flapping_minutes: 0", "flapping_minutes: 5")
    )
    await run_service("alerts", site.of_alerts())
    [told] = await site.other.wait_for(1, within_seconds=30)
    assert "paging.flapping_minutes is 5, expected 0: each drill is to page" in told.body


async def test_where_no_worker_does_drills_who_asks_is_told_and_nothing_is_left(database: Database) -> None:
    done = await asyncio.to_thread(pumpwatch, "drill", "--wait", "1", "--json", DATABASE_URL=database.dsn)
    assert done.returncode == 1
    said = json.loads(done.stderr)["detail"]
    assert said.startswith("no alert worker began the drill within 1 s; expected one that runs, with ")
    assert await database.pool.fetchval("SELECT count(*) FROM drills") == 0
    listed = await asyncio.to_thread(pumpwatch, "drill", "--list", "--json", DATABASE_URL=database.dsn)
    assert json.loads(listed.stdout) == {"drills": []}
