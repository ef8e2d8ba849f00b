"""What EXPLAIN tells a clinic's reader: how many rows of its own came out, and nothing of what lies below.

Anybody who may open Grafana can send SQL. EXPLAIN ANALYZE counts the rows that a filter removed, another clinic's too;
by bisection such counts are values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.runtime.database import Connection
from tests.contract.grafana.boards import ALL, NORTH, Readers
from tests.contract.grafana.macros import filled_in

OPAQUE = {
    "Function Scan", "Subquery Scan", "Result", "ProjectSet", "Sort", "Incremental Sort", "Limit", "Unique", "Append",
    "Aggregate", "Hash", "Hash Join", "Merge Join", "Nested Loop", "Materialize", "Values Scan", "WindowAgg", "Memoize",
}  # fmt: skip


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def explained(connection: Connection, query: str, options: str = "ANALYZE, VERBOSE") -> list[dict[str, Any]]:
    found = json.loads(await connection.fetchval(f"EXPLAIN ({options}, FORMAT JSON) {query}"))
    return list(nodes(found[0]["Plan"]))


async def reachable(connection: Connection) -> list[str]:
    """Every relation that a reader may use, and every function of the dashboards that gives rows."""
    views = await connection.fetch(
        """SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname IN ('dashboard', 'public', 'dashboard_private') AND c.relkind IN ('v', 'r', 'm')
             AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"""
    )
    functions = await connection.fetch(
        """SELECT p.pronamespace::regnamespace || '.' || p.proname AS name, proargnames[1] AS asks FROM pg_proc p
           WHERE p.pronamespace = 'dashboard'::regnamespace AND proretset
             AND has_function_privilege(p.oid, 'EXECUTE')"""
    )
    given = {"pump": "'north-pump-1'", "since": "'-infinity'", None: ""}
    return [row["name"] for row in views] + [f"{row['name']}({given[row['asks']]})" for row in functions]


async def test_of_whatever_a_reader_can_reach_the_plan_ends_at_a_function(readers: Readers) -> None:
    found = await reachable(readers.north)
    assert len(found) >= 25
    for source in found:
        for node in await explained(readers.north, f"SELECT * FROM {source}"):  # noqa: S608
            assert node["Node Type"] in OPAQUE, (source, node)
            assert "Relation Name" not in node, (source, node)


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in ALL])
async def test_no_query_of_the_dashboards_shows_a_table(readers: Readers, query: str) -> None:
    for node in await explained(readers.north, filled_in(query, NORTH)):
        assert node["Node Type"] in OPAQUE, node


@pytest.mark.parametrize(
    ("view", "column", "values"),
    [
        ("reservoir", "volume_ml", [f"{number / 4}" for number in range(80)]),
        ("devices", "device_id", ["'south-pump-0'", "'south-pump-1'", "'south-pump-2'", "'t'"]),
        ("alerts", "title", ["'south'", "'southz'", "'t'"]),
        ("dead_letters", "device_id", ["'s'", "'t'"]),
    ],
)
async def test_a_value_of_another_clinic_cannot_be_found_by_bisection(
    readers: Readers, view: str, column: str, values: list[str]
) -> None:
    """Whatever is compared, what a plan says follows from the rows that the reader may see anyway."""
    for value in values:
        query = f"SELECT * FROM dashboard.{view} WHERE {column} < {value}"  # noqa: S608
        mine = await readers.north.fetchval(f"SELECT count(*) FROM dashboard.{view}")  # noqa: S608
        out = len(await readers.north.fetch(query))
        plan = await explained(readers.north, query, "ANALYZE, TIMING OFF, COSTS OFF, BUFFERS OFF")
        counts = {node[key] for node in plan for key in node if key in ("Actual Rows", "Rows Removed by Filter")}
        assert counts <= {out, mine, mine - out}, (value, plan)


async def test_nothing_is_estimated_from_what_is_hidden(readers: Readers) -> None:
    """Estimates come from statistics of whole tables: here they are those of any function."""
    estimates = set()
    for pump in ("north-pump-1", "south-pump-1", "nobody"):
        for node in await explained(readers.north, f"SELECT * FROM dashboard.reservoir_of('{pump}')", "COSTS"):  # noqa: S608
            estimates.add(node["Plan Rows"])
    assert len(estimates) == 1


async def test_a_pump_of_another_clinic_costs_no_look(readers: Readers) -> None:
    async def blocks(pump: str) -> int:
        query = f"SELECT * FROM dashboard.reservoir_of('{pump}')"  # noqa: S608
        await readers.north.fetch(query)  # the first one reads catalogs
        [node] = await explained(readers.north, query, "ANALYZE, BUFFERS")
        return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])

    assert await blocks("south-pump-1") == await blocks("no-such-pump")


async def test_plans_are_not_told_by_the_log_either(readers: Readers) -> None:
    told: list[str] = []
    connection = readers.north

    def listen(_: object, message: object) -> None:
        told.append(f"{message} {getattr(message, 'detail', '')}")

    connection.add_log_listener(listen)
    for name in ("debug_print_plan", "debug_print_parse", "debug_print_rewritten"):
        await connection.execute(f"SET {name} = on")
    await connection.execute("SET client_min_messages = log")
    await connection.fetch("SELECT * FROM dashboard.reservoir_of('north-pump-1')")
    await connection.execute("RESET ALL")
    await connection.execute("SET default_transaction_read_only = on")
    connection.remove_log_listener(listen)
    assert told
    assert not [line for line in told if "INDEXSCAN" in line or "SEQSCAN" in line or "APPEND" in line]
