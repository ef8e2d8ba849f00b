"""Forward-only migrations from numbered SQL files, one runner for every edition.

Guarantees: files run in order, each in its own transaction and once; a second runner waits; a file that was edited
after it ran is refused, not re-run; a file for other editions is recorded as not applicable. A lock that a file wants
is waited for a second at a time (services/runtime/patience.py).

Header lines (comments at the top of a file):
    -- pumpwatch:editions community apache     only on these (default: all three)
    -- pumpwatch:transaction false             one statement, outside a transaction
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from services.runtime.database import Connection
from services.runtime.grants import GrantReport, give_rights
from services.runtime.patience import LOCK_TIMEOUT, patiently
from services.runtime.turns import end_turn, make_turns, take_turn

_FILE_NAME: Final = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_HEADER: Final = re.compile(r"^-- pumpwatch:(editions|transaction) (.+)$", re.MULTILINE)
_TURN: Final = "migration"
_ASK_AGAIN_SECONDS: Final = 0.1
_MINIMUM_POSTGRES: Final = 15

VERSIONS_APPLIED: Final = "SELECT version FROM schema_migrations"
"""What a service asks before it begins; every job's login may (deploy/grants)."""

log = structlog.get_logger()


class Edition(StrEnum):
    """Which database stands behind the same names (docs/decisions/0004-editions.md)."""

    COMMUNITY = "community"
    APACHE = "apache"
    POSTGRES = "postgres"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return {
            Edition.COMMUNITY: "TimescaleDB Community",
            Edition.APACHE: "TimescaleDB Apache",
            Edition.POSTGRES: "plain PostgreSQL",
        }[self]


class MigrationError(RuntimeError):
    """The schema cannot be brought up to date; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str
    editions: frozenset[Edition]
    in_transaction: bool

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What a run found and did."""

    edition: Edition
    server_version: str
    extension_version: str | None
    applied: tuple[str, ...]
    rights: GrantReport = field(default_factory=GrantReport)

    @property
    def description(self) -> str:
        """The edition with its versions, as `pumpwatch migrate` prints it."""
        if self.extension_version is None:
            return f"PostgreSQL {self.server_version} without TimescaleDB"
        return f"{self.edition.label} {self.extension_version} on PostgreSQL {self.server_version}"


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """Read every migration of `folder`, in order.

    Raises:
        MigrationError: A file is misnamed, a number is missing or stands twice, or a header is unknown.
    """
    migrations = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = _FILE_NAME.match(path.name)
        if match is None or int(match[1]) != number:
            msg = f"{path.name}: expected a name like {number:04d}_lower_case.sql"
            raise MigrationError(msg)
        sql = path.read_text(encoding="utf-8")
        header = dict(_HEADER.findall(sql))
        try:
            editions = frozenset(Edition(word) for word in header.get("editions", " ".join(Edition)).split())
        except ValueError as error:
            msg = f"{path.name}: {error}; expected of {', '.join(Edition)}"
            raise MigrationError(msg) from error
        migrations.append(
            Migration(number, path.stem, sql, editions, in_transaction=header.get("transaction", "true") == "true")
        )
    return tuple(migrations)


async def detect_edition(connection: Connection) -> tuple[Edition, str | None]:
    """Find out which edition this is, installing the extension where the server has it and allows it."""
    if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')"):
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        except (
            asyncpg.InsufficientPrivilegeError,
            asyncpg.FeatureNotSupportedError,
            asyncpg.ObjectNotInPrerequisiteStateError,
        ) as error:
            log.warning("timescaledb_not_usable", error=str(error))
    version: str | None = await connection.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    if version is None:
        return Edition.POSTGRES, None
    licence = await connection.fetchval("SELECT current_setting('timescaledb.license', true)")
    return (Edition.COMMUNITY if licence == "timescale" else Edition.APACHE), version


async def migrate(connection: Connection, folder: Path, grants: Path | None = None) -> MigrationResult:
    """Bring the database that `connection` is on up to date.

    Args:
        connection: To a role that may create tables, and the extension where it is missing.
        folder: The numbered files; `schemas/sql`.
        grants: What each job's login may do, given once the files have run; `schemas/grants.sql`. None: nothing is.

    Raises:
        MigrationError: An applied file was edited or is missing, the server is too old, or a file fails.
    """
    server = connection.get_server_version()
    if server.major < _MINIMUM_POSTGRES:
        msg = f"PostgreSQL {server.major} is too old: expected {_MINIMUM_POSTGRES} or newer"
        raise MigrationError(msg)
    migrations = read_migrations(folder)
    await make_turns(connection)
    while not await take_turn(connection, _TURN):  # noqa: ASYNC110 - another process has it
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
    try:
        edition, extension_version = await detect_edition(connection)
        version: str = await connection.fetchval("SHOW server_version")
        await connection.execute(
            """CREATE TABLE IF NOT EXISTS schema_migrations (
                   version    integer PRIMARY KEY,
                   name       text NOT NULL,
                   checksum   text NOT NULL,
                   edition    text NOT NULL,
                   applicable boolean NOT NULL,
                   applied_at timestamptz NOT NULL DEFAULT now())"""
        )
        rows = await connection.fetch("SELECT version, name, checksum, edition FROM schema_migrations")
        done = {row["version"]: row for row in rows}
        _refuse_surprises(migrations, done, edition)
        applied = []
        for migration in migrations:
            if migration.version not in done:
                await _apply(connection, migration, edition)
                applied.append(migration.name)
        rights = await _give(connection, grants) if grants is not None else GrantReport()
        return MigrationResult(edition, version.split(maxsplit=1)[0], extension_version, tuple(applied), rights)
    finally:
        await end_turn(connection, _TURN)


async def _give(connection: Connection, grants: Path) -> GrantReport:
    try:
        return await give_rights(connection, grants)
    except asyncpg.PostgresError as error:
        msg = f"every migration is applied, and the rights of {grants.name} could not be given: {error}"
        raise MigrationError(msg) from error


def _refuse_surprises(migrations: tuple[Migration, ...], done: dict[int, asyncpg.Record], edition: Edition) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, row in done.items():
        if version not in known:
            msg = f"the database has migration {row['name']}, which this release does not know: use a newer release"
            raise MigrationError(msg)
        if row["checksum"] != known[version].checksum:
            msg = f"{row['name']} was edited after it was applied: put it back and write a new file instead"
            raise MigrationError(msg)
        if row["edition"] != edition:
            msg = (
                f"this schema was made on {Edition(row['edition']).label}, and the server is now {edition.label}: "
                "copy it into an empty database (`pumpwatch database copy`)"
            )
            raise MigrationError(msg)


async def _apply(connection: Connection, migration: Migration, edition: Edition) -> None:
    applicable = edition in migration.editions
    record = "INSERT INTO schema_migrations (version, name, checksum, edition, applicable) VALUES ($1, $2, $3, $4, $5)"
    values = (migration.version, migration.name, migration.checksum, edition.value, applicable)

    async def in_transaction() -> None:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            if applicable:
                await connection.execute(migration.sql)
            await connection.execute(record, *values)

    try:
        if applicable and not migration.in_transaction:
            await connection.execute(migration.sql)
            await connection.execute(record, *values)
            return
        await patiently(connection, in_transaction)
    except asyncpg.PostgresError as error:
        msg = f"{migration.name}: {error}"
        raise MigrationError(msg) from error


async def pending(connection: Connection, folder: Path) -> tuple[str, ...]:
    """Names of the migrations that the database lacks; a service is not ready while there are any."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        done = set()
    else:
        done = {row["version"] for row in await connection.fetch(VERSIONS_APPLIED)}
    return tuple(m.name for m in read_migrations(folder) if m.version not in done)
