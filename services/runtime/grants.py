"""Each job's login has the rights that its statements need: given anew after every run of the migrations.

Guarantees: a login has exactly what the file says, whatever it had before, and never less while that changes; it is one
transaction. A login that does not exist is left out, and told. The old group, which may change every row, is emptied
once nobody depends on it; as long as somebody does, it stays as it is, and that is told.

The file has a line `-- login: name` before the grants of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.runtime.database import Connection
from services.runtime.patience import LOCK_TIMEOUT, patiently

GROUP: Final = "pumpwatch_service"
"""The group of every service's login. Up to migration 0037 it could read and change the rows of every table."""

_LOGIN: Final = re.compile(r"^-- login: ([a-z_]+)$", re.MULTILINE)
_MEMBERS: Final = """
    SELECT m.rolname::text FROM pg_auth_members JOIN pg_roles m ON m.oid = member JOIN pg_roles g ON g.oid = roleid
    WHERE g.rolname = $1 AND NOT m.rolsuper ORDER BY 1"""
# What somebody else owns in this schema is not ours to grant, or to take.
_HELD: Final = """
    WITH acls AS (
        SELECT c.relowner AS owner, acl,
               CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass AS what
        FROM pg_class c, LATERAL (
            SELECT c.relacl
            UNION ALL SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped) x (acl)
        WHERE c.relnamespace IN ('public'::regnamespace, to_regnamespace('web'))
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT p.proowner, p.proacl, 'ROUTINE ' || p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace IN ('public'::regnamespace, to_regnamespace('web')))
    SELECT DISTINCT what FROM acls, aclexplode(acl) e JOIN pg_roles g ON g.oid = e.grantee
    WHERE g.rolname = $1 AND pg_has_role(owner, 'USAGE') ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class GrantReport:
    """Which logins have their rights now, which do not exist, and whose rights could not be narrowed."""

    given: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    keep_the_group: tuple[str, ...] = ()
    """Logins of no job that live by the group's rights: while they do, each service has these too."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What an operator is told, a line for each thing to be done; none: nothing is to be done."""
        lines = []
        if self.missing:
            lines.append(f"no login {', '.join(self.missing)}: nothing was granted to it (docs/operating/upgrade.md)")
        if self.keep_the_group:
            names = ", ".join(self.keep_the_group)
            lines.append(
                f"{GROUP} keeps its rights on every table, because {names} may depend on them: "
                f"GRANT the login of a job to each, REVOKE {GROUP} from it, and migrate again"
            )
        return tuple(lines)


def read_grants(file: Path) -> Mapping[str, str]:
    """The grants of each login."""
    _, *parts = _LOGIN.split(file.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


async def give_rights(connection: Connection, file: Path) -> GrantReport:
    """Give each login of `file` that exists its rights.

    Args:
        connection: To the owner of the tables, outside a transaction.
        file: The grants of each login; `schemas/grants.sql`.
    """
    grants = read_grants(file)
    there = await connection.fetch("SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1)", list(grants))
    given = tuple(name for name in grants if name in {row[0] for row in there})
    missing = tuple(name for name in grants if name not in given)
    members = [row[0] for row in await connection.fetch(_MEMBERS, GROUP)]
    has_rights = bool(await connection.fetch(_HELD, GROUP))
    others = tuple(name for name in members if name not in given) if has_rights else ()
    if not given:
        return GrantReport(missing=missing, keep_the_group=others)

    async def give() -> None:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            for name in given:
                await _take(connection, name)
                await connection.execute(grants[name])
            if has_rights and not others:
                await _empty_the_group(connection)

    await patiently(connection, give)
    return GrantReport(given, missing, others)


async def _take(connection: Connection, name: str) -> None:
    for (what,) in await connection.fetch(_HELD, name):
        await connection.execute(f"REVOKE ALL ON {what} FROM {name}")


async def _empty_the_group(connection: Connection) -> None:
    await _take(connection, GROUP)
    for kind in ("TABLES", "SEQUENCES"):
        await connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM {GROUP}")
