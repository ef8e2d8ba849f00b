"""Which rights a statement needs, as PostgreSQL itself says.

The statement is made the body of a function, which is rolled back at once. PostgreSQL keeps such a body analysed, with
what it will look at when it runs: for each table the rights, and the columns that are read, inserted and updated. So
nothing here has to understand SQL, and what a name means, in a view or a common table expression, is not guessed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Final

from services.runtime.database import Connection

_SELECT, _INSERT, _UPDATE, _DELETE = 2, 1, 4, 8
_FIRST_COLUMN: Final = 8
"""The bit of a table's first column; below it are the whole row (7) and the columns of the system."""
_WHOLE_ROW: Final = 7

_LOOKED_AT: Final = re.compile(
    r"\{RTEPERMISSIONINFO :relid (\d+) :inh \w+ :requiredPerms (\d+) :checkAsUser \d+ "
    r":selectedCols \(b([ \d]*)\) :insertedCols \(b([ \d]*)\) :updatedCols \(b([ \d]*)\)\}"
)
_PARAMETERS: Final = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"
_ANALYSED: Final = (
    "SELECT prosqlbody::text FROM pg_proc WHERE proname = 'asked' AND pronamespace = 'public'::regnamespace"
)
_FUNCTIONS: Final = """
    SELECT f.oid::regprocedure::text
    FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
         JOIN pg_proc f ON d.refclassid = 'pg_proc'::regclass AND f.oid = d.refobjid
    WHERE p.proname = 'asked' AND p.pronamespace = 'public'::regnamespace
      AND f.pronamespace IN ('public'::regnamespace, 'web'::regnamespace)"""
# A function that stands in a view is called in the name of whoever asks the view.
_IN_VIEWS: Final = """
    WITH RECURSIVE views AS (
        SELECT c.oid FROM pg_class c WHERE c.relkind = 'v' AND c.oid::regclass::text = ANY ($1)
        UNION
        SELECT v.oid FROM views JOIN pg_rewrite r ON r.ev_class = views.oid
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                 AND d.refclassid = 'pg_class'::regclass
             JOIN pg_class v ON v.oid = d.refobjid AND v.relkind = 'v')
    SELECT DISTINCT f.oid::regprocedure::text
    FROM views JOIN pg_rewrite r ON r.ev_class = views.oid
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                             AND d.refclassid = 'pg_proc'::regclass
         JOIN pg_proc f ON f.oid = d.refobjid
    WHERE f.pronamespace IN ('public'::regnamespace, 'web'::regnamespace)"""
_RELATIONS: Final = """
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind::text,
           array_agg(a.attname::text ORDER BY a.attnum) AS columns, array_agg(a.attnum ORDER BY a.attnum) AS numbers,
           (SELECT array_agg(k.attname::text ORDER BY k.attnum)
            FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
            WHERE i.indrelid = c.oid AND i.indisprimary) AS key
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace IN ('public'::regnamespace, 'web'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
    GROUP BY c.oid"""
_HYPERTABLES: Final = "SELECT hypertable_name::text FROM timescaledb_information.hypertables"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view, and its columns by their numbers."""

    name: str
    columns: Mapping[int, str]
    key: tuple[str, ...]
    as_a_whole: bool
    """Rights are given on all of it: what stands behind it, a view's tables or a hypertable's chunks, has columns of
    its own, and TimescaleDB hands a grant on to that."""

    @property
    def any_column(self) -> str:
        """The one that is given where any will do: to count rows, or to lock them."""
        return self.key[0] if self.key else next(iter(self.columns.values()))


@dataclass(slots=True)
class Rights:
    """What one job needs: by right and table the columns, whole tables, and functions."""

    columns: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    any_column: dict[tuple[str, str], str] = field(default_factory=dict)
    whole: set[tuple[str, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    def grants(self, login: str) -> Iterator[str]:
        """The statements that give them to `login`."""
        columns = {which: set(names) for which, names in self.columns.items()}
        for which, name in self.any_column.items():
            columns.setdefault(which, set()).update(() if columns.get(which) else (name,))
        by_table: dict[str, list[str]] = defaultdict(list)
        for right, table in self.whole:
            by_table[table].append(right)
        for (right, table), names in columns.items():
            if (right, table) not in self.whole:
                by_table[table].append(f"{right} ({', '.join(sorted(names))})")
        for table in sorted(by_table):
            for each in sorted(by_table[table]):
                yield "\n    ".join(wrap(f"GRANT {each} ON {table} TO {login};", 116))
        if any(name.startswith("web.") for name in (*by_table, *self.functions)):
            yield f"GRANT USAGE ON SCHEMA web TO {login};"
        for function in sorted(self.functions):
            yield f"GRANT EXECUTE ON FUNCTION {function} TO {login};"


class UnknownStatementError(RuntimeError):
    """PostgreSQL did not say what a statement looks at: the way in which it keeps that has changed."""


async def rights_of(connection: Connection, statements: Mapping[str, str], schemas: str = "public") -> Rights:
    """What these statements need together, where their names are looked up in `schemas`, in this order.

    The connection is to a migrated TimescaleDB of PostgreSQL 16 or newer.

    Raises:
        UnknownStatementError: It keeps them in another way than this module knows.
    """
    hypertables = {row[0] for row in await connection.fetch(_HYPERTABLES)}
    relations = {
        row["oid"]: _relation(**dict(row), hypertables=hypertables) for row in await connection.fetch(_RELATIONS)
    }
    rights = Rights()
    for where, sql in statements.items():
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"SET LOCAL search_path = {schemas}")
            await connection.execute(f"PREPARE asked AS {sql}")
            types = await connection.fetchval(_PARAMETERS)
            await connection.execute("DEALLOCATE asked")
            await connection.execute(
                f"CREATE FUNCTION public.asked({', '.join(types)}) RETURNS void LANGUAGE sql BEGIN ATOMIC {sql}; END"
            )
            await connection.execute("SET LOCAL search_path = public")
            analysed = await connection.fetchval(_ANALYSED)
            rights.functions.update(row[0] for row in await connection.fetch(_FUNCTIONS))
        finally:
            await transaction.rollback()
        found = _LOOKED_AT.findall(analysed)
        if len(found) != analysed.count("{RTEPERMISSIONINFO"):
            msg = f"{where}: expected what PostgreSQL 16 to 18 say of the tables of a statement; got {analysed[:2000]}"
            raise UnknownStatementError(msg)
        for oid, needed, selected, inserted, updated in found:
            if int(oid) in relations:  # and not one of the system's
                _add(rights, relations[int(oid)], int(needed), _bits(selected), _bits(inserted), _bits(updated))
    named = [table for _, table in (*rights.columns, *rights.any_column, *rights.whole)]
    rights.functions.update(row[0] for row in await connection.fetch(_IN_VIEWS, named))
    return rights


def _relation(
    oid: int,
    name: str,
    relkind: str,
    columns: list[str],
    numbers: list[int],
    key: list[str] | None,
    hypertables: set[str],
) -> Relation:
    del oid
    whole = (relkind == "v" and not name.startswith("web.")) or name in hypertables
    return Relation(name, dict(zip(numbers, columns, strict=True)), tuple(key or ()), as_a_whole=whole)


def _bits(text: str) -> list[int]:
    return [int(each) for each in text.split()]


def _add(
    rights: Rights,
    table: Relation,
    needed: int,
    selected: Iterable[int],
    inserted: Iterable[int],
    updated: Iterable[int],
) -> None:
    if needed & _DELETE:
        rights.whole.add(("DELETE", table.name))
    for bit, right, columns in (
        (_SELECT, "SELECT", selected),
        (_INSERT, "INSERT", inserted),
        (_UPDATE, "UPDATE", updated),
    ):
        if not needed & bit:
            continue
        if table.as_a_whole:
            rights.whole.add((right, table.name))
            continue
        names = {table.columns[each - _WHOLE_ROW] for each in columns if each >= _FIRST_COLUMN}
        if _WHOLE_ROW in columns:
            names.update(table.columns.values())
        if names:
            rights.columns[right, table.name].update(names)
        else:
            rights.any_column[right, table.name] = table.any_column
