"""Messages of QoS 0: taken as they come, also many at once; what never arrives, nobody can count."""

from __future__ import annotations

import asyncio

import pytest
from mqtt5 import PublishPacket, QoS

from services.runtime.mqtt import broker_address, connect
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
