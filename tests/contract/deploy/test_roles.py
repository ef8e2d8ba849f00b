"""The database roles of production: nobody is superuser, and each can do its work and no more."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiomqtt
import asyncpg
import pytest
from mqtt5 import QoS

from schemas.events import EventKind
from schemas.examples import EVENTS
from schemas.topics import event_topic
from services.admin.grafana.store import make_login, reads_one_clinic
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import DatabaseServer
from services.runtime.grants import GROUP
from tests.logins import LOGIN_OF, PASSWORD
from tests.spread import in_turn
from tests.stack import RunService, eventually, execute_at, migrate_at

ROLES = (Path(__file__).parents[3] / "deploy" / "timescaledb" / "roles.sql").read_text()
READERS = (Path(__file__).parents[3] / "deploy" / "timescaledb" / "readers.sql").read_text()
NAMES = ("owner", "service", "ingest", "alerts", "web", "grafana")


@dataclass(frozen=True, slots=True)
class Installation:
    """A database with the production roles.

    Those of the jobs are the server's own, whose names the rights are made for; the others' names are made up.
    """

    database: str
    names: dict[str, str]
    superuser_dsn: str

    def dsn(self, role: str) -> str:
        return re.sub(r"//([^@/]*@)?", f"//{self.names[role]}:{PASSWORD}@", self.superuser_dsn, count=1)

    async def connect(self, role: str) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(self.dsn(role))


@pytest.fixture(scope="module")
async def installation(
    timescaledb: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """Made as the container makes it: roles by the superuser, everything else by the owner."""
    mark = uuid4().hex[:8]
    database = f"pumpwatch_roles_{mark}"
    names = {name: f"pw_{mark}_{name}" for name in NAMES} | dict(LOGIN_OF) | {"service": GROUP}
    await execute_at(timescaledb.dsn(), f"CREATE DATABASE {database}")
    here = Installation(database, names, timescaledb.dsn(database))
    variables = names | {f"{name}_password": PASSWORD for name in NAMES} | {"database": database}
    sql = re.sub(r""":(["'])(\w+)\1""", lambda match: f"{match[1]}{variables[match[2]]}{match[1]}", ROLES)
    with in_turn(tmp_path_factory, "roles"):  # who may log in is of the server, not of the database
        await execute_at(here.superuser_dsn, sql)
        await execute_at(here.superuser_dsn, sql)  # as in an installation that gets the login of a new job
    await migrate_at(here.dsn("owner"))
    await execute_at(here.dsn("owner"), READERS.replace("pumpwatch_grafana", names["grafana"]))
    yield here
    await execute_at(timescaledb.dsn(), f"DROP DATABASE {database} WITH (FORCE)")
    await execute_at(timescaledb.dsn(), f"DROP OWNED BY {names['owner']}")  # the right to set a parameter
    await execute_at(timescaledb.dsn(), f"DROP ROLE {names['owner']}, {names['grafana']}")


async def test_nobody_is_superuser(installation: Installation) -> None:
    connection = await installation.connect("owner")
    try:
        rows = await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND (rolsuper OR rolbypassrls OR rolreplication)",
            list(installation.names.values()),
        )
    finally:
        await connection.close()
    assert rows == []


@pytest.mark.parametrize("role", sorted(LOGIN_OF))
async def test_a_service_cannot_change_the_schema(installation: Installation, role: str) -> None:
    """What it may do with rows is in test_grants.py."""
    connection = await installation.connect(role)
    try:
        for statement in (
            "CREATE TABLE mine (x integer)",
            "CREATE TEMPORARY TABLE mine (x integer)",
            "DROP TABLE alerts",
            "TRUNCATE alert_transitions",
            "ALTER TABLE alert_transitions DISABLE TRIGGER append_only",
            "CREATE ROLE friend",
            "GRANT pumpwatch_reader TO CURRENT_USER",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_grafana_reads_the_views_and_nothing_else(installation: Installation) -> None:
    connection = await installation.connect("grafana")
    try:
        views = await connection.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'dashboard'")
        assert views
        for view in views:
            await connection.execute(f"SELECT * FROM dashboard.{view['viewname']} LIMIT 1")  # noqa: S608
        for table in ("alerts", "devices", "reservoir_readings", "clinic_readers", "readable_clinics"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608
        with pytest.raises((asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)):
            await connection.execute("CREATE TABLE public.mine (x integer)")
        assert await connection.fetchval("SHOW statement_timeout") == "30s"
    finally:
        await connection.close()


@pytest.mark.parametrize("role", ["grafana", *LOGIN_OF])
async def test_nobody_can_take_what_anybody_could(installation: Installation, role: str) -> None:
    """Advisory locks, and what fills a disk: nobody needs them, and by default whoever may connect can have them."""
    connection = await installation.connect(role)
    try:
        left = await connection.fetch(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE has_function_privilege(oid, 'EXECUTE') "
            "AND (proname ~ 'advisory.*lock' AND proname !~ 'unlock' OR proname IN ('lo_create', 'lo_put', 'add_job'))"
        )
        assert left == []
        await connection.reset()  # as drivers tidy up: it gives advisory locks back
    finally:
        await connection.close()


async def test_a_reader_cannot_lift_its_limits_of_connections_and_of_disk(installation: Installation) -> None:
    connection = await installation.connect("grafana")
    try:
        await connection.execute("SET default_transaction_read_only = off")  # which it may
        for statement in ("SET temp_file_limit = -1", "CREATE TEMPORARY TABLE mine (x integer)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        assert await connection.fetchval("SHOW temp_file_limit") == "1GB"
        limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user"
        assert await connection.fetchval(limit) == 20
        reserved = "SELECT pg_has_role(current_user, 'pg_use_reserved_connections', 'USAGE')"
        assert not await connection.fetchval(reserved)
    finally:
        await connection.close()
    for role in (*LOGIN_OF, "owner"):
        connection = await installation.connect(role)
        assert await connection.fetchval(reserved), role
        await connection.close()


async def test_the_owner_can_give_a_clinic_a_reader_of_its_own(installation: Installation) -> None:
    """As `pumpwatch grafana` does, without the superuser."""
    role = f"grafana_{installation.database[-8:]}"
    owner = await installation.connect("owner")
    try:
        await owner.execute("INSERT INTO clinics VALUES ('north', 'North'), ('south', 'South')")
        await owner.execute("INSERT INTO clinic_readers VALUES ($1, NULL)", role)  # made by hand, for every clinic
        for _ in range(2):
            assert await make_login(owner, role, "secret") == [], "no limit is refused"
            await reads_one_clinic(owner, role, "north")
        reader = await asyncpg.connect(re.sub(r"//[^@/]*@", f"//{role}:secret@", installation.dsn("grafana"), count=1))
        try:
            assert [row["clinic_id"] for row in await reader.fetch("SELECT * FROM dashboard.clinics")] == ["north"]
            assert await reader.fetchval("SHOW temp_file_limit") == "1GB"
            assert await reader.fetchval("SHOW default_transaction_read_only") == "on"
        finally:
            await reader.close()
    finally:
        await owner.execute("DELETE FROM clinic_readers WHERE role_name = $1", role)
        await owner.execute(f"DROP ROLE IF EXISTS {role}")
        await owner.close()


async def test_the_login_that_sees_every_clinic_does_not_come_back(installation: Installation) -> None:
    """`readers` runs at each start, also where each clinic has a login of its own."""
    shared = installation.names["grafana"]
    owner = await installation.connect("owner")
    count = "SELECT count(*) FROM clinic_readers WHERE role_name = $1"
    try:
        assert await owner.fetchval(count, shared) == 1
        async with owner.transaction():
            await owner.execute("INSERT INTO clinics VALUES ('west', 'West') ON CONFLICT DO NOTHING")
            await reads_one_clinic(owner, "grafana_west", "west")
            await owner.execute("DELETE FROM clinic_readers WHERE role_name = $1", shared)
            await owner.execute(READERS.replace("pumpwatch_grafana", shared))
            assert await owner.fetchval(count, shared) == 0
            await owner.execute("DELETE FROM clinic_readers WHERE role_name LIKE 'grafana%'")
            await owner.execute(READERS.replace("pumpwatch_grafana", shared))
            assert await owner.fetchval(count, shared) == 1
    finally:
        await owner.execute("DELETE FROM clinic_readers WHERE role_name = 'grafana_west'")
        await owner.close()


async def test_ingest_and_alerts_do_their_work_with_these_roles(
    installation: Installation, broker: MosquittoServer, run_service: RunService
) -> None:
    """From an event on the wire to an alert with its audit row."""
    device = f"pump-{uuid4().hex[:8]}"
    await run_service(
        "ingest",
        {
            "INGEST_DATABASE_URL": installation.dsn("ingest"),
            "INGEST_MQTT_URL": broker.url,
            "INGEST_CLIENT_ID": f"services/{device}",
            "INGEST_SHARE_GROUP": device,
            "INGEST_ENROLMENT": "auto",
            "INGEST_ENROLMENT_CLINIC_ID": "demo",
        },
    )
    await run_service("alerts", {"ALERTS_DATABASE_URL": installation.dsn("alerts")})
    await send(broker, device)
    owner = await installation.connect("owner")
    try:

        async def transition() -> object:
            return await owner.fetchval(
                "SELECT t.kind FROM alert_transitions t JOIN alerts USING (alert_id) WHERE pump_id = $1", device
            )

        assert await eventually(transition, 20, what="an alert with an audit row")
    finally:
        await owner.close()


async def send(broker: MosquittoServer, device: str) -> None:
    """A motor stall, just now."""
    event = EVENTS[EventKind.ALARM] | {
        "event_id": str(uuid4()),
        "observed_at": datetime.now(UTC).isoformat(),
    }
    async with aiomqtt.Client(hostname=broker.host, port=broker.port, identifier=device) as client:
        await client.publish(
            event_topic(device, EventKind.ALARM),
            json.dumps(event).encode(),
            qos=QoS.AT_LEAST_ONCE,
            packet_id=next(client.packet_ids),
        )
