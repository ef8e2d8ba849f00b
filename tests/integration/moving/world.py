"""What a database holds, row by row, to compare it with another."""

from __future__ import annotations

import asyncpg

_TABLES = """SELECT relname FROM pg_class c
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'schema_migrations'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"""


async def everything(dsn: str) -> dict[str, list[str]]:
    """Every row of every table, by its columns in the order of their names."""
    connection = await asyncpg.connect(dsn)
    found = {}
    for table in await connection.fetch(_TABLES):
        found[table["relname"]] = [
            row[0]
            for row in await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{table["relname"]}" t ORDER BY 1')  # noqa: S608
        ]
    await connection.close()
    return found
