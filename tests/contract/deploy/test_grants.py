"""Each job's login may do what its statements need and nothing else; the file that says so is made from them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from deploy.grants.build import document
from deploy.grants.jobs import ENTRIES, SCHEMAS, modules_of, statements_of
from schemas.paths import GRANTS_FILE
from services.devstack.servers.postgres import PostgresServer
from services.runtime.database import Connection
from tests.logins import with_login
from tests.stack import Database, drop_database, make_database, migrate_at

EVERYBODY = sorted(ENTRIES)
AUDIT = [
    "INSERT INTO alert_transitions (clinic_id, alert_id, at, kind, to_state, priority, reason, actor) "
    "SELECT clinic_id, alert_id, now(), 'acknowledged', 'acknowledged', 'high', 'person', 'Dr Who' FROM alerts",
    "UPDATE alert_transitions SET actor = 'nobody'",
    "DELETE FROM alert_transitions",
    "TRUNCATE alert_transitions",
    "ALTER TABLE alert_transitions DISABLE TRIGGER ALL",
    "INSERT INTO audit_heads VALUES ('north', 9, 'x')",
    "UPDATE audit_heads SET clinic_seq = 0",
    "DELETE FROM audit_heads",
    "DROP FUNCTION append_to_audit",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
]
NOT_INGESTS = [
    "UPDATE alerts SET state = 'closed', closed_at = now()",
    "SELECT * FROM alerts",
    "INSERT INTO alerts SELECT * FROM alerts",
    "SELECT append_to_audit('{north}', ARRAY[gen_random_uuid()], '{opened}', '{active}', '{active}', '{high}', "
    "'{person}', '{Dr Who}', now(), '{}')",
    "DELETE FROM deliveries",
    "UPDATE deliveries SET state = 'cancelled'",
    "INSERT INTO silences SELECT * FROM silences",
    "INSERT INTO schema_migrations VALUES (999, '0999_mine', '', 'apache', true)",
    "UPDATE schema_migrations SET checksum = 'x'",
    "DELETE FROM schema_migrations",
    "DELETE FROM evaluation_queue",
    "UPDATE evaluation_queue SET pump_ids = '{}'",
    "UPDATE pump_alarms SET state = 'cleared'",
    "DELETE FROM pump_alarms",
    "UPDATE dead_letters SET payload = 'x'",
    "DELETE FROM dead_letters",
    "UPDATE devices SET clinic_id = 'south'",
    "DELETE FROM devices",
    "INSERT INTO pairings (handheld_id, pump_id) VALUES ('a', 'b')",
    "INSERT INTO implantations (pump_id, began_at, implanted) VALUES ('a', now(), false)",
    "UPDATE clinic_policies SET policy = NULL",
    "INSERT INTO clinic_readers VALUES ('pumpwatch_ingest', NULL)",
    "DELETE FROM worker_heartbeats",
    "UPDATE turns SET server_pid = NULL",
    "CREATE TABLE mine (x integer)",
]


@asynccontextmanager
async def connected(database: Database, login: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(
        with_login(database.dsn, login), server_settings={"search_path": SCHEMAS.get(login, "public")}
    )
    try:
        yield connection
    finally:
        await connection.close()


async def test_the_file_is_what_the_statements_need(shared_database: Database) -> None:
    """If not: `python -m deploy.grants.build`, and look at what it changed before it is committed."""
    async with shared_database.pool.acquire() as connection:
        assert GRANTS_FILE.read_text() == await document(connection)


@pytest.mark.parametrize("entry", ["services.ingest.app", "services.alerts.app", "services.alerts.web.api"])
def test_no_module_that_a_job_imports_is_overlooked(entry: str) -> None:
    show = f"import sys, {entry}; print(*(m for m in sys.modules if m.split('.')[0] in ('services', 'schemas')))"
    imported = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout.split()
    assert "services.runtime.database" in imported
    assert set(imported) - modules_of(entry) == set()


@pytest.mark.parametrize("login", EVERYBODY)
async def test_a_job_may_run_each_of_its_statements(shared_database: Database, login: str) -> None:
    """Rights are looked at before a statement does anything."""
    async with connected(shared_database, login) as connection:
        for where, sql in statements_of(ENTRIES[login]).items():
            try:
                await connection.execute(f"EXPLAIN (GENERIC_PLAN) {sql}")
            except asyncpg.InsufficientPrivilegeError as error:
                pytest.fail(f"{where}: {error}")


async def test_so_it_is_on_plain_postgres(plain_postgres: PostgresServer) -> None:
    name = f"pumpwatch_grants_{uuid4().hex[:8]}"
    dsn = await make_database(plain_postgres, name)
    try:
        for login, entry in ENTRIES.items():
            schemas = SCHEMAS.get(login, "public")
            connection = await asyncpg.connect(with_login(dsn, login), server_settings={"search_path": schemas})
            try:
                for sql in statements_of(entry).values():
                    await connection.execute(f"EXPLAIN (GENERIC_PLAN) {sql}")
            finally:
                await connection.close()
    finally:
        await drop_database(plain_postgres, name)


@pytest.mark.parametrize("statement", AUDIT + NOT_INGESTS, ids=lambda statement: statement[:60])
async def test_ingest_which_faces_devices_cannot(shared_database: Database, statement: str) -> None:
    async with connected(shared_database, "pumpwatch_ingest") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize("login", ["pumpwatch_alerts", "pumpwatch_web"])
async def test_who_pages_and_who_answers_touch_the_audit_trail_by_its_function_only(
    shared_database: Database, login: str
) -> None:
    refused = (asyncpg.InsufficientPrivilegeError, asyncpg.WrongObjectTypeError)  # to the web, the trail is a view
    async with connected(shared_database, login) as connection:
        for statement in AUDIT:
            with pytest.raises(refused):
                await connection.execute(statement)


@pytest.mark.parametrize("login", EVERYBODY)
async def test_a_right_that_somebody_added_is_gone_after_migrate(database: Database, login: str) -> None:
    await database.pool.execute(f"GRANT ALL ON alerts, audit_heads, reservoir_readings, registry TO {login}")
    await database.pool.execute(f"GRANT UPDATE (actor) ON alert_transitions TO {login}")
    await migrate_at(database.dsn)
    held = await database.pool.fetch(
        """SELECT has_table_privilege($1, 'audit_heads', 'SELECT'), has_table_privilege($1, 'alerts', 'DELETE'),
                  has_table_privilege($1, 'reservoir_readings', 'DELETE'),
                  has_table_privilege($1, 'registry', 'INSERT'),
                  has_column_privilege($1, 'alert_transitions', 'actor', 'UPDATE')""",
        login,
    )
    assert set(held[0]) == {False}


async def test_a_table_and_a_chunk_of_one_have_no_other_way_in(shared_database: Database) -> None:
    """TimescaleDB hands a grant on a hypertable to its chunks: no more than that may be done to them."""
    await shared_database.pool.execute(
        "INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis) "
        "VALUES ('p', now(), gen_random_uuid(), now(), 'p', 1, 'computed')"
    )
    chunk = await shared_database.pool.fetchval("SELECT show_chunks('reservoir_readings')::text")
    await migrate_at(shared_database.dsn)
    async with connected(shared_database, "pumpwatch_ingest") as connection:
        for change in ("UPDATE {} SET volume_ml = 40", "DELETE FROM {}", "DROP TABLE {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change.format(chunk))
