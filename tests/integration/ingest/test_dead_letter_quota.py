"""A device that sends faults without end fills no disk: so many are kept of it on a day, and the rest is counted."""

from __future__ import annotations

import pytest

from tests.command import pumpwatch
from tests.ingest_world import enrol, ingest_settings, metric, opened, reading, unique

QUOTA = 20


@pytest.fixture
async def ingest(run_service, database, broker):
    # One writer: two that look at the same moment may each keep a quota.
    own = {"INGEST_DEAD_LETTERS_PER_DEVICE_DAY": str(QUOTA), "INGEST_WRITERS": "1"}
    return await run_service("ingest", ingest_settings(database.dsn, broker, **own))


async def kept(database, device):
    return await database.pool.fetchval("SELECT count(*) FROM dead_letters WHERE device_id = $1", device)


async def test_beyond_its_quota_a_device_is_told_every_fault_and_only_the_number_is_kept(database, broker, ingest):
    flood, other = unique("flood"), unique("other")
    await enrol(database.pool, [flood, other])
    async with opened(broker, flood) as device, opened(broker, other) as modest:
        sent = [[reading(-number) for number in range(1 + 10 * nth, 11 + 10 * nth)] for nth in range(4)]
        for array in sent:
            receipt = await device.receipt("reservoir", array)
            assert [each["reason"] for each in receipt["rejected"]] == ["invalid_field"] * 10
        assert (await modest.receipt("reservoir", reading(-1)))["rejected"]
        assert (await device.receipt("reservoir", [reading(1), reading(-1)]))["stored"] == 1
        again = await device.receipt("reservoir", sent[0])
        assert len(again["rejected"]) == 10
    assert await kept(database, flood) == QUOTA
    assert await kept(database, other) == 1
    assert await metric(ingest, "dead_letters_not_kept_total") == 21
    repeated = "SELECT count(*) FROM dead_letters WHERE device_id = $1 AND times_received = 2"
    assert await database.pool.fetchval(repeated, flood) == 10
    listed = pumpwatch("dead-letters", "list", "--device", flood, DATABASE_URL=database.dsn).stdout
    assert f"not kept: 21 more of {flood} on " in listed
    assert f"used up by {QUOTA}" in listed
    assert "not kept" not in pumpwatch("dead-letters", "list", "--device", other, DATABASE_URL=database.dsn).stdout


async def test_topics_that_name_no_device_share_one_quota(database, broker, ingest):
    nobody = unique("somebody")
    async with opened(broker, nobody) as device:
        for number in range(QUOTA + 5):
            await device.link.publish(f"pumpwatch/v1/-{nobody}/events/x", str(number).encode())
        assert (await device.receipt("no_such_kind", b"{}"))["rejected"][0]["reason"] == "bad_topic"
    count = "SELECT count(*) FROM dead_letters WHERE topic LIKE $1"
    assert await database.pool.fetchval(count, f"pumpwatch/v1/-{nobody}/%") == QUOTA
    assert await database.pool.fetchval(count, f"pumpwatch/v1/{nobody}/%") == 1
    days = "SELECT count(*) FROM dead_letter_days"
    assert await database.pool.fetchval(days) == 2
    await database.pool.execute("UPDATE dead_letter_days SET day = day - 91")
    assert pumpwatch("dead-letters", "purge", "--older-than", "90d", "--yes", DATABASE_URL=database.dsn).returncode == 0
    assert await database.pool.fetchval(days) == 0
