"""The drill's pump is nobody's: no handheld, no patient, no other clinic, and no figure of a dashboard."""

from __future__ import annotations

import asyncpg
import pytest

from schemas.topics import DRILL
from tests.command import pumpwatch
from tests.stack import Database

PUMP_OF_THE_DRILL = f"error: {DRILL} is the pump of the drill: expected one that can be in a patient\n"
CLINIC_OF_THE_DRILL = f"error: clinic {DRILL} is the drill's: expected one that has patients\n"


@pytest.fixture
async def site(database: Database) -> Database:
    assert await database.pool.fetchval("SELECT enrol_drill()")
    assert await database.pool.fetchval("SELECT enrol_drill()")  # and again
    for kind, name in (("pump", "p-1"), ("handheld", "h-1")):
        done = pumpwatch("enrol", name, "--kind", kind, "--clinic", "north", DATABASE_URL=database.dsn)
        assert done.returncode == 0, done.stderr
    return database


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (f"devices pair h-1 {DRILL}", PUMP_OF_THE_DRILL),
        (f"devices implant {DRILL} --patient A-17", PUMP_OF_THE_DRILL),
        (f"devices explant {DRILL}", PUMP_OF_THE_DRILL),
        (f"devices move {DRILL} --clinic north", PUMP_OF_THE_DRILL),
        (f"devices move p-1 --clinic {DRILL}", CLINIC_OF_THE_DRILL),
        (f"enrol p-2 --clinic {DRILL}", CLINIC_OF_THE_DRILL),
    ],
)
async def test_the_registry_refuses_it_with_words(site: Database, line: str, refusal: str) -> None:
    done = pumpwatch(*line.split(), DATABASE_URL=site.dsn)
    assert (done.returncode, done.stderr) == (1, refusal)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pairings (handheld_id, pump_id) VALUES ('h-1', $1)",
        "UPDATE implantations SET patient_ref = 'A-17' WHERE pump_id = $1",
        "UPDATE devices SET clinic_id = 'north' WHERE device_id = $1",
        "UPDATE devices SET clinic_id = $1 WHERE device_id = 'p-1'",
    ],
)
async def test_and_so_does_the_database_whoever_asks(site: Database, statement: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await site.pool.execute(statement, DRILL)


async def test_it_stands_in_no_dashboard(site: Database) -> None:
    await site.pool.execute("INSERT INTO clinic_readers SELECT session_user, NULL")
    for view in ("clinics", "pumps", "devices"):
        rows = [dict(row) for row in await site.pool.fetch(f"SELECT * FROM dashboard.{view}")]  # noqa: S608
        assert rows
        assert not [row for row in rows if row["clinic_id"] == DRILL]


async def test_it_can_be_retired_and_is_enrolled_again_for_the_next_drill(site: Database) -> None:
    assert pumpwatch("devices", "retire", DRILL, DATABASE_URL=site.dsn).returncode == 0
    assert await site.pool.fetchval("SELECT enrol_drill()")
    assert await site.pool.fetchval("SELECT retired_at IS NULL FROM devices WHERE device_id = $1", DRILL)


async def test_a_device_that_had_the_name_before_stays_where_it_is(database: Database) -> None:
    """No other may have it since it was kept; an old one is some patient's."""
    await database.pool.execute("ALTER TABLE devices DROP CONSTRAINT drill_is_apart")
    await database.pool.execute("INSERT INTO clinics VALUES ('north', 'North')")
    await database.pool.execute("INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', 'north')", DRILL)
    assert not await database.pool.fetchval("SELECT enrol_drill()")
    assert await database.pool.fetchval("SELECT clinic_id FROM devices WHERE device_id = $1", DRILL) == "north"
