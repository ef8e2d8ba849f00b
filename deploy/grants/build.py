"""Write `schemas/grants.sql`: the rights of each job's login, made from the statements that it runs.

python -m deploy.grants.build            start a TimescaleDB, ask it, write the file

`tests/contract/deploy/test_grants.py` fails when the file is not what the statements need.
"""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

from deploy.grants.jobs import SCHEMAS, statements_of_jobs
from deploy.grants.rights import rights_of
from schemas.paths import GRANTS_FILE, SQL_FOLDER
from services.devstack.servers import timescaledb
from services.devstack.servers.postgres import SCRATCH_SETTINGS
from services.runtime.database import Connection
from services.runtime.migrate import migrate

_HEADER: Final = """\
-- The rights of each job's login: what its statements need, and nothing else. Made by `python -m deploy.grants.build`:
-- do not edit. `pumpwatch migrate` gives them to the logins that exist (services/runtime/grants.py).
"""


async def document(connection: Connection) -> str:
    """The text of the file, by what a migrated TimescaleDB says."""
    parts = [_HEADER]
    for login, statements in statements_of_jobs().items():
        rights = await rights_of(connection, statements, SCHEMAS.get(login, "public"))
        parts.append("\n".join((f"-- login: {login}", *rights.grants(login), "")))
    return "\n".join(parts)


async def _asked(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, SQL_FOLDER)
        return await document(connection)
    finally:
        await connection.close()


def main() -> None:
    """Do what the module's docstring says."""
    server = timescaledb.make_server(settings=SCRATCH_SETTINGS)
    server.start()
    try:
        GRANTS_FILE.write_text(asyncio.run(_asked(server.dsn())), encoding="utf-8")
    finally:
        server.remove()


if __name__ == "__main__":
    main()
