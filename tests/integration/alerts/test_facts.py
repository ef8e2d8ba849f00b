"""Facts: one statement, the same on every edition, and equal to what the pure core makes of all events."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

import services.alerts
from schemas.events import AlarmCode, AlarmState, ReadingBasis
from services.alerts.facts.model import AlarmEvent, PumpFacts, Reading, Refill
from services.alerts.facts.store import QUERIES, load_facts
from services.alerts.rules.active_alarms import active_alarms
from services.devstack.servers.postgres import PostgresServer
from services.runtime.database import Connection, load_queries
from tests.alerts_world import T0, Story
from tests.stack import Database, make_database

DAY = timedelta(days=1)


async def facts_of(story: Story, *, as_of=None, windows: int = 28) -> PumpFacts:
    async with story.pool.acquire() as connection:
        (found,) = await load_facts(connection, [story.pump_id], story.now, windows=windows, as_of=as_of)
    return found


async def add(story: Story, text: str, *, hours: float) -> None:
    async with story.pool.acquire() as connection:
        await story.insert(connection, text.split(), T0 - timedelta(hours=hours))


@pytest.fixture
async def story(database: Database) -> Story:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    return story


async def prepare_all(connection: Connection) -> None:
    files = sorted(Path(services.alerts.__file__).parent.rglob("queries.sql"))
    assert len(files) > 6
    for path in files:
        # The web process looks names up in the schema of its views first (docs/decisions/0037-clinics-apart.md).
        schemas = "web, public" if "web" in path.parts else "public"
        await connection.execute(f"SET search_path TO {schemas}")
        for name, statement in load_queries(path).items():
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                pytest.fail(f"{path.parent.name}/{name}: {error}")
    await connection.execute("RESET search_path")


async def test_every_query_can_be_prepared(database: Database) -> None:
    async with database.pool.acquire() as connection:
        await prepare_all(connection)


async def test_every_query_can_be_prepared_on_plain_postgres_and_gives_the_same_facts(
    database: Database, plain_postgres: PostgresServer
) -> None:
    dsn = await make_database(plain_postgres, "pw_alerts_plain")
    async with asyncpg.create_pool(dsn, min_size=0) as pool:
        async with pool.acquire() as connection:
            await prepare_all(connection)
        found = []
        for each, address in ((database.pool, database.dsn), (pool, dsn)):
            story = Story(each, address, pump_id="pump-same")
            await story.enrol()
            for text, hours in (
                ("alarm motor_stall raised", 30),
                ("level 7.5 measured", 40),
                ("refill 18", 90),
                ("therapy low=3", 91),
                ("bolus delivered x3", 5),
                ("bolus denied_limit x2", 50),
                ("status", 100),
            ):
                await add(story, text, hours=hours)
            facts = await facts_of(story)
            found.append((facts.reading, facts.refill, facts.programmed_low_ml, facts.demand, facts.windows))
    assert found[0] == found[1]
    assert found[0][0] == Reading(7.5, ReadingBasis.MEASURED, T0 - timedelta(hours=40))
    assert found[0][1] == Refill(18.0, T0 - timedelta(hours=90), 2.0, 2.0)
    assert [window.attempts for window in found[0][4][:4]] == [3, 0, 2, 0]
    assert [window.heard for window in found[0][4][:6]] == [True, True, True, True, True, False]


async def test_a_pump_that_nothing_is_known_of(story: Story) -> None:
    facts = await facts_of(story)
    assert (facts.alarms, facts.reading, facts.refill, facts.programmed_low_ml) == ((), None, None, None)
    assert (facts.demand.attempts, facts.demand.first_at) == (0, None)
    assert not any(window.heard for window in facts.windows)
    assert len(facts.windows) == 28


async def test_pumps_that_the_registry_does_not_know_have_no_facts(story: Story) -> None:
    async with story.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO devices (device_id, kind, clinic_id) VALUES ('handheld-1', 'handheld', $1)", story.clinic_id
        )
        asked = ["nobody", "handheld-1", story.pump_id]
        found = await load_facts(connection, asked, T0, windows=7)
    assert [facts.pump_id for facts in found] == [story.pump_id]


@pytest.mark.parametrize(
    "text", ["alarm other raised", "level 9", "refill 9", "status", "therapy low=2", "bolus delivered x1"]
)
async def test_anything_heard_makes_a_day_known(story: Story, text: str) -> None:
    await add(story, text, hours=24 * 3 + 1)
    facts = await facts_of(story)
    assert [place for place, window in enumerate(facts.windows) if window.heard] == [3]


async def test_a_report_of_the_patient_makes_a_day_known(story: Story) -> None:
    async with story.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO patient_reports (pump_id, observed_at, event_id, received_at, device_id, complaint) "
            "VALUES ($1, $2, $3, $2, $1, 'pain')",
            story.pump_id,
            T0 - 3.5 * DAY,
            UUID(int=1),
        )
    facts = await facts_of(story)
    assert [place for place, window in enumerate(facts.windows) if window.heard] == [3]


async def test_windows_end_now_and_a_clock_that_is_ahead_counts_as_now(story: Story) -> None:
    for hours in (-0.1, 0, 23.99, 24, 47.99, 48):
        await add(story, "bolus delivered x1", hours=hours)
    facts = await facts_of(story, windows=3)
    assert [window.requests for window in facts.windows] == [3, 2, 1]
    assert [window.attempts for window in facts.windows] == [1, 1, 1]
    assert facts.demand.attempts == 3


async def test_as_of_leaves_out_what_had_not_been_received(story: Story) -> None:
    await add(story, "level 9", hours=30)
    await add(story, "bolus delivered x1", hours=30)
    story.now = T0 + DAY
    await add(story, "level 1", hours=2)
    await add(story, "alarm motor_stall raised", hours=2)
    await add(story, "bolus delivered x4", hours=2)
    before, after = await facts_of(story, as_of=T0), await facts_of(story, as_of=T0 + DAY)
    assert (before.reading and before.reading.volume_ml, before.alarms) == (9, ())
    assert (after.reading and after.reading.volume_ml, len(after.alarms)) == (1, 1)
    assert sum(window.attempts for window in before.windows) == 1
    assert sum(window.attempts for window in after.windows) == 5


async def test_a_refill_counts_until_what_replaces_it_is_received(story: Story) -> None:
    async with story.pool.acquire() as connection:
        await story.insert(connection, ["refill", "18"], T0, UUID(int=1))
        story.now = T0 + DAY
        await story.insert(connection, ["refill", "17"], T0 - DAY, UUID(int=2))
        await connection.execute("UPDATE refills SET replaces = $1 WHERE event_id = $2", UUID(int=1), UUID(int=2))
    before, after = await facts_of(story, as_of=T0), await facts_of(story)
    assert [each.filled_ml for each in before.refills] == [18]
    assert [each.filled_ml for each in after.refills] == [17]
    assert after.windows[1].heard  # the entry that was replaced was heard all the same


async def test_an_alarm_code_of_a_later_release_is_another_alarm(story: Story) -> None:
    await add(story, "alarm antenna_lost raised", hours=1)
    (alarm,) = (await facts_of(story)).alarms
    assert (alarm.code, alarm.detail) == (AlarmCode.OTHER, "antenna_lost")


async def test_the_statement_and_the_pure_core_agree_on_every_history(database: Database) -> None:
    """Random histories with ties, duplicates of instants, clocks that are ahead, counters and two devices."""
    chance = random.Random(20261122)
    histories: dict[str, list[AlarmEvent]] = {}
    async with database.pool.acquire() as connection:
        await connection.execute("INSERT INTO clinics VALUES ('north', 'North')")
        for number in range(400):
            pump_id = f"pump-{number:04d}"
            histories[pump_id] = [
                AlarmEvent(
                    code=chance.choice([AlarmCode.MOTOR_STALL, AlarmCode.PUMP_STOPPED]),
                    state=chance.choice(list(AlarmState)),
                    observed_at=T0 - timedelta(days=chance.choice([-1, 0, 1, 1.5, 2, 200, 400])),
                    received_at=T0 - timedelta(days=chance.choice([0, 0, 0.5, 1, 1.5, 2, 200])),
                    device_id=chance.choice([pump_id, "handheld"]),
                    seq=chance.choice([None, 1, 2, 3]),
                    event_id=UUID(int=chance.getrandbits(128)),
                    detail=chance.choice([None, "MRI"]),
                )
                for _ in range(chance.randrange(9))
            ]
        await connection.executemany(
            "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', 'north')",
            [(pump_id,) for pump_id in histories],
        )
        await connection.executemany(
            "INSERT INTO pump_alarms "
            "(pump_id, observed_at, event_id, received_at, device_id, seq, code, state, detail) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                (pump_id, e.observed_at, e.event_id, e.received_at, e.device_id, e.seq, e.code.value, e.state, e.detail)
                for pump_id, events in histories.items()
                for e in events
            ],
        )
        found = await load_facts(connection, list(histories), T0, windows=1)
    assert len(found) == len(histories)
    for facts in found:
        assert active_alarms(facts.alarms) == active_alarms(histories[facts.pump_id]), facts.pump_id


async def test_every_look_up_goes_by_the_primary_key(story: Story) -> None:
    for text in ("alarm other raised", "level 9", "refill 9", "status", "therapy low=2", "bolus delivered x1"):
        await add(story, text, hours=1)
    async with story.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetchval("EXPLAIN (FORMAT JSON) " + QUERIES["facts"], [story.pump_id], T0, None, 28)
    scans = list(_scans(json.loads(plan)[0]["Plan"]))
    events = [scan for scan in scans if scan["Relation Name"].startswith("_hyper")]
    assert len(events) >= 7
    for scan in events:
        assert "pump_id" in scan.get("Index Cond", scan.get("Recheck Cond", "")), scan


def _scans(plan):
    if "Relation Name" in plan:
        yield plan
    for part in plan.get("Plans", ()):
        yield from _scans(part)


async def test_the_longest_statement_is_prepared_once(database: Database) -> None:
    """Planning it takes longer than running it."""
    async with database.pool.acquire() as connection:
        for _ in range(3):
            await load_facts(connection, ["pump-1"], T0, windows=3)
        kept = await connection.fetchval(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%' || $1 || '%'", "asked.implantation_id"
        )
    assert kept == 1
