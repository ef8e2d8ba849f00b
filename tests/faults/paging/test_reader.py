"""A login that may read dashboards holds all that it can, and pages, ingest and migrations go on."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from schemas.paths import SQL_FOLDER
from schemas.policy import Policy, Priority
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.evaluation.worker import Worker
from services.devstack.pages import PageCollector
from services.ingest.storage.store import QUERIES
from services.runtime.database import Connection
from services.runtime.migrate import migrate, read_migrations
from tests.alerts_world import T0, contact, enrol, resources_for, route
from tests.stack import Database

KEYS = (7302411, 0x70756D70, 0x6B656570)
"""The advisory locks that processes of ours once took, by number."""
MODES = ("ACCESS SHARE", "ROW SHARE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE")


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[Connection]:
    """One made as before there were limits, on a database where nothing was revoked from everybody."""
    role = f"reader_of_{database.name}"
    await database.pool.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret' IN ROLE pumpwatch_reader")
    dsn = re.sub(r"//([^@/]*@)?", f"//{role}:secret@", database.dsn, count=1)
    connection = await asyncpg.connect(dsn)
    yield connection
    connection.terminate()
    await database.pool.execute(f"DROP ROLE {role}")


async def hold_everything(reader: Connection) -> list[str]:
    """Open a transaction, and take and keep in it whatever the login can get; returns what that was."""
    functions = await reader.fetch(
        "SELECT p.oid::regproc::text AS name, ARRAY(SELECT t::regtype::text FROM unnest(p.proargtypes) t) AS types "
        "FROM pg_proc p WHERE proname LIKE '%lock%' AND proname NOT LIKE '%unlock%' AND prokind = 'f' "
        "AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1"
    )
    views = [row[0] for row in await reader.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'dashboard'")]
    tries = [
        f"SELECT {each['name']}({', '.join([str(key)] * len(each['types']))})"
        for each in functions
        if each["types"] and set(each["types"]) <= {"bigint", "integer"}
        for key in KEYS
    ]
    tries.append("SELECT pg_advisory_lock(hashtextextended('pumpwatch handheld handheld-1', 0))")
    tries += [f"LOCK TABLE dashboard.{view} IN {mode} MODE NOWAIT" for view in views for mode in MODES]
    tries += [f"SELECT count(*) FROM (SELECT * FROM dashboard.{view} FOR SHARE) AS x" for view in views]  # noqa: S608
    tries += [f"SELECT count(*) FROM dashboard.{view}" for view in views]  # noqa: S608
    tries += [f"LISTEN {channel}" for channel in ("pumps_changed", "registry_changed")]
    held = []
    await reader.transaction().start()
    for statement in tries:
        with suppress(asyncpg.PostgresError):
            async with reader.transaction():
                await reader.execute(statement)
            held.append(statement)
    return held


async def test_whatever_a_reader_holds_pages_ingest_and_a_migration_go_on(
    database: Database, reader: Connection, page_collector: PageCollector, tmp_path: Path
) -> None:
    held = await hold_everything(reader)
    for kind in ("pg_advisory_lock", "LOCK TABLE", "LISTEN"):
        assert any(kind in statement for statement in held), kind

    # A page that waits for others like it, so that it passes the place where one process groups at a time.
    now = T0
    policy = Policy(contacts=(contact("nurse", page_collector.url),), routes={Priority.MEDIUM: route((0, "nurse"))})
    resources = resources_for(database.pool, database.dsn, policy, clock=lambda: now)
    [pump] = await enrol(database, 1)
    await database.pool.execute(
        "INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, code, state) "
        "VALUES ($1, $2, gen_random_uuid(), $2, $1, 'memory_error', 'raised')",
        pump,
        T0,
    )
    await database.pool.execute("INSERT INTO evaluation_queue (pump_ids) VALUES (ARRAY[$1])", pump)
    async with asyncio.timeout(10):
        assert await Worker(resources).queue_once() == 1
        now += timedelta(minutes=1)
        dispatcher = Dispatcher(resources, Channels(5.0, 4))
        await dispatcher.send_due()
        await dispatcher.send_due()
        await page_collector.wait_for(1)
        async with database.pool.acquire() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_handhelds"], ["handheld-1"])

    # The reader's transaction holds what the migration must have for itself: it is ended, and nothing else is.
    folder = Path(shutil.copytree(SQL_FOLDER, tmp_path / "sql"))
    name = f"{len(read_migrations(SQL_FOLDER)) + 1:04d}_more"
    (folder / f"{name}.sql").write_text(
        "ALTER TABLE alerts ADD COLUMN more text; ALTER TABLE pump_alarms ADD COLUMN more text"
    )
    owner = await asyncpg.connect(database.dsn)
    async with asyncio.timeout(30):
        assert (await migrate(owner, folder)).applied == (name,)
    await owner.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await reader.execute("SELECT 1")
