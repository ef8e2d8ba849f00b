"""Copies a whole database into an empty one, of whichever edition: how an installation goes from one to another.

Guarantees: the source is read in one snapshot and not changed; the target was empty, and is either complete or holds an
empty schema (make it anew then); every row is there, counted on both sides, with the numbers that go on above them; the
audit trail follows from itself as it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from schemas.paths import GRANTS_FILE, SQL_FOLDER
from services.admin.moving import store
from services.admin.moving.store import Table
from services.alerts.audit.verify import verify_chain
from services.runtime.database import Connection
from services.runtime.migrate import migrate


class CopyError(RuntimeError):
    """The one cannot be copied into the other; the message says why."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied, and into which edition."""

    rows: int
    tables: int
    description: str
    rights: Sequence[str]
    """What `migrate` says of the logins of the target's server."""
    audit_rows: int


async def copy_database(source: Connection, target: Connection) -> Copied:
    """Migrate the empty `target`, and copy every row of `source` into it. Both as owners, outside a transaction.

    Raises:
        CopyError: The target is not empty, the source's schema is another one, or something is not as it was.
        MigrationError: The target cannot be migrated.
    """
    if not await store.is_empty(target):
        raise CopyError("the target has tables already: expected an empty database (CREATE DATABASE)")
    async with source.transaction(isolation="repeatable_read", readonly=True):
        version = await store.schema_version(source)
        if version != (newest := max(int(path.name[:4]) for path in SQL_FOLDER.glob("*.sql"))):
            msg = f"the source is at migration {version}: expected {newest}; run `pumpwatch migrate` there first"
            raise CopyError(msg)
        result = await migrate(target, SQL_FOLDER, GRANTS_FILE)
        tables = _in_order(await store.tables(source), await store.tables(target))
        async with target.transaction():
            rows = await _fill(source, target, tables)
        before = await verify_within(source)
    await store.settle(target)
    after = await verify_chain(target)
    if (after.rows, after.heads, after.faults) != before:
        raise CopyError("the audit trail of the target is not that of the source: do not use the target")
    return Copied(rows, len(tables), result.description, result.rights.lines, after.rows)


async def verify_within(connection: Connection) -> tuple[object, ...]:
    """What a check of the trail says, in the snapshot of the transaction that is open."""
    report = await verify_chain(connection)
    return report.rows, report.heads, report.faults


def _in_order(source: Iterable[Table], target: Iterable[Table]) -> list[Table]:
    """The target's tables, each after those that its rows name."""
    here, there = {table.name: table for table in target}, {table.name: table for table in source}
    same = {name for name in here.keys() & there.keys() if here[name].columns == there[name].columns}
    different = sorted((here.keys() | there.keys()) - same)
    if different:
        msg = f"tables that are not the same in both: {', '.join(different)}; nothing of them can be copied for sure"
        raise CopyError(msg)
    return [here[name] for name in TopologicalSorter({name: sorted(here[name].needs) for name in here}).static_order()]


async def _fill(source: Connection, target: Connection, tables: Sequence[Table]) -> int:
    for table in tables:
        await store.set_triggers(target, table, on=False)
    for table in reversed(tables):
        await store.empty(target, table)
    rows = 0
    for table in tables:
        copied, there, here = (
            await store.copy(source, target, table),
            await store.count(source, table),
            await store.count(target, table),
        )
        if not copied == there == here:
            msg = f"{table.name}: {there} rows in the source, and {here} in the target: nothing was copied"
            raise CopyError(msg)
        rows += copied
        await store.number_on(target, table)
    for table in tables:
        await store.set_triggers(target, table, on=True)
    return rows
