"""Messages of QoS 0: taken as they come, also many at once; what never arrives shows in the device's own counter."""

from __future__ import annotations

import asyncio

import pytest
from mqtt5 import PublishPacket, QoS

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address, connect
from tests.command import pumpwatch
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.stack import eventually

MESSAGES = 500


@pytest.mark.parametrize("rounds", [1, 4])
async def test_a_burst_of_messages_of_qos_0_is_stored_whole(run_service, database, broker, rounds):
    await run_service("ingest", ingest_settings(database.dsn, broker))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    topic = f"pumpwatch/v1/{pump}/events/reservoir"
    async with connect(broker_address(broker.url), client_id=pump) as connection:
        for _ in range(rounds):
            burst = [PublishPacket(topic, encoded(reading()), qos=QoS.AT_MOST_ONCE) for _ in range(MESSAGES)]
            assert await connection.publish(burst) == []  # one write, so that they come together
            await asyncio.sleep(0)

        async def stored():
            return await database.pool.fetchval("SELECT count(*) FROM reservoir_readings") == rounds * MESSAGES

        await eventually(stored, 20, what="every message of the burst")


async def test_what_is_sent_with_qos_0_while_ingest_is_away_is_gone_and_gaps_names_it(run_service, database, broker):
    """As docs/devices.md says: the broker keeps messages of QoS 1 for who is away, and none of QoS 0."""
    environment = ingest_settings(database.dsn, broker)
    service = await run_service("ingest", environment)
    pump = unique("pump")
    await enrol(database.pool, [pump])
    topic = f"pumpwatch/v1/{pump}/events/reservoir"

    async def stored():
        rows = await database.pool.fetch("SELECT seq FROM reservoir_readings ORDER BY seq")
        return [row[0] for row in rows]

    async def both():
        """The one that waited at the broker and the live one: they may be stored in either order."""
        return {4, 5} <= set(await stored())

    async with open_link(broker_address(broker.url), pump, lambda _: None) as link:
        link.send(topic, encoded(reading(seq=1)))
        await eventually(stored)
        service.terminate()
        for seq in (2, 3):
            link.send(topic, encoded(reading(seq=seq)))
        await link.publish(topic, encoded(reading(seq=4)))
        await run_service("ingest", environment)
        link.send(topic, encoded(reading(seq=5)))
        await eventually(both)
    assert await stored() == [1, 4, 5]
    [_, line] = pumpwatch("gaps", "--device", pump, DATABASE_URL=database.dsn).stdout.splitlines()
    assert line.split()[:3] == [pump, "2-3", "2"]
