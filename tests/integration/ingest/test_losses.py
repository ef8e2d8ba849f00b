"""What an operator sees of lost events and of clocks that are off: in the database, and as commands print it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from services.admin.store import clocks_off, sequence_gaps
from tests.command import pumpwatch
from tests.ingest_world import CLINIC, enrol

NOW = datetime.now(UTC).replace(microsecond=0)
SINCE = NOW - timedelta(days=7)

EVENTS = {
    "reservoir_readings": ("volume_ml, basis", "9, 'computed'"),
    "bolus_requests": ("outcome", "'delivered'"),
    "pump_alarms": ("code, state", "'other', 'raised'"),
    "therapies": ("drugs, profile, reservoir_size_ml", "'[]', '[]', 20"),
    "refills": ("expected_ml, measured_ml, filled_ml", "1, 1, 20"),
    "device_statuses": ("firmware", "'1'"),
    "patient_reports": ("complaint", "'pain'"),
}


async def store(database, device, seq, *, minute=None, pump=None, table="reservoir_readings"):
    """An event that was observed `minute` minutes into the last day; by default, as many as its number."""
    columns, values = EVENTS[table]
    observed_at = NOW - timedelta(days=1) + timedelta(minutes=seq if minute is None else minute)
    await database.pool.execute(
        f"""INSERT INTO {table} (pump_id, observed_at, event_id, received_at, device_id, seq, {columns})
            VALUES ($1, $2, $3, now(), $4, $5, {values})""",  # noqa: S608
        *(pump or device, observed_at, uuid4(), device, seq),
    )


async def gaps(database, device="p-1", since=SINCE):
    async with database.pool.acquire() as connection:
        found = await sequence_gaps(connection, since=since, device_id=device)
    assert all(gap.missing == gap.gap_to - gap.gap_from + 1 for gap in found)
    assert all(gap.observed_after <= gap.observed_before for gap in found)
    return [(gap.gap_from, gap.gap_to) for gap in found]


@pytest.fixture
async def fleet(database):
    await enrol(database.pool, ["p-1", "p-2"], {"h-1": "p-1"})
    return database


async def test_lost_events_are_gaps_until_they_come(fleet):
    for seq in (1, 2, 5, 6, 9):
        await store(fleet, "p-1", seq)
    assert await gaps(fleet) == [(3, 4), (7, 8)]
    await store(fleet, "p-1", 7)
    await store(fleet, "p-1", 3)
    assert await gaps(fleet) == [(4, 4), (8, 8)]
    await store(fleet, "p-1", 4)
    await store(fleet, "p-1", 8)
    assert await gaps(fleet) == []


async def test_one_counter_runs_over_all_kinds(fleet):
    for seq, table in enumerate(EVENTS, start=1):
        await store(fleet, "p-1", seq, table=table)
    assert await gaps(fleet) == []
    await store(fleet, "p-1", len(EVENTS) + 2)
    assert await gaps(fleet) == [(len(EVENTS) + 1, len(EVENTS) + 1)]


async def test_a_handheld_has_its_own_counter_and_keeps_it_with_another_pump(fleet):
    await store(fleet, "p-1", 1)
    await store(fleet, "p-1", 2)
    await store(fleet, "h-1", 500, minute=1, pump="p-1")
    await fleet.pool.execute("UPDATE pairings SET ended_at = now()")
    await fleet.pool.execute("INSERT INTO pairings (handheld_id, pump_id) VALUES ('h-1', 'p-2')")
    await store(fleet, "h-1", 501, minute=2, pump="p-2")
    await store(fleet, "h-1", 503, minute=3, pump="p-2")
    assert await gaps(fleet) == []
    assert await gaps(fleet, "h-1") == [(502, 502)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # the counter begins again: no gap between the new count and the old one
        ([(900, 0), (901, 1), (0, 2), (1, 3), (2, 4)], []),
        # ... and losses in the new count are seen, also under numbers that the old one had
        ([(n, n) for n in range(50)] + [(n, 100 + n) for n in range(40) if n != 20], [(20, 20)]),
        # ... and so are those of the old count
        ([(n, n) for n in range(50) if n != 20] + [(n, 100 + n) for n in range(40)], [(20, 20)]),
        # ... and those of both
        ([(n, n) for n in range(50) if n != 7] + [(n, 100 + n) for n in range(40) if n != 7], [(7, 7), (7, 7)]),
        # a counter that begins again high
        ([(1, 1), (2, 2), (500_000, 3), (500_001, 4)], []),
        # the clock is set back by an hour, and the counter runs on
        ([(n, n) for n in range(100)] + [(100 + n, 40 + n) for n in range(60)], []),
        # the counter goes round, and losses on both sides are seen
        ([(2**32 - 5 + n, n) for n in (0, 2, 3, 4)] + [(0, 5), (1, 6), (4, 7)], [(2, 3), (2**32 - 4, 2**32 - 4)]),
        # two events at the same time
        ([(1, 0), (2, 0), (4, 0)], [(3, 3)]),
    ],
)
async def test_a_new_count_and_a_changed_clock_are_not_losses(fleet, events, expected):
    for seq, minute in events:
        await store(fleet, "p-1", seq, minute=minute)
    assert await gaps(fleet) == expected


async def test_events_without_a_number_and_before_the_time_are_left_out(fleet):
    await store(fleet, "p-1", 1, minute=0)
    await store(fleet, "p-1", 5, minute=60)
    await store(fleet, "p-1", 6, minute=61)
    await fleet.pool.execute("UPDATE reservoir_readings SET seq = NULL WHERE seq = 6")
    assert await gaps(fleet) == [(2, 4)]
    assert await gaps(fleet, since=NOW - timedelta(hours=23, minutes=30)) == []


async def test_a_reader_sees_gaps_and_clocks_of_its_own_clinic(fleet):
    await fleet.pool.execute("INSERT INTO clinics VALUES ('south', 'South')")
    await fleet.pool.execute("INSERT INTO devices (device_id, kind, clinic_id) VALUES ('s-1', 'pump', 'south')")
    for device in ("p-1", "s-1"):
        await store(fleet, device, 1)
        await store(fleet, device, 3)
    await fleet.pool.execute(
        """INSERT INTO device_last_seen SELECT device_id, now(), now(), o
           FROM (VALUES ('p-1', -400.0), ('p-2', 12), ('s-1', 9000)) v (device_id, o)"""
    )
    role = f"reader_{uuid4().hex[:8]}"
    await fleet.pool.execute(f"CREATE ROLE {role} LOGIN IN ROLE pumpwatch_reader")
    await fleet.pool.execute("INSERT INTO clinic_readers VALUES ($1, $2)", role, CLINIC)
    reader = await asyncpg.connect(fleet.dsn, user=role)
    try:
        seen = await reader.fetch("SELECT device_id, clinic_id, gap_from, gap_to FROM dashboard.sequence_gaps")
        assert [tuple(row) for row in seen] == [("p-1", CLINIC, 2, 2)]
        seen = await reader.fetch("SELECT device_id, verdict FROM dashboard.device_clocks ORDER BY 1")
        assert [tuple(row) for row in seen] == [("p-1", "ahead"), ("p-2", "right")]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT * FROM sequence_gaps(now() - interval '1 day')")
    finally:
        await reader.close()
        await fleet.pool.execute(f"DROP ROLE {role}")


async def test_the_commands_print_gaps_and_clocks(fleet):
    url = {"DATABASE_URL": fleet.dsn}
    assert pumpwatch("gaps", **url).stdout == "no gaps\n"
    assert pumpwatch("devices", "clocks", **url).stdout == "no clock is off by more than 5m\n"
    for seq in (1, 3, 7):
        await store(fleet, "p-1", seq)
    await fleet.pool.execute(
        """INSERT INTO device_last_seen SELECT device_id, now(), now(), o
           FROM (VALUES ('p-1', -400.0), ('p-2', 12), ('h-1', 9000)) v (device_id, o)"""
    )
    lines = pumpwatch("gaps", "--since", "3d", "--device", "p-1", **url).stdout.splitlines()
    assert lines[0].split() == ["DEVICE", "NUMBERS", "MISSING", "AFTER", "BEFORE"]
    assert lines[1].startswith("p-1     2        1        20")
    assert lines[2].startswith("p-1     4-6      3        20")
    assert pumpwatch("gaps", "--since", "1h", **url).stdout == "no gaps\n"
    _, first, second = pumpwatch("devices", "clocks", **url).stdout.splitlines()
    assert first.startswith(f"h-1     handheld  {CLINIC}   2:30:00 behind, or its events came late  20")
    assert second.startswith(f"p-1     pump      {CLINIC}   0:06:40 ahead  ")
    async with fleet.pool.acquire() as connection:
        assert len(await clocks_off(connection, by_more_than=timedelta(seconds=10))) == 3
