"""A database that is there and refuses: both services wait, say why, and go on by themselves when it is mended."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from services.devstack.pages import PageCollector
from services.devstack.service import ServiceProcess
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.faults.alerts_process import enrol, environment, not_ready_because
from tests.ingest_world import Device, alarm, ingest_settings, reading
from tests.stack import Database, RunService, StartBroker, StartPostgres, eventually, execute_at, make_database

NAME = "pumpwatch"
LOGIN, PASSWORD = "clerk", "right"
GRANTS = [
    f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{PASSWORD}'",
    *(f"GRANT ALL ON ALL {things} IN SCHEMA public TO {LOGIN}" for things in ("TABLES", "SEQUENCES", "FUNCTIONS")),
]
END_SESSIONS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{LOGIN}'"  # noqa: S608
ONLY_WITH_PASSWORD = f"ARRAY['host all {LOGIN} all scram-sha-256', 'host all postgres all trust']"


class Clinic:
    """A server of the test's own, where the services log in with a password and are no superuser."""

    def __init__(self, server, dsn):
        self.server = server
        self.owner = dsn
        self.dsn = f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{server.port}/{NAME}"

    async def owner_does(self, *statements):
        await execute_at(self.owner, *statements)

    async def superuser_does(self, *statements):
        await execute_at(self.server.dsn(), *statements)

    async def value(self, query):
        connection = await asyncpg.connect(self.owner)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()


@asynccontextmanager
async def password_rotated(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.owner_does(f"ALTER ROLE {LOGIN} PASSWORD 'new'", END_SESSIONS)
    yield
    await clinic.owner_does(f"ALTER ROLE {LOGIN} PASSWORD '{PASSWORD}'")


@asynccontextmanager
async def tables_locked(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.owner_does(f"ALTER DATABASE {NAME} SET lock_timeout = '100ms'", END_SESSIONS)
    connection = await asyncpg.connect(clinic.owner)
    await connection.execute("BEGIN; LOCK TABLE pump_alarms, evaluation_queue IN ACCESS EXCLUSIVE MODE")
    yield
    await connection.close()


@asynccontextmanager
async def restored(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.superuser_does(
        f"ALTER DATABASE {NAME} WITH ALLOW_CONNECTIONS false", END_SESSIONS, f"ALTER DATABASE {NAME} RENAME TO away"
    )
    yield
    await clinic.superuser_does(
        f"ALTER DATABASE away RENAME TO {NAME}", f"ALTER DATABASE {NAME} WITH ALLOW_CONNECTIONS true"
    )


@asynccontextmanager
async def closed(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.superuser_does(f"ALTER DATABASE {NAME} WITH ALLOW_CONNECTIONS false", END_SESSIONS)
    yield
    await clinic.superuser_does(f"ALTER DATABASE {NAME} WITH ALLOW_CONNECTIONS true")


@asynccontextmanager
async def read_only(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.superuser_does(f"ALTER DATABASE {NAME} SET default_transaction_read_only = on", END_SESSIONS)
    yield  # and nobody ends the sessions that lead to what can only be read
    await clinic.superuser_does(f"ALTER DATABASE {NAME} RESET default_transaction_read_only")


@asynccontextmanager
async def no_connection_free(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.owner_does(f"ALTER ROLE {LOGIN} CONNECTION LIMIT 0", END_SESSIONS)
    yield
    await clinic.owner_does(f"ALTER ROLE {LOGIN} CONNECTION LIMIT -1")


@asynccontextmanager
async def grant_missing(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.owner_does(f"REVOKE ALL ON pump_alarms, evaluation_queue FROM {LOGIN}")
    yield
    await clinic.owner_does(f"GRANT ALL ON pump_alarms, evaluation_queue TO {LOGIN}")


Refuses = Callable[[Clinic], AbstractAsyncContextManager[None]]
CASES: list[tuple[Refuses, str]] = [
    (password_rotated, "the database refuses the password (28P01)"),
    (tables_locked, "a lock was not free within the database's lock_timeout (55P03)"),
    (restored, "there is no database of this name: it is being restored, or the name is wrong (3D000)"),
    (closed, "the database takes no connections now, or something in it is not ready (55000)"),
    (read_only, "the database can only be read: it is a standby, or was made read-only, as after a failover (25006)"),
    (no_connection_free, "the database has no connection left for this login (53300)"),
    (grant_missing, "the login may not do this: a GRANT is missing (42501)"),
]


async def says(service: ServiceProcess, words: str) -> bool:
    assert service.is_running, service.died()
    return words in await asyncio.to_thread(not_ready_because, service)


@pytest.mark.parametrize(("refuses", "words"), CASES, ids=[refuses.__name__ for refuses, _ in CASES])
async def test_both_services_wait_say_why_and_store_and_page_everything_once(
    refuses: Refuses,
    words: str,
    own_postgres: StartPostgres,
    own_broker: StartBroker,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    server, broker = own_postgres(), own_broker()
    clinic = Clinic(server, await make_database(server, NAME))
    hba = await clinic.value("SHOW hba_file")
    copy = f"COPY (SELECT unnest({ONLY_WITH_PASSWORD})) TO '{hba}'"
    await clinic.owner_does(*GRANTS, copy, "SELECT pg_reload_conf()")
    [pump] = await enrol(clinic.owner, 1)
    ingest = await run_service("ingest", ingest_settings(clinic.dsn, broker))
    alerts = await run_service("alerts", environment(clinic.dsn, tmp_path / "policies", page_collector))
    device = Device(pump, None)
    async with open_link(broker_address(broker.url), client_id=pump, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{pump}/receipts")
        assert (await device.receipt("reservoir", reading()))["stored"] == 1
        async with refuses(clinic):
            sent = await device.publish("alarm", alarm("motor_stall"))
            for service in (ingest, alerts):
                await eventually(functools.partial(says, service, words), 20, what=f"{service.name}: {words}")
        await eventually(lambda: sent in device.receipts, 20, what="the receipt")
    assert [receipt["stored"] for receipt in device.receipts[sent]] == [1]
    await page_collector.wait_for(1)
    for service in (ingest, alerts):
        await eventually(functools.partial(asyncio.to_thread, service.is_ready), 20, what=service.name)
    assert await clinic.value("SELECT count(*) FROM pump_alarms") == 1
    assert await clinic.value("SELECT count(*) FROM alerts") == 1
    assert len(page_collector.pages) == 1
    assert ingest.is_running
    assert alerts.is_running


async def test_a_full_notify_queue_holds_up_neither_ingest_nor_pages(
    own_postgres: StartPostgres,
    own_broker: StartBroker,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    """As any login can fill it: a session that listens stands still in a transaction, and nothing is dropped."""
    server, broker = own_postgres(max_notify_queue_pages="64"), own_broker()
    dsn = await make_database(server, NAME)
    [pump] = await enrol(dsn, 1)
    ingest = await run_service("ingest", ingest_settings(dsn, broker))
    alerts = await run_service("alerts", environment(dsn, tmp_path / "policies", page_collector))
    idle, full = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await idle.execute("LISTEN noise")
    await idle.execute("BEGIN")
    for size in (7_900, 500, 20, 1):
        with suppress(asyncpg.exceptions.ProgramLimitExceededError):
            while True:
                await full.execute("SELECT pg_notify('noise', repeat('x', $1))", size)
    device = Device(pump, None)
    async with open_link(broker_address(broker.url), client_id=pump, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{pump}/receipts")
        sent = await device.publish("alarm", alarm("motor_stall"))
        await eventually(lambda: sent in device.receipts, 20, what="the receipt")
    assert [receipt["stored"] for receipt in device.receipts[sent]] == [1]
    await page_collector.wait_for(1)
    await full.execute("UPDATE devices SET kind = kind")  # the registry can be changed, too
    with pytest.raises(asyncpg.exceptions.ProgramLimitExceededError):
        await full.execute("NOTIFY noise")  # it was full all the time
    for service in (ingest, alerts):
        assert await asyncio.to_thread(service.is_ready), service.name
    await idle.close()
    await full.close()


async def test_a_wrong_statement_ends_both_services_and_nothing_that_was_sent_is_lost(
    database: Database, own_broker: StartBroker, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    """A table that is not there is no database that is away: who waited for it would wait for ever."""
    broker = own_broker()
    [pump] = await enrol(database.dsn, 1)
    settings = {
        "ingest": ingest_settings(database.dsn, broker),
        "alerts": environment(database.dsn, tmp_path / "policies", page_collector),
    }
    running = [await run_service(name, each) for name, each in settings.items()]
    device = Device(pump, None)
    async with open_link(broker_address(broker.url), client_id=pump, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{pump}/receipts")
        await execute_at(database.dsn, "ALTER TABLE evaluation_queue RENAME TO gone")
        sent = await device.publish("alarm", alarm("motor_stall"))
        await eventually(lambda: not any(service.is_running for service in running), 30, what="both end")
        for service in running:
            assert service.exit_code not in (0, None)
            assert "evaluation_queue" in service.log()
        await execute_at(database.dsn, "ALTER TABLE gone RENAME TO evaluation_queue")
        for name, each in settings.items():
            await run_service(name, each)
        await eventually(lambda: sent in device.receipts, 20, what="the receipt")
    assert [receipt["stored"] for receipt in device.receipts[sent]] == [1]
    await page_collector.wait_for(1)
