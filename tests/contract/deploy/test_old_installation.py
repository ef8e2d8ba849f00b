"""An installation from before migration 0040, where every service could change the rows of every table, goes over."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from schemas.paths import GRANTS_FILE, SQL_FOLDER
from services.devstack.servers.postgres import DatabaseServer
from services.runtime.grants import GROUP
from services.runtime.migrate import MigrationResult, migrate
from tests.command import pumpwatch
from tests.logins import LOGIN_OF, PASSWORD, make_logins, with_login
from tests.stack import execute_at

CLOSE = "UPDATE alerts SET state = 'closed', closed_at = now() WHERE false"
APPEND = "SELECT append_to_audit('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', now(), '{}')"


@dataclass(frozen=True, slots=True)
class Old:
    """Its database, and the login that owns it."""

    dsn: str
    owner: str

    async def may(self, login: str, statement: str) -> bool:
        try:
            await execute_at(with_login(self.dsn, login), statement)
        except asyncpg.InsufficientPrivilegeError:
            return False
        return True

    async def migrate(self) -> MigrationResult:
        connection = await asyncpg.connect(with_login(self.dsn, self.owner))
        try:
            return await migrate(connection, SQL_FOLDER, GRANTS_FILE)
        finally:
            await connection.close()


@pytest.fixture
async def old(timescaledb: DatabaseServer, tmp_path: Path) -> AsyncIterator[Old]:
    mark = uuid4().hex[:8]
    database, owner = f"pumpwatch_old_{mark}", f"pw_old_{mark}"
    await make_logins(timescaledb.dsn())
    await execute_at(
        timescaledb.dsn(),
        f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD '{PASSWORD}'",
        f"CREATE DATABASE {database} OWNER {owner}",
        f"GRANT {GROUP} TO {LOGIN_OF['ingest']}, {LOGIN_OF['alerts']}",
    )
    here = Old(timescaledb.dsn(database), owner)
    await execute_at(
        here.dsn,
        "CREATE EXTENSION IF NOT EXISTS timescaledb",
        f"ALTER SCHEMA public OWNER TO {owner}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {GROUP}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {GROUP}",
    )
    for path in SQL_FOLDER.glob("*.sql"):
        if path.name < "0040":
            shutil.copy(path, tmp_path)
    connection = await asyncpg.connect(with_login(here.dsn, owner))
    await migrate(connection, tmp_path)
    await connection.close()
    yield here
    await execute_at(timescaledb.dsn(), f"DROP DATABASE {database} WITH (FORCE)", f"DROP ROLE {owner}")


async def test_it_is_narrowed_by_migrate_alone(old: Old) -> None:
    assert await old.may("pumpwatch_ingest", CLOSE)
    result = await old.migrate()
    assert set(result.rights.given) == set(LOGIN_OF.values())
    assert result.rights.lines == ()
    assert not await old.may("pumpwatch_ingest", CLOSE)
    assert not await old.may("pumpwatch_ingest", APPEND)
    assert await old.may("pumpwatch_alerts", CLOSE)
    assert await old.may("pumpwatch_alerts", APPEND)
    await execute_at(with_login(old.dsn, old.owner), "CREATE TABLE later (x integer)")
    assert not await old.may("pumpwatch_ingest", "SELECT * FROM later")


async def test_so_are_the_chunks_that_are_there(old: Old) -> None:
    """Each has rights of its own, and may be named in a statement."""
    owner = await asyncpg.connect(with_login(old.dsn, old.owner))
    try:
        await owner.execute(
            "INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis) "
            "VALUES ('p', now(), gen_random_uuid(), now(), 'p', 1, 'computed')"
        )
        chunk = await owner.fetchval("SELECT show_chunks('reservoir_readings')::text")
    finally:
        await owner.close()
    changes = [f"UPDATE {chunk} SET volume_ml = 40", f"DELETE FROM {chunk}"]  # noqa: S608
    assert [await old.may("pumpwatch_ingest", change) for change in changes] == [True, True]
    await old.migrate()
    assert [await old.may("pumpwatch_ingest", change) for change in changes] == [False, False]


async def test_a_login_of_the_sites_own_goes_on_until_it_has_been_given_a_job(old: Old) -> None:
    """Nothing that pages may lose its rights because an upgrade did not know its name."""
    own = f"pw_pager_{uuid4().hex[:8]}"
    await execute_at(old.dsn, f"CREATE ROLE {own} LOGIN PASSWORD '{PASSWORD}' IN ROLE {GROUP}")
    try:
        result = await old.migrate()
        [line] = result.rights.lines
        assert own in line
        assert "GRANT" in line
        assert await old.may(own, CLOSE)
        assert await old.may(own, APPEND)
        await execute_at(old.dsn, f"REVOKE {GROUP} FROM {own}", f"GRANT pumpwatch_alerts TO {own}")
        assert (await old.migrate()).rights.lines == ()
        assert await old.may(own, APPEND)
        assert await old.may(own, CLOSE)
        assert not await old.may(own, "DELETE FROM alerts")
        assert not await old.may("pumpwatch_ingest", CLOSE)
    finally:
        await execute_at(old.dsn, f"DROP ROLE {own}")


async def test_a_login_that_is_missing_is_said(old: Old, tmp_path: Path) -> None:
    file = tmp_path / "grants.sql"
    file.write_text(GRANTS_FILE.read_text().replace("pumpwatch_web", "pw_nobody_here"))
    connection = await asyncpg.connect(with_login(old.dsn, old.owner))
    try:
        report = (await migrate(connection, SQL_FOLDER, file)).rights
    finally:
        await connection.close()
    assert report.missing == ("pw_nobody_here",)
    assert any(line.startswith("no login pw_nobody_here: ") for line in report.lines)


async def test_logins_of_other_names_are_named_and_keep_their_rights(old: Old, tmp_path: Path) -> None:
    file = tmp_path / "grants.sql"
    file.write_text(re.sub("pumpwatch_(ingest|alerts|web)", r"pw_no_\1", GRANTS_FILE.read_text()))
    connection = await asyncpg.connect(with_login(old.dsn, old.owner))
    try:
        missing, kept = (await migrate(connection, SQL_FOLDER, file)).rights.lines
        members = await connection.fetch(
            "SELECT member::regrole::text AS name FROM pg_auth_members WHERE roleid = $1::regrole ORDER BY 1", GROUP
        )
    finally:
        await connection.close()
    assert missing.startswith("no login pw_no_ingest, pw_no_alerts, pw_no_web: ")
    assert {each["name"] for each in members} >= {LOGIN_OF["ingest"], LOGIN_OF["alerts"]}
    assert f"{', '.join(each['name'] for each in members)} may depend on them" in kept
    assert await old.may("pumpwatch_alerts", CLOSE)
    assert await old.may("pumpwatch_alerts", APPEND)


async def test_the_command_says_what_it_did(old: Old) -> None:
    done = pumpwatch("migrate", DATABASE_URL=with_login(old.dsn, old.owner))
    assert (done.returncode, done.stderr) == (0, "")
    assert "applied" in done.stdout
    assert not await old.may("pumpwatch_ingest", CLOSE)
