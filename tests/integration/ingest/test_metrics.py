"""What the services tell Prometheus: in the form that it wants, complete from the start, and about no device."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.events import RejectionReason
from schemas.policy import Priority
from services.alerts.metrics import DELIVERY_RESULTS, TASKS, TRIGGERS
from services.devstack.servers.system_packages import ensure_program
from services.ingest.batch import FlushReason
from services.ingest.messages.receipts import NotSent
from tests.ingest_world import CLINIC, TOKEN, alarm, enrol, ingest_settings, reading, unique
from tests.stack import eventually

CLOSED = {
    "pumpwatch_ingest_rejections_total": set(RejectionReason),
    "pumpwatch_ingest_flushes_total": set(FlushReason),
    "pumpwatch_ingest_receipts_not_sent_total": set(NotSent),
    "pumpwatch_ingest_events_total": {"stored", "duplicate", "rejected"},
    "pumpwatch_ingest_messages_total": {"mqtt", "http"},
    "pumpwatch_alerts_deliveries_total": set(DELIVERY_RESULTS),
    "pumpwatch_alerts_without_contact_total": set(Priority),
    "pumpwatch_alerts_pumps_evaluated_total": set(TRIGGERS),
    "pumpwatch_alerts_database_failures_total": set(TASKS),
}


@pytest.fixture(scope="module")
def promtool() -> Path:
    return ensure_program("promtool", "prometheus", purpose="the test of the metrics")


@pytest.fixture
async def ingest(run_service, database, broker):
    return await run_service("ingest", ingest_settings(database.dsn, broker))


@pytest.fixture
async def alerts(run_service, database):
    return await run_service("alerts", {"ALERTS_DATABASE_URL": database.dsn, "ALERTS_LOG_JSON": "false"})


async def scraped(service) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{service.url}/metrics")).text


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def send(service, device: str, events: list[dict[str, object]]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers) as gateway:
        await gateway.post(f"/v1/devices/{device}/events", json=events)


async def test_metrics_are_as_prometheus_wants_them_and_name_no_device(ingest, alerts, database, promtool):
    pump = unique("pump")
    await enrol(database.pool, [pump])
    before = {**samples(await scraped(ingest)), **samples(await scraped(alerts))}
    for name, values in CLOSED.items():
        assert {dict(labels).popitem()[1] for found, labels in before if found == name} == values

    await send(ingest, pump, [{"kind": "alarm", **alarm("motor_stall")}, {"kind": "reservoir", **reading(-1)}])
    await send(ingest, unique("nobody"), [{"kind": "reservoir", **reading()}])

    async def evaluated():
        return samples(await scraped(alerts))[("pumpwatch_alerts_pumps_evaluated_total", (("trigger", "urgent"),))]

    await eventually(evaluated, what="the pump is evaluated")
    for service in (ingest, alerts):
        text = await scraped(service)
        checked = await asyncio.to_thread(
            subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
        words = {pump, "nobody", CLINIC}
        for name, labels in samples(text):
            assert not any(word in f"{name} {labels}" for word in words), (name, labels)
            assert not {"device", "device_id", "pump", "pump_id", "clinic", "clinic_id"} & dict(labels).keys()


async def test_lags_and_gaps_are_measured(ingest, database):
    pump = unique("pump")
    await enrol(database.pool, [pump])

    async def value(name: str, **labels: str) -> float:
        return samples(await scraped(ingest))[(f"pumpwatch_ingest_{name}", tuple(labels.items()))]

    for seqs in ([1, 2], [3, 7], [5], [8, 10]):
        await send(ingest, pump, [{"kind": "reservoir", **reading(seq=seq)} for seq in seqs])

    async def gaps():
        return await value("sequence_gaps_total") == 2

    await eventually(gaps, what="two gaps")
    # The device was last seen once in all this time, and its events were new.
    assert await value("observed_lag_seconds_count") == 1
    assert await value("observed_lag_seconds_bucket", le="5.0") == 1
    assert await value("arrival_to_commit_seconds_count") == await value("commit_seconds_count") >= 4
    assert 0 < await value("arrival_to_commit_seconds_sum") < 10
    assert await value("oldest_unacknowledged_seconds") == 0


async def test_gaps_are_not_counted_where_ingestors_share_the_work(run_service, database, broker):
    shared = ingest_settings(database.dsn, broker, INGEST_COUNT_SEQUENCE_GAPS="false")
    service = await run_service("ingest", shared)
    pump = unique("pump")
    await enrol(database.pool, [pump])
    for seq in (1, 3, 4):
        await send(service, pump, [{"kind": "reservoir", **reading(seq=seq)}])
    assert "pumpwatch_ingest_sequence_gaps_total 0.0" in await scraped(service)
