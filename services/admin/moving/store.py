"""All SQL of a copy from one database into another: one small function for each statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries

QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))
_PIECES: Final = 16


@dataclass(frozen=True, slots=True)
class Table:
    """A table of ours; every name is quoted."""

    name: str
    columns: tuple[str, ...]
    needs: frozenset[str]
    """The tables that its rows name."""
    triggers: tuple[str, ...]
    numbered: str | None
    """The column that the database numbers."""


async def is_empty(connection: Connection) -> bool:
    """Whether a database holds nothing of anybody's."""
    return bool(await connection.fetchval(QUERIES["is_empty"]))


async def schema_version(connection: Connection) -> int:
    """The newest migration."""
    return int(await connection.fetchval(QUERIES["schema_version"]))


async def tables(connection: Connection) -> tuple[Table, ...]:
    """Every table of ours."""
    return tuple(
        Table(
            row["name"],
            tuple(row["columns"]),
            frozenset(row["needs"] or ()),
            tuple(row["triggers"] or ()),
            row["numbered"],
        )
        for row in await connection.fetch(QUERIES["tables"])
    )


async def set_triggers(connection: Connection, table: Table, *, on: bool) -> None:
    """Let the triggers of a table run, or not, until the end of the transaction."""
    statement = QUERIES["with_trigger" if on else "without_trigger"]
    for trigger in table.triggers:
        await connection.execute(statement.format(table=table.name, trigger=trigger))


async def empty(connection: Connection, table: Table) -> None:
    """Take out what migrations put in."""
    await connection.execute(QUERIES["empty"].format(table=table.name))


async def copy(source: Connection, target: Connection, table: Table) -> int:
    """Copy the rows of a table; returns how many. A few pieces are in memory at a time."""
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)

    async def read() -> None:
        query = QUERIES["rows"].format(table=table.name, columns=", ".join(table.columns)).rstrip(";\n ")
        await source.copy_from_query(query, output=pieces.put, format="binary")
        await pieces.put(None)

    async def given() -> AsyncIterator[bytes]:
        while (piece := await pieces.get()) is not None:
            yield piece

    async with asyncio.TaskGroup() as both:
        both.create_task(read())
        columns = [column.strip('"') for column in table.columns]
        status = both.create_task(
            target.copy_to_table(table.name.strip('"'), source=given(), columns=columns, format="binary")
        )
    return int(status.result().split()[-1])


async def count(connection: Connection, table: Table) -> int:
    """How many rows a table has."""
    return int(await connection.fetchval(QUERIES["count"].format(table=table.name)))


async def number_on(connection: Connection, table: Table) -> None:
    """The database goes on to number rows above those that are there."""
    if table.numbered is not None:
        await connection.fetchval(QUERIES["number_on"].format(table=table.name, column=table.numbered))


async def settle(connection: Connection) -> None:
    """Outside a transaction: kept roll-ups are counted, and the planner learns what there is."""
    if await connection.fetchval(QUERIES["has_rollup"]):
        await connection.execute(QUERIES["refresh_rollup"])
    await connection.execute(QUERIES["analyze"])
