"""`pumpwatch retention`: old events of the dense kinds go, from hypertables and plain tables; all else stays."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.admin import retention
from services.runtime.mqtt import broker_address
from services.runtime.turns import end_turn, take_turn
from services.simulator.devices.publisher import Publisher
from tests.command import pumpwatch
from tests.contract.grafana.clinic_data import seed
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.stack import clone_database, drop_database, make_database

AGES = (1, 390, 800, 1_500, 3_000)
OTHERS = ("pump_alarms", "therapies", "refills", "patient_reports", "alerts", "alert_transitions", "dead_letters")


@pytest.fixture(params=["timescaledb", "plain"])
async def dsn(request, timescaledb, plain_postgres, database_template):
    """A database with two clinics' events of today and of years ago."""
    server, name = plain_postgres if request.param == "plain" else timescaledb, f"pumpwatch_retention_{os.getpid()}"
    if server is plain_postgres:
        dsn = await make_database(server, name)
    else:
        dsn = await clone_database(server, database_template, name)
    connection = await asyncpg.connect(dsn)
    await seed(connection)
    for table in (*retention.RETAINED, *OTHERS[:4]):
        await connection.execute(f"CREATE TEMP TABLE old AS SELECT DISTINCT ON (pump_id) * FROM {table}")  # noqa: S608
        for days in AGES:
            await connection.execute(
                f"""UPDATE old SET event_id = gen_random_uuid(), observed_at = now() - {days} * interval '1 day';
                    INSERT INTO {table} SELECT * FROM old"""  # noqa: S608
            )
        await connection.execute("DROP TABLE old")
    await connection.close()
    yield dsn
    await drop_database(server, name)


async def counts(dsn, tables, older_than_days=0):
    connection = await asyncpg.connect(dsn)
    column = {"alerts": "opened_at", "alert_transitions": "at", "dead_letters": "last_received_at"}
    old = "<= now() - make_interval(days => $1)"
    found = {
        table: await connection.fetchval(
            f"SELECT count(*) FROM {table} WHERE {column.get(table, 'observed_at')} {old}",  # noqa: S608
            older_than_days,
        )
        for table in tables
    }
    await connection.close()
    return found


def minutes_left_out(said: subprocess.CompletedProcess[str]) -> str:
    """What a command said, without the minute in which it was called."""
    return re.sub(r"before [0-9-]+ [0-9:]+Z", "before then", said.stdout)


async def test_old_dense_events_are_removed_and_nothing_else(dsn):
    others, dense = await counts(dsn, OTHERS), await counts(dsn, retention.RETAINED)
    young = {
        table: n - o for (table, n), o in zip(dense.items(), (await counts(dsn, dense, 790)).values(), strict=True)
    }
    looked = pumpwatch("retention", "--keep", "2y", DATABASE_URL=dsn)
    assert looked.returncode == 1
    assert looked.stdout.startswith("reservoir_readings: would remove 24 events before 20")
    assert looked.stderr == "error: nothing was removed: add --yes to remove them\n"
    assert await counts(dsn, dense) == dense
    done = pumpwatch("retention", "--keep", "2y", "--yes", DATABASE_URL=dsn)
    assert (done.returncode, minutes_left_out(done)) == (0, minutes_left_out(looked).replace("would remove", "removed"))
    assert await counts(dsn, dense) == young
    assert await counts(dsn, OTHERS) == others
    again = pumpwatch("retention", "--keep", "2y", "--yes", DATABASE_URL=dsn)
    assert again.stdout == "".join(f"{table}: removed 0 events\n" for table in retention.RETAINED)
    assert pumpwatch("retention", "--keep", "2y", DATABASE_URL=dsn).returncode == 0


async def test_each_kind_has_a_time_of_its_own(dsn):
    statuses, others = "device_statuses", ("reservoir_readings", "bolus_requests")
    was = await counts(dsn, (*others, statuses, *OTHERS))
    ages = "SELECT DISTINCT (now()::date - observed_at::date) / 100 FROM {} ORDER BY 1"
    only = ("retention", "--keep-kind", "status=100d")
    looked = pumpwatch(*only, DATABASE_URL=dsn)
    assert looked.returncode == 1
    assert looked.stdout.startswith(
        "reservoir_readings: would remove 0 events\nbolus_requests: would remove 0 events\n"
    )
    assert await counts(dsn, was) == was
    assert pumpwatch(*only, "--yes", DATABASE_URL=dsn).returncode == 0
    now = await counts(dsn, was)
    assert now == was | {statuses: now[statuses]}
    connection = await asyncpg.connect(dsn)
    assert [row[0] for row in await connection.fetch(ages.format(statuses))] == [0]
    both = pumpwatch("retention", "--keep", "7y", "--keep-kind", "bolus=2y", "--yes", DATABASE_URL=dsn)
    assert both.returncode == 0, both.stderr
    assert [row[0] for row in await connection.fetch(ages.format(others[0]))] == [0, 3, 8, 15]
    assert [row[0] for row in await connection.fetch(ages.format(others[1]))] == [0, 3]
    await connection.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "expected --keep TIME, such as --keep 10y, or --keep-kind KIND=TIME"),
        (["status"], "--keep-kind: '' is not a length of time"),
        (["status=60d"], "--keep-kind: 60d is too short: the rules look at statuses of the last 60 days"),
        (["bolus=90d"], "--keep-kind: 90d is too short: ingest takes events of the last 400 days"),
        (["alarm=7y"], "--keep-kind: 'alarm=7y' names no kind that can be removed: events of the kind alarm stay"),
        (["levels=7y"], "'levels=7y' names no kind that can be removed; expected one of reservoir, bolus, status"),
        (["status=90d", "status=99d"], "--keep-kind: expected each kind once"),
    ],
)
def test_a_kind_that_is_none_or_a_time_that_is_too_short_is_refused(options, says):
    arguments = [word for option in options for word in ("--keep-kind", option)]
    nowhere = "postgresql://postgres@127.0.0.1:1/nowhere"
    done = pumpwatch("retention", *arguments, "--yes", DATABASE_URL=nowhere)
    assert done.returncode == 2
    assert says in done.stderr


async def test_a_second_removal_and_a_table_in_use_are_one_line(dsn):
    before = datetime.now(UTC) - timedelta(days=700)
    first, second = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    assert await take_turn(first, "retention")
    with pytest.raises(retention.RetentionError, match="another removal is running"):
        await retention.remove(second, before=before)
    await end_turn(first, "retention")
    async with first.transaction():
        await first.execute("LOCK TABLE reservoir_readings IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(retention.RetentionError, match="in use for too long"):
            await retention.remove(second, before=before, tries=1)
    assert sum(removal.events for removal in await retention.remove(second, before=before)) > 0
    assert await second.fetchval("SHOW lock_timeout") == "0"
    for connection in (first, second):
        await connection.close()


async def test_a_removal_that_the_database_ends_for_being_in_the_way_says_so_in_one_line(dsn):
    before = datetime.now(UTC) - timedelta(days=700)
    writer, removing = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await removing.execute("SELECT pg_advisory_lock(1)")  # what the writer waits for, as for a row that was removed
    await removing.execute("SET deadlock_timeout = '10ms'")
    await writer.execute("SET deadlock_timeout = '10min'")
    async with writer.transaction():
        await writer.execute("LOCK TABLE reservoir_readings IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(writer.execute("SELECT pg_advisory_xact_lock(1)"))
        while not await removing.fetchval(
            "SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database()) AND locktype = 'advisory' AND NOT granted"
        ):
            pass
        with pytest.raises(retention.RetentionError, match="what is being written was in the way"):
            await retention.remove(removing, before=before)
        await removing.execute("SELECT pg_advisory_unlock_all()")
        await waiting
    assert sum(removal.events for removal in await retention.remove(removing, before=before)) > 0
    for connection in (writer, removing):
        await connection.close()


@pytest.mark.parametrize(
    ("keep", "says"),
    [
        ("400d", "--keep: 400d is too short: ingest takes events of the last 400 days, and would store them again"),
        ("1y", "--keep: 1y is too short"),
        ("long", "--keep: 'long' is not a length of time: expected "),
    ],
)
def test_a_time_that_is_none_or_too_short_is_refused(keep, says):
    done = pumpwatch("retention", "--keep", keep, "--yes", DATABASE_URL="postgresql://postgres@127.0.0.1:1/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {says}")


async def late_events(dsn, broker, run_service, ages, remove):
    """Publish readings of these ages, in days, while `remove` runs again and again; returns what is stored then."""
    connection = await asyncpg.connect(dsn)
    pump = unique("pump")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await enrol(pool, [pump])
    await connection.execute(  # what is to go
        """INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis)
           SELECT $1, now() - n * interval '5 days', gen_random_uuid(), now(), $1, 9, 'computed'
           FROM generate_series(20, 200) AS n""",
        pump,
    )
    service = await run_service("ingest", ingest_settings(dsn, broker))
    events = [reading(ago=timedelta(days=age, seconds=number), seq=number) for number, age in enumerate(ages)]
    async with Publisher(broker_address(broker.url), window_events=200, resend_after_seconds=2) as devices:
        for at in range(0, len(events), 20):
            if at % 100 == 0:
                await remove(connection)
            for event in events[at : at + 20]:
                await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)
        await devices.drained()
        assert (devices.counts.receipts, devices.counts.rejected) == (len(events), 0)
    assert service.is_running
    assert "Traceback" not in service.log()
    rows = await connection.fetch("SELECT event_id::text FROM reservoir_readings WHERE seq IS NOT NULL")
    oldest = await connection.fetchval("SELECT min(observed_at) FROM reservoir_readings")
    await connection.close()
    return events, Counter(row[0] for row in rows), oldest


async def test_late_events_that_come_while_older_ones_are_removed_are_all_there(database, broker, run_service):
    before = datetime.now(UTC) - timedelta(days=401)

    async def remove(connection):
        await retention.remove(connection, before=before)

    ages = [399 - (number * 7) % 399 for number in range(2_000)]
    events, stored, oldest = await late_events(database.dsn, broker, run_service, ages, remove)
    assert stored == Counter(event["event_id"] for event in events)
    assert oldest > before - timedelta(days=28)


async def test_a_chunk_that_is_dropped_by_hand_under_late_events_ends_nothing(database, broker, run_service):
    """Against what docs/operating/retention.md asks for: chunks go that late events still come for.

    Of two that wait for each other the database ends either; where that is the hand's statement, the hand repeats it.
    """

    async def remove(connection):
        while True:
            with suppress(asyncpg.DeadlockDetectedError):
                await connection.execute(
                    "SELECT drop_chunks('reservoir_readings', older_than => now() - interval '100 days')"
                )
                return

    ages = [399 - (number * 7) % 399 for number in range(2_000)]
    events, stored, _ = await late_events(database.dsn, broker, run_service, ages, remove)
    young = {event["event_id"] for event, age in zip(events, ages, strict=True) if age < 99}
    assert young <= set(stored)
    assert max(stored.values()) == 1
