"""A device's upload is written in shares, and what comes behind it does not wait for its end."""

from __future__ import annotations

from tests.ingest_world import enrol, held, ingest_settings, metric, opened, reading, unique
from tests.stack import eventually

UPLOAD = 40


async def test_behind_an_upload_another_device_is_stored_and_answered_before_its_end(run_service, database, broker):
    # One writer, and batches that the upload would fill ten times.
    own = {"INGEST_WRITERS": "1", "INGEST_FLUSH_MESSAGES": "4"}
    service = await run_service("ingest", ingest_settings(database.dsn, broker, **own))
    heavy, light = unique("heavy"), unique("light")
    await enrol(database.pool, [heavy, light])
    async with opened(broker, heavy) as upload, opened(broker, light) as other:
        async with held(database, "reservoir_readings"):
            for _ in range(UPLOAD):
                await upload.publish("reservoir", reading())
            await other.publish("reservoir", reading())

            async def taken_in():
                return await metric(service, "unacknowledged_messages") == UPLOAD + 1

            await eventually(taken_in)
        await eventually(lambda: len(upload.receipts) == UPLOAD and other.receipts, 20, what="every receipt")
    batches_before = """SELECT count(DISTINCT u.received_at) FROM reservoir_readings u, reservoir_readings o
        WHERE u.pump_id = $1 AND o.pump_id = $2 AND u.received_at < o.received_at"""
    assert await database.pool.fetchval(batches_before, heavy, light) <= 2
    assert await metric(service, "unacknowledged_messages") == 0
