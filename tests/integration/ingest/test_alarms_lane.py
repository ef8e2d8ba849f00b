"""Alarms and patients' reports wait for nothing else, come once, and none is lost between the two sessions."""

from __future__ import annotations

import asyncio
from collections import Counter

import mqtt5
import pytest

from schemas.topics import EVENTS_FILTER
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address, connect
from services.simulator.devices.publisher import Publisher
from tests.ingest_world import alarm, encoded, enrol, held, ingest_settings, metric, opened, reading, unique
from tests.servers.wire import connected
from tests.stack import eventually

STORED = {"stored": 1, "duplicates": 0, "rejected": []}


def report():
    return {**alarm("x"), "complaint": "pain", "score": 7}


async def alarms_stored(database):
    return Counter(row[0] for row in await database.pool.fetch("SELECT event_id::text FROM pump_alarms"))


@pytest.mark.parametrize(("kind", "event"), [("alarm", alarm("motor_stall")), ("report", report())])
async def test_what_calls_out_is_stored_while_nothing_else_can_be(run_service, database, broker, kind, event):
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    busy, calling = unique("busy"), unique("calling")
    await enrol(database.pool, [busy, calling])
    async with opened(broker, busy) as bulk, opened(broker, calling) as device:
        async with held(database, "reservoir_readings"):
            sent = [await bulk.publish("reservoir", [reading() for _ in range(50)]) for _ in range(10)]

            async def taken_in():
                return await metric(service, "unacknowledged_messages") == 10

            await eventually(taken_in)
            assert await device.receipt(kind, event) == STORED
            assert bulk.receipts == {}
        await eventually(lambda: set(sent) <= set(bulk.receipts), what="the receipts of the others")
        assert await device.receipt("status", {k: event[k] for k in ("event_id", "observed_at")}) == STORED
        assert [len(each) for each in device.receipts.values()] == [1, 1]
    assert await metric(service, 'events_total{result="duplicate"}') == 0
    assert await metric(service, 'messages_total{source="mqtt"}') == 12


async def test_what_is_wrong_with_an_alarm_is_told_once(run_service, database, broker):
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    name = unique("pump")
    await enrol(database.pool, [name])
    async with opened(broker, name) as device:
        receipt = await device.receipt("alarm", [alarm("motor_stall"), alarm("no such code")])
        assert (receipt["stored"], len(receipt["rejected"])) == (1, 1)
        assert await device.receipt("reservoir", reading()) == STORED
    assert await database.pool.fetchval("SELECT sum(times_received) FROM dead_letters") == 1
    assert await metric(service, 'events_total{result="rejected"}') == 1


async def test_an_alarm_that_waits_in_the_session_of_a_release_before_is_stored(run_service, database, broker):
    settings = ingest_settings(database.dsn, broker)
    name = unique("pump")
    await enrol(database.pool, [name])
    event = alarm("motor_stall")
    async with connect(
        broker_address(broker.url), client_id=settings["INGEST_CLIENT_ID"], session_expiry_seconds=600
    ) as before:
        await before.subscribe(f"$share/{settings['INGEST_SHARE_GROUP']}/{EVENTS_FILTER}")
    async with open_link(broker_address(broker.url), name, lambda _: None) as link:
        await link.publish(f"pumpwatch/v1/{name}/events/alarm", encoded(event))
    await run_service("ingest", settings)

    async def stored():
        return await alarms_stored(database) == {event["event_id"]: 1}

    await eventually(stored)


async def test_while_the_alarms_session_cannot_be_had_alarms_are_stored_by_the_other(run_service, database, broker):
    """Somebody else holds its client id and takes it back each time."""
    settings = ingest_settings(database.dsn, broker)
    name = unique("pump")
    await enrol(database.pool, [name])
    stop = asyncio.Event()

    async def hold():
        while not stop.is_set():
            login = mqtt5.ConnectPacket(f"{settings['INGEST_CLIENT_ID']}/alarms", clean_start=True)
            async with connected(broker.port, login):
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        group.create_task(hold())
        await run_service("ingest", settings, wait=False)
        events = [alarm("motor_stall") for _ in range(20)]
        async with Publisher(broker_address(broker.url), resend_after_seconds=1) as devices:
            for event in events:
                await devices.publish_raw(name, f"pumpwatch/v1/{name}/events/alarm", encoded(event), 1)
            await devices.drained()
            assert devices.counts.rejected == 0
        stop.set()
    assert await alarms_stored(database) == Counter(event["event_id"] for event in events)


async def test_a_broker_that_restarts_costs_no_alarm(run_service, database, own_broker):
    broker = own_broker(persistence=True)
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    name = unique("pump")
    await enrol(database.pool, [name])
    events = [alarm("motor_stall") for _ in range(60)]
    async with Publisher(broker_address(broker.url), resend_after_seconds=1) as devices:
        for number, event in enumerate(events):
            await devices.publish_raw(name, f"pumpwatch/v1/{name}/events/alarm", encoded(event), 1)
            if number == 30:
                broker.stop()
                broker.start()
        await eventually(lambda: asyncio.to_thread(service.is_ready), 20)
        await devices.drained()
        assert devices.counts.rejected == 0
    assert await alarms_stored(database) == Counter(event["event_id"] for event in events)
