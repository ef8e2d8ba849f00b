"""The broker's memory of who was connected: lost, taken over, over. What has a receipt is stored once all the same."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager, suppress

import asyncpg
import mqtt5
import pytest

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address, connect
from services.simulator.devices.publisher import Publisher
from tests.command import pumpwatch
from tests.ingest_world import Device, encoded, enrol, ingest_settings, metric, reading, unique
from tests.servers.wire import connected
from tests.stack import eventually, make_database


async def connections(service):
    """How many connections found a session, and how many a new one; there are two, one for alarms."""
    return tuple([await metric(service, f'connections_total{{session="{found}"}}') for found in ("kept", "new")])


async def stored(database):
    rows = await database.pool.fetch("SELECT event_id::text FROM reservoir_readings")
    return Counter(row[0] for row in rows)


async def publish(devices, pump, events):
    for event in events:
        await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)


@asynccontextmanager
async def locked(database):
    """Nothing can be stored: messages wait, unacknowledged."""
    connection = await asyncpg.connect(database.dsn)
    await connection.execute("BEGIN; LOCK TABLE reservoir_readings IN ACCESS EXCLUSIVE MODE")
    yield
    await connection.close()


@pytest.mark.parametrize("kept", [False, True], ids=["its file lost", "its file kept"])
async def test_a_broker_that_comes_back_without_its_memory_loses_no_receipt_and_ingest_says_so(
    own_broker, database, run_service, kept
):
    """Packet ids begin anew, and those of the old connection must acknowledge nothing on the new one."""
    broker = own_broker(persistence=True)
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    events = [reading(seq=number) for number in range(600)]
    async with Publisher(broker_address(broker.url), window_events=1_000, resend_after_seconds=1) as devices:
        await publish(devices, pump, events[:100])
        await devices.drained()
        async with locked(database):
            await publish(devices, pump, events[100:400])

            async def taken_in():
                return await metric(service, "unacknowledged_messages") == 300

            await eventually(taken_in, 20)
            broker.stop()
            if not kept:
                broker.forget()
            broker.start()
            await publish(devices, pump, events[400:])

            async def is_back():  # and not that it is ready: while the table is locked it says that it cannot store
                return await connections(service) == ((2, 2) if kept else (0, 4))

            await eventually(is_back, 20)
        await devices.drained()
        assert devices.counts.rejected == 0
    assert await stored(database) == Counter(event["event_id"] for event in events)
    assert service.log().count("broker_session_new") == (2 if kept else 4)


async def test_a_session_that_is_over_when_ingest_returns_costs_what_has_no_receipt_and_gaps_names_it(
    own_postgres, own_broker, run_service
):
    broker, server = own_broker(), own_postgres()
    dsn = await make_database(server)
    environment = ingest_settings(dsn, broker)
    service = await run_service("ingest", environment)
    careful, careless = unique("pump"), unique("pump")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await enrol(pool, [careful, careless])
        events = [reading(seq=number) for number in range(6)]
        async with Publisher(broker_address(broker.url), resend_after_seconds=1) as devices:
            await publish(devices, careful, events[:2])
            await devices.drained()
            async with open_link(broker_address(broker.url), careless, lambda _: None) as link:
                topic = f"pumpwatch/v1/{careless}/events/reservoir"
                await link.publish(topic, encoded(reading(seq=1)))
                await eventually(lambda: pool.fetchval("SELECT count(*) = 3 FROM reservoir_readings"))
                service.terminate()
                await publish(devices, careful, events[2:])
                await link.publish(topic, encoded(reading(seq=2)))  # with PUBACK, and no receipt
                # As the broker does when the time is over.
                async with connect(broker_address(broker.url), client_id=environment["INGEST_CLIENT_ID"]):
                    pass
                service = await run_service("ingest", environment)
                await link.publish(topic, encoded(reading(seq=3)))
            await devices.drained()
        await eventually(lambda: pool.fetchval("SELECT count(*) = 8 FROM reservoir_readings"))
    assert await connections(service) == (1, 1)
    [_, line] = pumpwatch("gaps", "--device", careless, DATABASE_URL=dsn).stdout.splitlines()
    assert line.split()[:3] == [careless, "2", "1"]
    assert pumpwatch("gaps", "--device", careful, DATABASE_URL=dsn).stdout == "no gaps\n"


async def thrown_off(wire):
    """Wait until the broker ends the connection, with or without a word."""
    with suppress(ConnectionError):
        while not isinstance(await wire.receive(), mqtt5.DisconnectPacket):
            pass


async def test_a_stranger_with_ingests_client_id_costs_no_receipt_and_ingest_goes_on(own_broker, database, run_service):
    broker = own_broker()
    environment = ingest_settings(database.dsn, broker)
    service = await run_service("ingest", environment)
    pump = unique("pump")
    await enrol(database.pool, [pump])
    events = [reading(seq=number) for number in range(300)]
    async with Publisher(broker_address(broker.url), window_events=50, resend_after_seconds=1) as devices:
        for number in range(2):
            await publish(devices, pump, events[100 * number : 100 * number + 100])
            stranger = mqtt5.ConnectPacket(environment["INGEST_CLIENT_ID"], clean_start=True)
            async with connected(broker.port, stranger) as (wire, _):
                await thrown_off(wire)  # ingest takes its id back
        await eventually(lambda: asyncio.to_thread(service.is_ready), 20)
        await publish(devices, pump, events[200:])
        await devices.drained()
        assert devices.counts.rejected == 0
    assert await stored(database) == Counter(event["event_id"] for event in events)
    assert "broker_lost" in service.log()


async def test_a_device_that_is_thrown_off_by_its_own_client_id_sends_again_and_nothing_is_double(
    run_service, database, broker
):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    first, second = Device(pump, None), Device(pump, None)
    before, after = reading(), reading()
    async with open_link(broker_address(broker.url), pump, first.on_message) as first.link:
        await first.link.subscribe(f"pumpwatch/v1/{pump}/receipts")
        async with (
            open_link(broker_address(broker.url), f"{pump}-other", lambda _: None) as other,
            locked(database),
        ):
            await first.publish("reservoir", before)
            await other.publish("x", b"")  # so that the broker has the one before
            link = open_link(broker_address(broker.url), pump, second.on_message)
            second.link = await link.__aenter__()
            await asyncio.wait_for(first.link.lost(), 5)
        await second.link.subscribe(f"pumpwatch/v1/{pump}/receipts")
        sent = await second.publish("reservoir", after)
        again = await second.publish("reservoir", before)
        await eventually(lambda: {sent, again} <= set(second.receipts), what="the receipts")
        await link.__aexit__(None, None, None)
    assert first.receipts == {}
    assert await stored(database) == {before["event_id"]: 1, after["event_id"]: 1}


async def test_a_receipt_is_not_kept_for_a_device_that_is_away_whatever_its_session_and_a_re_send_gets_one(
    run_service, database, broker
):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    topic, event = f"pumpwatch/v1/{pump}/receipts", reading()
    login = mqtt5.ConnectPacket(pump, session_expiry_interval=3_600)
    message = mqtt5.PublishPacket(
        f"pumpwatch/v1/{pump}/events/reservoir",
        encoded(event),
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=1,
        response_topic=topic,
        correlation_data=b"1",
    )
    seen: list[mqtt5.PublishPacket] = []
    async with open_link(broker_address(broker.url), f"{pump}-seen", seen.append) as observer:
        await observer.subscribe(topic)
        async with locked(database), connected(broker.port, login) as (wire, said):
            assert not said.session_present
            await wire.send(mqtt5.SubscribePacket(1, [mqtt5.Subscription(topic, max_qos=mqtt5.QoS.AT_LEAST_ONCE)]))
            assert isinstance(await wire.receive(), mqtt5.SubAckPacket)
            await wire.send(message)
            assert isinstance(await wire.receive(), mqtt5.PubAckPacket)
            wire.cut()
        # Not when ingest says that it sent one: the broker may have it only after the device is back.
        await eventually(lambda: seen, what="the receipt goes to those who are there")
    async with connected(broker.port, login) as (wire, said):
        assert said.session_present  # and the subscription with it
        await wire.send(message)
        received = [await wire.receive(), await wire.receive()]
        [receipt] = [packet for packet in received if isinstance(packet, mqtt5.PublishPacket)]
        assert json.loads(receipt.payload) == {"stored": 0, "duplicates": 1, "rejected": []}
