"""`kill -9` in the middle of 20,000 events: what has a receipt is there exactly once, and each alarm is one alert."""

from __future__ import annotations

import random
from collections import Counter

import asyncpg
import pytest
import yaml

from services.runtime.mqtt import broker_address
from services.simulator.devices.publisher import Publisher
from tests.ingest_world import CLINIC, alarm, encoded, enrol, ingest_settings, reading, unique
from tests.stack import eventually, make_database

EVENTS = 20_000
PUMPS = 200
ALARMS = 25


def events_of(pumps, seed):
    """(pump, kind, event) in a random order; ALARMS pumps have a motor stall somewhere among their readings."""
    chance = random.Random(seed)
    events = [(chance.choice(pumps), "reservoir", reading(15.0, seq=n)) for n in range(EVENTS - ALARMS)]
    for pump in pumps[:ALARMS]:
        events.insert(chance.randrange(len(events)), (pump, "alarm", alarm("motor_stall")))
    return events


def policy_file(folder, url):
    folder.mkdir()
    policy = {
        "clinic_id": CLINIC,
        "contacts": [{"name": "on call", "channels": [{"name": "pager", "url": url}]}],
        "routes": {"high": {"steps": [{"after_minutes": 0, "contacts": ["on call"]}]}},
    }
    (folder / "north.yaml").write_text(yaml.safe_dump(policy))


@pytest.mark.parametrize("victim", ["ingest", "alerts", "postgres", "mosquitto"])
async def test_kill_9_loses_nothing_that_has_a_receipt_and_doubles_nothing(
    victim, own_postgres, own_broker, run_service, page_collector, tmp_path
):
    postgres, broker = own_postgres(), own_broker()
    dsn = await make_database(postgres)
    pumps = [unique("pump") for _ in range(PUMPS)]
    connection = await asyncpg.connect(dsn)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await enrol(pool, pumps)
    await connection.close()
    policy_file(tmp_path / "policies", page_collector.url)
    ingest_environment = ingest_settings(dsn, broker)
    alerts_environment = {
        "ALERTS_DATABASE_URL": dsn,
        "ALERTS_POLICY_FOLDER": str(tmp_path / "policies"),
        "ALERTS_LOG_JSON": "false",
    }
    processes = {
        "ingest": await run_service("ingest", ingest_environment),
        "alerts": await run_service("alerts", alerts_environment),
    }
    events = events_of(pumps, seed=victim)
    async with Publisher(
        broker_address(broker.url), connections=2, window_events=2_000, resend_after_seconds=2
    ) as devices:
        for number, (pump, kind, event) in enumerate(events):
            if number in {EVENTS // 3, 2 * EVENTS // 3}:
                await eventually(lambda: devices.counts.receipts > 0, what="the first receipts")
                match victim:
                    case "postgres":
                        postgres.kill()
                        postgres.start()
                    case "mosquitto":
                        broker.kill()
                        broker.start()
                    case service:
                        processes[service].kill()
                        environment = ingest_environment if service == "ingest" else alerts_environment
                        processes[service] = await run_service(service, environment)
            await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/{kind}", encoded(event), 1)
        await devices.drained()
        counts = devices.counts
    assert counts.rejected == 0
    assert counts.receipts == EVENTS

    connection = await asyncpg.connect(dsn)
    stored = Counter(
        row[0]
        for row in await connection.fetch(
            "SELECT event_id::text FROM reservoir_readings UNION ALL SELECT event_id::text FROM pump_alarms"
        )
    )
    assert stored == Counter(event["event_id"] for _, _, event in events)

    async def all_raised():
        return await connection.fetchval("SELECT count(*) FROM alerts") >= ALARMS

    await eventually(all_raised, 30)
    await page_collector.wait_for(ALARMS, within_seconds=40)

    async def all_evaluated():
        return await connection.fetchval("SELECT count(*) FROM evaluation_queue") == 0

    await eventually(all_evaluated, 30)
    alerts = [tuple(row) for row in await connection.fetch("SELECT pump_id, rule, key, state FROM alerts")]
    assert sorted(alerts) == sorted((pump, "pump_alarm", "infusion", "active") for pump in pumps[:ALARMS])
    opened = await connection.fetchval("SELECT count(*) FROM alert_transitions WHERE kind = 'opened'")
    assert opened == ALARMS
    await connection.close()
