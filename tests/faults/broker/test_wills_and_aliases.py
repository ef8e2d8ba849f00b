"""What MQTT 5 lets a device do beside publishing: wills, and topics that are named once and then by a number."""

from __future__ import annotations

import asyncio
import functools
import json

import httpx
import mqtt5
import pytest

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.faults.alerts_process import not_ready_because
from tests.ingest_world import alarm, encoded, enrol, ingest_settings, reading, unique
from tests.servers.wire import connected
from tests.stack import eventually


async def rows(database, table="pump_alarms"):
    found = await database.pool.fetch(f"SELECT pump_id, device_id, event_id::text FROM {table}")  # noqa: S608
    return [tuple(row) for row in found]


def has(things, number):
    return len(things) == number


async def die_with(broker, pump, will, **connect):
    """Connect with this will, and go without a goodbye."""
    async with connected(broker.port, mqtt5.ConnectPacket(pump, clean_start=True, will=will, **connect)) as (
        wire,
        said,
    ):
        assert said.reason_code == mqtt5.ConnAckReasonCode.SUCCESS
        wire.cut()


@pytest.mark.parametrize("qos", [mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE], ids=["qos1", "qos2"])
async def test_a_will_is_an_event_of_the_device_once_however_often_it_dies_and_has_a_receipt(
    run_service, database, broker, qos
):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    pump, receipts = unique("pump"), []
    await enrol(database.pool, [pump])
    event, topic = alarm("pump_stopped"), f"pumpwatch/v1/{pump}/receipts"
    will = mqtt5.Will(
        f"pumpwatch/v1/{pump}/events/alarm",
        payload=encoded(event),
        qos=qos,
        response_topic=topic,
        correlation_data=b"will",
    )

    def take(packet):
        receipts.append((packet.correlation_data, json.loads(packet.payload)))

    async with open_link(broker_address(broker.url), client_id=f"{pump}-listens", on_message=take) as link:
        await link.subscribe(topic)
        for number in (1, 2):
            await die_with(broker, pump, will)
            await eventually(functools.partial(has, receipts, number), what="the receipt")
    assert receipts == [
        (b"will", {"stored": 1, "duplicates": 0, "rejected": []}),
        (b"will", {"stored": 0, "duplicates": 1, "rejected": []}),
    ]
    assert await rows(database) == [(pump, pump, event["event_id"])]


async def test_a_will_that_the_broker_keeps_comes_once_and_not_again_with_each_start_of_ingest(
    run_service, database, own_broker
):
    broker = own_broker()
    environment = ingest_settings(database.dsn, broker)
    service = await run_service("ingest", environment)
    pump = unique("pump")
    await enrol(database.pool, [pump])
    topic = f"pumpwatch/v1/{pump}/events/alarm"
    await die_with(broker, pump, mqtt5.Will(topic, payload=encoded(alarm("motor_stall")), retain=True))

    async def stored():
        return await rows(database)

    await eventually(stored, what="the will")
    service.terminate()
    broker.stop()  # without persistence: a session that is made anew is where a retained message would come
    broker.start()
    await die_with(broker, pump, mqtt5.Will(topic, payload=encoded(alarm("motor_stall")), retain=True))
    service = await run_service("ingest", environment)
    async with open_link(broker_address(broker.url), client_id=pump, on_message=print) as link:
        await link.publish(topic, encoded(alarm("other")))

    async def later_one_stored():
        return len(await rows(database)) == 2

    await eventually(later_one_stored)  # and not the retained one: nobody was there when it was sent
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{service.url}/metrics")).text
    assert 'pumpwatch_ingest_events_total{result="duplicate"} 0.0' in text


async def test_a_will_that_is_no_event_is_a_dead_letter(run_service, database, broker):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    await die_with(broker, pump, mqtt5.Will(f"pumpwatch/v1/{pump}/events/status", payload=b"offline"))

    async def kept():
        return await database.pool.fetchrow("SELECT device_id, reason, payload FROM dead_letters")

    assert tuple(await eventually(kept)) == (pump, "not_json", b"offline")


async def test_topics_that_a_device_names_by_a_number_are_the_topics_it_meant(run_service, database, broker):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    alarms, levels = f"pumpwatch/v1/{pump}/events/alarm", f"pumpwatch/v1/{pump}/events/reservoir"
    async with connected(broker.port, mqtt5.ConnectPacket(pump, clean_start=True)) as (wire, said):
        assert said.topic_alias_max >= 2

        def publish(number, topic, alias, event):
            return mqtt5.PublishPacket(
                topic, encoded(event), qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number, topic_alias=alias
            )

        await wire.send(
            publish(1, alarms, 1, alarm("motor_stall")),
            publish(2, levels, 2, reading(11)),
            publish(3, "", 1, alarm("motor_stall", "cleared")),
            publish(4, "", 2, reading(12)),
            publish(5, alarms, 2, alarm("other")),  # the number means something else from here on
            publish(6, "", 2, alarm("other", "cleared")),
        )
        for _ in range(6):
            assert isinstance(await wire.receive(), mqtt5.PubAckPacket)

    async def all_stored():
        return len(await rows(database)) == 4 and len(await rows(database, "reservoir_readings")) == 2

    await eventually(all_stored)
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_a_broker_that_names_topics_by_numbers_is_left_as_ingest_allowed_none_and_nothing_is_filed_nowhere(
    run_service, database, broker
):
    """A message without a topic is nobody's event: acknowledged as a dead letter it would be lost to its pump."""
    allowed, acknowledged = [], []
    pump = unique("pump")
    await enrol(database.pool, [pump])

    async def serve(reader, writer):
        pending = b""
        while chunk := await reader.read(65_536):
            pending += chunk
            while pending:
                packet, size = mqtt5.read(memoryview(pending))
                pending = pending[size:]
                match packet:
                    case mqtt5.ConnectPacket():
                        allowed.append(packet.topic_alias_max)
                        writer.write(mqtt5.ConnAckPacket().write())
                    case mqtt5.SubscribePacket():
                        granted = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]
                        message = mqtt5.PublishPacket(
                            "", encoded(reading()), qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1, topic_alias=1
                        )
                        writer.write(mqtt5.SubAckPacket(packet.packet_id, granted).write() + message.write())
                    case mqtt5.PubAckPacket():
                        acknowledged.append(packet.packet_id)
                    case _:
                        pass
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = ingest_settings(database.dsn, broker, INGEST_MQTT_URL=url)
        service = await run_service("ingest", settings, wait=False)

        async def says():
            assert service.is_running, service.died()
            try:
                return "topic alias" in await asyncio.to_thread(not_ready_because, service)
            except OSError:
                return False

        await eventually(says, 30)
        service.terminate()
    assert set(allowed) == {0}
    assert acknowledged == []
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
