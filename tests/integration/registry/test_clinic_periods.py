"""What a clinic sees of a pump: its own time with it, and of that one patient's record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from tests.stack import Database

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
VIEWS = ("reservoir", "boluses", "refills", "therapies", "statuses", "reports", "alarms")
EVENTS = {
    "reservoir_readings": "volume_ml, basis) VALUES ({}, 5, 'computed')",
    "bolus_requests": "outcome) VALUES ({}, 'delivered')",
    "refills": "expected_ml, measured_ml, filled_ml) VALUES ({}, 2, 2, 18)",
    "therapies": "drugs, profile, reservoir_size_ml, low_reservoir_ml) VALUES ({}, '[]', '[]', 20, 3)",
    "device_statuses": "firmware) VALUES ({}, '1')",
    "patient_reports": "complaint) VALUES ({}, 'pain')",
    "pump_alarms": "code, state) VALUES ({}, 'other', 'raised')",
}


class Clinics:
    """A pump `p-1`, and a reader for each of two clinics."""

    def __init__(self, database: Database, readers: dict[str, asyncpg.Connection[asyncpg.Record]]) -> None:
        self.database, self.readers = database, readers

    async def happens(self, *days_ago: float) -> None:
        """One event of each kind."""
        for days in days_ago:
            for table, rest in EVENTS.items():
                values = rest.format("'p-1', $1::timestamptz, gen_random_uuid(), $1, 'p-1'")
                await self.database.pool.execute(
                    f"INSERT INTO {table} (pump_id, observed_at, event_id, received_at, device_id, {values}",
                    NOW - days * DAY,
                )

    async def moves(self, days_ago: float, clinic: str) -> None:
        at = NOW - days_ago * DAY
        pool = self.database.pool
        await pool.execute("UPDATE memberships SET ended_at = $1 WHERE ended_at = 'infinity'", at)
        await pool.execute("INSERT INTO memberships (pump_id, began_at, clinic_id) VALUES ('p-1', $1, $2)", at, clinic)
        await pool.execute("UPDATE devices SET clinic_id = $1", clinic)

    async def implanted(self, days_ago: float) -> None:
        at = NOW - days_ago * DAY
        await self.database.pool.execute("INSERT INTO implantations (pump_id, began_at) VALUES ('p-1', $1)", at)

    async def sees(self, clinic: str) -> list[float]:
        """How many days ago what a clinic sees was; the same of every kind."""
        found = set()
        for view in VIEWS:
            rows = await self.readers[clinic].fetch(f"SELECT time FROM dashboard.{view} ORDER BY time")  # noqa: S608
            found.add(tuple(round((NOW - row["time"]) / DAY, 3) for row in rows))
        [days] = found
        return list(days)

    async def daily(self, clinic: str) -> list[int]:
        rows = await self.readers[clinic].fetch("SELECT delivered FROM dashboard.boluses_daily ORDER BY time")
        return [row["delivered"] for row in rows]


@pytest.fixture
async def clinics(database: Database) -> AsyncIterator[Clinics]:
    readers = {}
    for clinic in ("north", "south"):
        role = f"pw_{uuid4().hex[:8]}_{clinic}"
        await database.pool.execute("INSERT INTO clinics VALUES ($1, $1)", clinic)
        await database.pool.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret' IN ROLE pumpwatch_reader")
        await database.pool.execute("INSERT INTO clinic_readers VALUES ($1, $2)", role, clinic)
        readers[clinic] = await asyncpg.connect(database.dsn, user=role, password="secret")
    await database.pool.execute("INSERT INTO devices (device_id, kind, clinic_id) VALUES ('p-1', 'pump', 'north')")
    yield Clinics(database, readers)
    for reader in readers.values():
        await reader.close()


async def test_a_pump_that_was_only_enrolled_is_seen_as_ever(clinics: Clinics) -> None:
    await clinics.happens(300, 1)
    assert await clinics.sees("north") == [300, 1]
    assert await clinics.sees("south") == []


async def test_each_sees_its_own_time_and_late_events_go_where_they_belong(clinics: Clinics) -> None:
    await clinics.happens(30)
    await clinics.moves(10, "south")
    await clinics.happens(20, 10, 5)
    assert await clinics.sees("north") == [30, 20]
    assert await clinics.sees("south") == [10, 5]
    [pump] = await clinics.readers["south"].fetch("SELECT * FROM dashboard.pumps")
    assert (pump["volume_ml"], pump["volume_basis"], pump["low_reservoir_ml"]) == (18, "refill", 3)  # of one moment
    assert await clinics.readers["north"].fetch("SELECT * FROM dashboard.pumps") == []


async def test_a_pump_that_moves_by_being_enrolled_elsewhere_moves_now(clinics: Clinics) -> None:
    await clinics.happens(1)
    await clinics.database.pool.execute("UPDATE devices SET clinic_id = 'south', retired_at = NULL")
    assert await clinics.sees("north") == [1]
    assert await clinics.sees("south") == []
    await clinics.database.pool.execute("UPDATE devices SET retired_at = now()")
    assert await clinics.database.pool.fetchval("SELECT count(*) FROM memberships") == 2


async def test_two_patients_are_never_one_chart(clinics: Clinics) -> None:
    await clinics.happens(30, 20, 5)
    await clinics.implanted(10)
    assert await clinics.sees("north") == [5]
    [pump] = await clinics.readers["north"].fetch("SELECT * FROM dashboard.pumps")
    assert pump["volume_observed_at"] == NOW - 5 * DAY
    await clinics.implanted(1)
    assert await clinics.sees("north") == []
    [pump] = await clinics.readers["north"].fetch("SELECT * FROM dashboard.pumps")
    assert (pump["volume_ml"], pump["reservoir_size_ml"], pump["low_reservoir_ml"]) == (None, None, 2)


async def test_a_clinic_keeps_its_record_when_the_pump_is_in_another_patient_elsewhere(clinics: Clinics) -> None:
    await clinics.happens(30)
    await clinics.moves(10, "south")
    await clinics.implanted(10)
    await clinics.happens(5)
    assert await clinics.sees("north") == [30]
    assert await clinics.sees("south") == [5]


async def test_the_day_on_which_a_pump_moves_is_counted_for_both(clinics: Clinics) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - 10 * DAY
    for hours in (-5, 1, 2, 14, 15, 16, 30):
        await clinics.happens((NOW - midnight) / DAY - hours / 24)
    assert await clinics.daily("north") == [1, 5, 1]
    await clinics.moves((NOW - midnight) / DAY - 12 / 24, "south")
    assert await clinics.daily("north") == [1, 2]
    assert await clinics.daily("south") == [3, 1]
