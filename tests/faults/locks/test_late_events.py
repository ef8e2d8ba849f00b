"""A chunk of some weeks ago is locked, as while it is converted: only what belongs there waits, and none is lost."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import pytest

from tests.ingest_world import TOKEN, enrol, ingest_settings, opened, reading, unique
from tests.stack import eventually

A_MONTH_AGO = timedelta(days=40)
CONVERTED, DROPPED = "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"
STORED = {"stored": 1, "duplicates": 0, "rejected": []}
CHUNK = """
    SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks
    WHERE hypertable_name = 'reservoir_readings' AND now() - $1::interval >= range_start
      AND now() - $1::interval < range_end"""


def late(**more):
    return reading(ago=A_MONTH_AGO, **more)


@asynccontextmanager
async def month_locked(database, mode=DROPPED):
    """Nothing goes into the chunk of a month ago; it must be there."""
    connection = await asyncpg.connect(database.dsn)
    chunk = await connection.fetchval(CHUNK, A_MONTH_AGO)
    await connection.execute(f"BEGIN; LOCK TABLE {chunk} IN {mode} MODE")
    try:
        yield
    finally:
        await connection.close()


async def stored(database, where="true"):
    rows = await database.pool.fetch(f"SELECT event_id::text FROM reservoir_readings WHERE {where}")  # noqa: S608
    return Counter(row[0] for row in rows)


async def of_today(database):
    """What is stored that can be read while an old chunk is locked."""
    return await stored(database, "observed_at > now() - interval '1 day'")


@pytest.fixture
async def fleet(database):
    """Two pumps that upload late, and one that does not; the chunk of a month ago exists."""
    names = [unique("late"), unique("late"), unique("live")]
    await enrol(database.pool, names)
    await database.pool.execute(
        "INSERT INTO reservoir_readings (pump_id, observed_at, event_id, device_id, volume_ml, basis, received_at)"
        " SELECT $1, now() - $2::interval, gen_random_uuid(), $1, 1, 'computed', now()",
        names[0],
        A_MONTH_AGO,
    )
    await database.pool.execute("CREATE TABLE before_the_test AS SELECT event_id FROM reservoir_readings")
    return names


async def new(database):
    """What came in this test, and how often it is stored."""
    before = {row[0] for row in await database.pool.fetch("SELECT event_id::text FROM before_the_test")}
    return Counter({event_id: count for event_id, count in (await stored(database)).items() if event_id not in before})


def ids(*events):
    return Counter(event["event_id"] for event in events)


@pytest.mark.parametrize("mode", [CONVERTED, DROPPED])
async def test_a_live_event_does_not_wait_for_late_ones(run_service, database, broker, fleet, mode):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    first, second, third = fleet
    async with opened(broker, first) as one, opened(broker, second) as two, opened(broker, third) as live:
        warm = reading()
        assert await live.receipt("reservoir", warm) == STORED
        events = [[late() for _ in range(20)] for _ in range(8)]
        async with month_locked(database, mode):
            sent = [await (one, two)[n % 2].publish("reservoir", each) for n, each in enumerate(events)]
            now, began = reading(), time.monotonic()
            assert await live.receipt("reservoir", now) == STORED
            assert time.monotonic() - began < 1
            assert one.receipts == two.receipts == {}
            assert await of_today(database) == ids(warm, now)
        await eventually(lambda: len(one.receipts) + len(two.receipts) == len(sent), what="the late ones' receipts")
        for receipt in (*one.receipts.values(), *two.receipts.values()):
            assert receipt == [{"stored": 20, "duplicates": 0, "rejected": []}]
    assert await new(database) == ids(warm, now, *(event for each in events for event in each))


async def test_more_late_messages_than_may_be_unacknowledged_hold_up_nobody(run_service, database, broker, fleet):
    settings = ingest_settings(database.dsn, broker, INGEST_RECEIVE_MAXIMUM="20")
    await run_service("ingest", settings)
    first, _, third = fleet
    async with opened(broker, first) as bulk, opened(broker, third) as live:
        events = [late() for _ in range(100)]
        async with month_locked(database):
            for event in events:
                await bulk.publish("reservoir", event)
            now = reading()
            assert await live.receipt("reservoir", now) == STORED
            assert bulk.receipts == {}
        await eventually(lambda: len(bulk.receipts) == len(events), what="the late ones' receipts")
        assert all(receipt == [STORED] for receipt in bulk.receipts.values())
    assert await new(database) == ids(now, *events)


async def test_of_an_array_only_the_late_part_waits_and_its_receipt_counts_all(run_service, database, broker, fleet):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    first, _, _ = fleet
    now, old, twice = reading(), late(), reading()
    async with opened(broker, first) as device:
        assert await device.receipt("reservoir", twice) == STORED
        async with month_locked(database):
            array = [{**event, "kind": "reservoir"} for event in (old, now, twice)]
            sent = await device.publish("batch", [*array, {"kind": "no such kind"}])

            async def live_part_stored():
                return await of_today(database) == ids(now, twice)

            await eventually(live_part_stored)
            assert sent not in device.receipts
        await eventually(lambda: sent in device.receipts, what="the receipt")
        [receipt] = device.receipts[sent]
    assert (receipt["stored"], receipt["duplicates"]) == (2, 1)
    assert [rejected["index"] for rejected in receipt["rejected"]] == [3]
    assert await new(database) == ids(now, twice, old)
    assert await database.pool.fetchval("SELECT sum(times_received) FROM dead_letters") == 1


async def test_a_live_event_that_is_sent_again_waits_alone(run_service, database, broker, fleet):
    """Whether it is the same as what is stored cannot be looked up while nobody may read the chunk."""
    await run_service("ingest", ingest_settings(database.dsn, broker))
    first, _, third = fleet
    async with opened(broker, first) as again, opened(broker, third) as live:
        event = reading()
        assert await again.receipt("reservoir", event) == STORED
        async with month_locked(database):
            sent = await again.publish("reservoir", event)
            now = reading()
            assert await live.receipt("reservoir", now) == STORED
        await eventually(lambda: sent in again.receipts, what="the receipt of the duplicate")
        assert again.receipts[sent] == [{"stored": 0, "duplicates": 1, "rejected": []}]
    assert await new(database) == ids(event, now)


async def test_kill_9_while_late_events_wait_loses_none(run_service, database, broker, fleet):
    settings = ingest_settings(database.dsn, broker)
    first, _, third = fleet
    async with opened(broker, first) as bulk, opened(broker, third) as live:
        service = await run_service("ingest", settings)
        events = [late() for _ in range(50)]
        async with month_locked(database):
            for event in events[:25]:
                await bulk.publish("reservoir", event)
            now = reading()
            assert await live.receipt("reservoir", now) == STORED
            service.kill()
            for event in events[25:]:
                await bulk.publish("reservoir", event)
            await run_service("ingest", settings)
            then = reading()
            assert await live.receipt("reservoir", then) == STORED
        await eventually(lambda: len(bulk.receipts) == len(events), what="the late ones' receipts")
        assert all(
            receipt[0] in (STORED, {**STORED, "stored": 0, "duplicates": 1}) for receipt in bulk.receipts.values()
        )
    assert await new(database) == ids(now, then, *events)


async def test_several_ingestors_store_what_waited_once(run_service, database, broker, fleet):
    settings = ingest_settings(database.dsn, broker)
    for number in range(3):
        await run_service("ingest", {**settings, "INGEST_CLIENT_ID": f"{settings['INGEST_CLIENT_ID']}-{number}"})
    first, second, third = fleet
    async with opened(broker, first) as one, opened(broker, second) as two, opened(broker, third) as live:
        events = [late() for _ in range(200)]
        async with month_locked(database):
            for number, event in enumerate(events):
                await (one, two)[number % 2].publish("reservoir", event)
            now = reading()
            assert await live.receipt("reservoir", now) == STORED
        await eventually(lambda: len(one.receipts) + len(two.receipts) == len(events), what="the receipts")
        receipts = [*one.receipts.values(), *two.receipts.values()]
        assert all(receipt == [STORED] for receipt in receipts)
    assert await new(database) == ids(now, *events)


async def test_by_http_a_late_event_is_to_be_sent_again(run_service, database, broker, fleet):
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    first, _, _ = fleet
    event = late()
    event["kind"] = "reservoir"
    url = f"{service.url}/v1/devices/{first}/events"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as gateway:
        async with month_locked(database):
            answer = await gateway.post(url, content=json.dumps(event))
            assert answer.status_code == 503
            assert "send" in answer.text
        again = await gateway.post(url, content=json.dumps(event))
    assert again.json() == STORED
    assert await new(database) == ids(event)
