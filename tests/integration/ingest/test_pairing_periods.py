"""Which pump a handheld's event is about: the pairing that held when it was observed, whatever holds now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.admin.replay_dead_letters import replay, replayable
from services.ingest.messages.decode import ClockLimits
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.ingest_world import Device, enrol, ingest_settings, reading, unique
from tests.stack import eventually

CLOCK = ClockLimits(ahead=timedelta(hours=24), behind=timedelta(days=400))
DAY = timedelta(days=1)


@pytest.fixture
async def ingest(run_service, database, broker):
    return await run_service("ingest", ingest_settings(database.dsn, broker))


@pytest.fixture
async def handheld(broker, ingest, database):
    """A handheld that had the pump p-1 until 10 days ago, and has p-2 since 9 days ago."""
    device = Device(unique("hand"), None)
    await enrol(database.pool, ["p-1", "p-2"], {device.name: "p-1"})
    await database.pool.execute("UPDATE pairings SET ended_at = $1", datetime.now(UTC) - 10 * DAY)
    await database.pool.execute(
        "INSERT INTO pairings (handheld_id, pump_id, paired_at) VALUES ($1, 'p-2', $2)",
        device.name,
        datetime.now(UTC) - 9 * DAY,
    )
    async with open_link(broker_address(broker.url), client_id=device.name, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{device.name}/receipts")
        yield device


def log(*days_ago):
    return [{"kind": "bolus", "outcome": "delivered", **reading(ago=each * DAY)} for each in days_ago]


async def pumps(database):
    rows = await database.pool.fetch("SELECT pump_id FROM bolus_requests ORDER BY observed_at")
    return [row["pump_id"] for row in rows]


async def test_an_old_log_goes_to_the_pump_of_its_time(handheld, database):
    receipt = await handheld.receipt("batch", log(20, 9.5, 1))
    assert receipt["stored"] == 2
    assert [(each["index"], each["reason"]) for each in receipt["rejected"]] == [(1, "not_paired_then")]
    assert await pumps(database) == ["p-1", "p-2"]
    queued = await database.pool.fetchval("SELECT pump_ids FROM evaluation_queue")
    assert queued == ["p-1", "p-2"]


async def test_what_belonged_to_nobody_goes_in_once_the_registry_is_right(handheld, database):
    events = log(9.5)
    assert (await handheld.receipt("batch", events))["stored"] == 0
    async with database.pool.acquire() as connection:
        [letter] = await replayable(connection, reason="not_paired_then")
        now = datetime.now(UTC)
        assert (await replay(connection, letter, clock=CLOCK, now=now)).outcome == "rejected"
        await connection.execute("UPDATE pairings SET ended_at = $1 WHERE pump_id = 'p-1'", now - 9.2 * DAY)
        assert (await replay(connection, letter, clock=CLOCK, now=now)).outcome == "stored"
    assert await pumps(database) == ["p-1"]
    await eventually(lambda: is_duplicate(handheld, events))


async def is_duplicate(handheld, events):
    return (await handheld.receipt("batch", events))["duplicates"] == len(events)


async def test_a_re_send_after_the_handheld_was_given_away_is_a_duplicate(broker, ingest, database):
    device = Device(unique("hand"), None)
    await enrol(database.pool, ["p-1", "p-2"], {device.name: "p-1"})
    async with open_link(broker_address(broker.url), client_id=device.name, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{device.name}/receipts")
        events = log(2, 1)
        assert (await device.receipt("batch", events))["stored"] == 2
        await database.pool.execute("UPDATE pairings SET ended_at = now()")
        await database.pool.execute("INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, 'p-2')", device.name)
        await eventually(lambda: goes_to(device, database, "p-2"))
        assert (await device.receipt("batch", events))["duplicates"] == 2
    assert await pumps(database) == ["p-1", "p-1", "p-2"]


async def goes_to(device, database, pump):
    """Whether what is observed now is stored for this pump; it is taken away again if not."""
    [event] = log(0)
    await device.receipt("batch", [event])
    event_id = event["event_id"]
    if await database.pool.fetchval("SELECT pump_id FROM bolus_requests WHERE event_id::text = $1", event_id) == pump:
        return True
    await database.pool.execute("DELETE FROM bolus_requests WHERE event_id::text = $1", event_id)
    return False


async def test_a_re_send_after_the_registry_was_corrected_stays_where_it_is_stored(handheld, database):
    events = log(2, 1)
    assert (await handheld.receipt("batch", events))["stored"] == 2
    # It was p-1 all the time: the pairing with p-2 never held.
    await database.pool.execute("UPDATE pairings SET ended_at = paired_at WHERE pump_id = 'p-2'")
    await database.pool.execute("UPDATE pairings SET ended_at = NULL WHERE pump_id = 'p-1'")
    await eventually(lambda: goes_to(handheld, database, "p-1"))
    receipt = await handheld.receipt("batch", events)
    assert (receipt["stored"], receipt["duplicates"], receipt["rejected"]) == (0, 2, [])
    changed = [{**events[0], "outcome": "comm_failure"}]
    assert (await handheld.receipt("batch", changed))["rejected"][0]["reason"] == "conflicting_duplicate"
    assert await pumps(database) == ["p-2", "p-2", "p-1"]


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(-20, None), (-9.5, None), (-9.5, -8), (-8, None), (-8, -7), (-30, -29)],
)
async def test_pairings_of_one_handheld_do_not_overlap(handheld, database, begins, ends):
    now = datetime.now(UTC)
    with pytest.raises((asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError)):
        await database.pool.execute(
            "INSERT INTO pairings (handheld_id, pump_id, paired_at, ended_at) VALUES ($1, 'p-1', $2, $3)",
            handheld.name,
            now + begins * DAY,
            None if ends is None else now + ends * DAY,
        )


async def test_the_gap_between_two_may_be_filled(handheld, database):
    begins, ends = datetime.now(UTC) - 9.9 * DAY, datetime.now(UTC) - 9.1 * DAY
    await database.pool.execute(
        "INSERT INTO pairings (handheld_id, pump_id, paired_at, ended_at) VALUES ($1, 'p-1', $2, $3)",
        handheld.name,
        begins,
        ends,
    )
    await eventually(lambda: stored(handheld, log(9.5)))


async def stored(handheld, events):
    return (await handheld.receipt("batch", events))["stored"] == 1
