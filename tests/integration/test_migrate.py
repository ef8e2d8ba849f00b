"""Migrations on the editions that can be had here: what is applied, what is refused, and by whom."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import asyncpg
import pytest

from schemas.paths import SQL_FOLDER
from services.runtime.migrate import Edition, MigrationError, migrate, pending, read_migrations
from services.runtime.turns import make_turns
from tests.stack import execute_at, migrate_at

NUMBER_OF_FILES = len(read_migrations(SQL_FOLDER))


@pytest.fixture
async def empty(request, timescaledb, plain_postgres):
    """The address of an empty database, on TimescaleDB unless a test asks for plain PostgreSQL."""
    server = plain_postgres if getattr(request, "param", "") == "plain" else timescaledb
    name = f"pumpwatch_empty_{os.getpid()}"
    await execute_at(server.dsn(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    yield server.dsn(name)
    await execute_at(server.dsn(), f"DROP DATABASE {name} WITH (FORCE)")


async def relations(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')"
    )
    await connection.close()
    return {row["relname"] for row in rows}


@pytest.mark.parametrize("empty", ["plain"], indirect=True)
async def test_plain_postgres_is_recognised(empty):
    result = await migrate_at(empty)
    assert result.edition is Edition.POSTGRES
    assert len(result.applied) == NUMBER_OF_FILES
    assert result.description.startswith("PostgreSQL 18")
    assert result.description.endswith(" without TimescaleDB")


async def test_timescaledb_is_recognised_with_its_version(empty):
    result = await migrate_at(empty)
    assert result.edition in {Edition.APACHE, Edition.COMMUNITY}
    edition = f"TimescaleDB {result.edition.value.capitalize()} {result.extension_version}"
    assert result.description.startswith(f"{edition} on PostgreSQL ")


async def test_every_edition_has_the_same_names(empty, plain_postgres):
    await migrate_at(empty)
    await execute_at(plain_postgres.dsn(), "CREATE DATABASE same_names")
    await migrate_at(plain_postgres.dsn("same_names"))
    assert await relations(empty) == await relations(plain_postgres.dsn("same_names"))
    await execute_at(plain_postgres.dsn(), "DROP DATABASE same_names WITH (FORCE)")


@pytest.mark.parametrize("empty", ["plain", "timescaledb"], indirect=True)
async def test_a_second_run_applies_nothing(empty):
    await migrate_at(empty)
    assert (await migrate_at(empty)).applied == ()


async def test_two_runners_at_once_apply_each_file_once(empty):
    first, second = await asyncio.gather(migrate_at(empty), migrate_at(empty))
    assert sorted(map(len, (first.applied, second.applied))) == [0, NUMBER_OF_FILES]


async def test_any_number_of_runners_begin_at_once(empty):
    connections = [await asyncpg.connect(empty) for _ in range(6)]
    for _ in range(60):  # each moment at which another may be a step ahead comes up in these
        await asyncio.gather(*(make_turns(connection) for connection in connections))
        await connections[0].execute("DROP TABLE turns")
    for connection in connections:
        await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    return Path(shutil.copytree(SQL_FOLDER, tmp_path / "sql"))


async def test_a_file_that_was_edited_after_it_ran_is_refused(empty, folder):
    await migrate_at(empty)
    edited = min(folder.glob("*.sql"))
    edited.write_text(edited.read_text() + "\n-- one more line\n")
    connection = await asyncpg.connect(empty)
    with pytest.raises(MigrationError, match=f"{edited.stem} was edited after it was applied"):
        await migrate(connection, folder)
    await connection.close()


async def test_an_older_release_is_refused(empty, folder):
    await migrate_at(empty)
    newest = max(folder.glob("*.sql"))
    newest.unlink()
    connection = await asyncpg.connect(empty)
    with pytest.raises(MigrationError, match="use a newer release"):
        await migrate(connection, folder)
    await connection.close()


async def test_a_file_that_fails_leaves_nothing_behind_and_can_be_mended(empty, folder):
    new = folder / f"{NUMBER_OF_FILES + 1:04d}_broken.sql"
    new.write_text("CREATE TABLE half_done (a int); SELECT no_such_column FROM clinics;")
    connection = await asyncpg.connect(empty)
    with pytest.raises(MigrationError, match=f"{new.stem}: .*no_such_column"):
        await migrate(connection, folder)
    assert await pending(connection, folder) == (new.stem,)
    assert await connection.fetchval("SELECT to_regclass('half_done')") is None
    new.write_text("CREATE TABLE half_done (a int);")
    assert (await migrate(connection, folder)).applied == (new.stem,)
    await connection.close()


OCCASIONS = {
    "opened": ("opened", "", 0),
    "opened/step:1": ("opened", "", 1),
    "priority:high": ("priority", "high", 0),
    "priority:high:12/step:1": ("priority", "high:12", 1),
    "returned:8": ("returned", "8", 0),
    "expired:9/step:2": ("expired", "9", 2),
}
OCCASIONS_OF_NO_ALERT = {
    "group:low_reservoir/medium/1:2026-03-02T09:00:00+00:00": ("group", "low_reservoir:2026-03-02T09:00:00+00:00", 1),
    "group:low_reservoir/medium/0:2026-03-02T09:00:00+00:00": ("group", "low_reservoir:2026-03-02T09:00:00+00:00", 0),
    "ingest:2026-03-02T09:00:00+00:00": ("notice", "ingest:2026-03-02T09:00:00+00:00", 0),
    "unjudged:pump-1:2026-03-02": ("notice", "unjudged:pump-1:2026-03-02", 0),
}


@pytest.mark.parametrize("empty", ["plain", "timescaledb"], indirect=True)
async def test_why_a_page_went_out_is_taken_apart_into_three_columns(empty, folder):
    for path in folder.glob("*.sql"):
        if path.name >= "0022":
            path.unlink()
    connection = await asyncpg.connect(empty)
    await migrate(connection, folder)
    await connection.execute("INSERT INTO clinics VALUES ('north', 'North')")
    alert_id = await connection.fetchval(
        "INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, "
        "updated_at, policy_version) VALUES ('north', 'pump-1', 'pump_alarm', 'infusion', 'high', 'active', '', '', "
        "now(), now(), now(), '1') RETURNING alert_id"
    )
    await connection.executemany(
        "INSERT INTO deliveries (alert_id, clinic_id, occasion, contact, channel, priority, title, body, created_at, "
        "due_at) VALUES ($1, 'north', $2, 'nurse', 'sms', 'high', $2, '', now(), now())",
        [*((alert_id, each) for each in OCCASIONS), *((None, each) for each in OCCASIONS_OF_NO_ALERT)],
    )
    await connection.executemany(
        "INSERT INTO bypassed_pages (event_id, pump_id, clinic_id, rule, key, step, contact, channel, priority, title, "
        "body, sent_at) VALUES (gen_random_uuid(), 'pump-1', 'north', 'pump_alarm', 'infusion', $1, 'nurse', 'sms', "
        "'high', $1, '', now())",
        [("opened",), ("opened/step:2",)],
    )
    await migrate(connection, SQL_FOLDER)
    rows = await connection.fetch("SELECT title, kind, episode, step FROM deliveries")
    steps = await connection.fetch("SELECT title, step FROM bypassed_pages")
    await connection.close()
    assert {row["title"]: (row["kind"], row["episode"], row["step"]) for row in rows} == (
        OCCASIONS | OCCASIONS_OF_NO_ALERT
    )
    assert dict(map(tuple, steps)) == {"opened": 0, "opened/step:2": 2}
