"""Every query of the dashboards, run as a reader of one clinic: it gives rows, and none of another clinic's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.contract.grafana.boards import ALL, ANNOTATIONS, NORTH, PANELS, VARIABLES, Readers
from tests.contract.grafana.macros import View, filled_in

each_query = pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in ALL])
CHOICES = [
    pytest.param(NORTH, id="one clinic"),
    pytest.param(replace(NORTH, variables={"clinic": ["north", "south"], "pump": ["north-pump-1"]}), id="all clinics"),
    pytest.param(replace(NORTH, timescaledb=False), id="plain PostgreSQL"),
]


def words(rows: list[asyncpg.Record]) -> str:
    return " ".join(str(value) for row in rows for value in row.values())


@pytest.mark.parametrize("view", CHOICES)
@pytest.mark.parametrize("target", [pytest.param(target, id=name) for name, target in PANELS])
async def test_panel_query(readers: Readers, target: dict[str, Any], view: View) -> None:
    rows = await readers.north.fetch(filled_in(target["rawSql"], view))
    assert rows
    assert "south" not in words(rows)
    if target["format"] == "time_series":
        times = [row["time"] for row in rows]
        assert times == sorted(times)
        assert all(isinstance(time, datetime | Decimal | float) for time in times)
        for row in rows:
            for name, value in row.items():
                if name not in {"time", "metric"}:
                    assert isinstance(value, int | float | Decimal), name


async def test_what_is_dated_ahead_is_not_the_newest(readers: Readers) -> None:
    pump = await readers.north.fetchrow("SELECT * FROM dashboard.pumps WHERE pump_id = 'north-pump-1'")
    assert pump is not None
    assert (pump["volume_ml"], pump["volume_basis"], pump["low_reservoir_ml"]) == (4.0, "measured", 3.5)
    demand = "SELECT attempts_24h FROM dashboard.demand WHERE pump_id = 'north-pump-1'"
    assert await readers.north.fetchval(demand) == 5
    panels = {target["rawSql"] for _, target in PANELS if "dashboard.alarms" in target["rawSql"]}
    for query in panels:
        alarms = [row["alarm"] for row in await readers.north.fetch(filled_in(query, NORTH))]
        assert alarms[:3] == ["low battery", "motor stall", "other"]


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("dashboard.alarms", "low battery"),
        ("dashboard.reports", "confusion"),
        ("dashboard.statuses", "north-pump-1 7.0"),
        ("dashboard.reservoir", "measured 19.0"),
        ("dashboard.refills", "16.0 mL in"),
    ],
)
async def test_what_is_dated_ahead_is_shown_at_once_and_where_it_was_received(
    readers: Readers, view: str, shown: str
) -> None:
    queries = [query for _, query in ALL if view in query]
    assert queries
    for query in queries:
        rows = await readers.north.fetch(filled_in(query, NORTH))
        (row,) = [row for row in rows if shown in words([row])]
        drawn = row["time"] if "metric" in row or "text" in row else None
        assert drawn is None or NORTH.start <= drawn <= NORTH.end


async def test_what_is_replaced_is_struck_out_and_does_not_count(readers: Readers) -> None:
    levels = "SELECT low_reservoir_ml FROM dashboard.{} WHERE pump_id = 'north-pump-1' {}"
    assert await readers.north.fetchval(levels.format("pumps", "")) == 3.5
    assert await readers.north.fetchval(levels.format("therapies", "AND replaced")) == 8
    (level,) = {target["rawSql"] for _, target in PANELS if "'alarm level'" in target["rawSql"]}
    assert 8 not in [row["volume"] for row in await readers.north.fetch(filled_in(level, NORTH))]
    (marks,) = (query for _, query in ANNOTATIONS if "dashboard.refills" in query)
    texts = [row["text"] for row in await readers.north.fetch(filled_in(marks, NORTH))]
    wrong, right = (", ".join((f"{volume} mL in", "3.4 mL found", "3.0 mL expected")) for volume in ("18.0", "17.0"))
    texts.remove("Refill: 16.0 mL in, 5.5 mL found, 5.0 mL expected")  # another one, dated ahead
    assert sorted(texts) == [f"Refill, since corrected: {struck_out(wrong)}", f"Refill: {right}"]
    (table,) = {target["rawSql"] for _, target in PANELS if "AS programmed" in target["rawSql"]}
    shown = [tuple(row.values()) for row in await readers.north.fetch(filled_in(table, NORTH)) if row["note"]]
    drug, rate = struck_out("morphine 1000 mcg/mL"), struck_out("00:00 0.3 mL/day")
    assert [row[1:3] for row in shown] == [(drug, rate)]


def struck_out(text: str) -> str:
    return "".join(f"{each}\N{COMBINING LONG STROKE OVERLAY}" for each in text)


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in ANNOTATIONS])
async def test_annotation_query(readers: Readers, query: str) -> None:
    rows = await readers.north.fetch(filled_in(query, NORTH))
    assert rows
    assert all(isinstance(row["time"], datetime) and row["text"] for row in rows)


async def test_variable_queries(readers: Readers) -> None:
    found = {
        name: [row[0] for row in await readers.north.fetch(filled_in(query, NORTH))]
        for name, query in VARIABLES.items()
    }
    pumps = [f"north-pump-{number}" for number in range(1, 5)]
    assert found == {"clinic": ["north"], "pump": pumps, "board": ["http://127.0.0.1:8081"]}


@each_query
async def test_the_page_of_another_clinics_pump_is_empty(readers: Readers, query: str) -> None:
    view = replace(NORTH, variables={"clinic": ["south"], "pump": ["south-pump-1"]})
    assert "south" not in words(await readers.north.fetch(filled_in(query, view)))


@each_query
async def test_odd_names_are_values_and_never_sql(readers: Readers, query: str) -> None:
    view = replace(NORTH, variables={"clinic": ["o'north"], "pump": ["'; DROP TABLE alerts; --"]})
    await readers.north.fetch(filled_in(query, view))


async def test_each_view_shows_a_reader_his_own_clinic_only(readers: Readers) -> None:
    for view in readers.views:
        rows = await readers.north.fetch(f"SELECT * FROM dashboard.{view}")  # noqa: S608
        assert {row["clinic_id"] for row in rows} == {"north"}, view
        assert "south" not in words(rows), view


async def test_a_reader_of_every_clinic_sees_both_and_the_strangers(readers: Readers) -> None:
    for view in readers.views:
        rows = await readers.everybody.fetch(f"SELECT * FROM dashboard.{view}")  # noqa: S608
        assert {row["clinic_id"] for row in rows} >= {"north", "south"}, view
    reasons = await readers.everybody.fetch("SELECT device_id FROM dashboard.dead_letters WHERE clinic_id IS NULL")
    assert [row["device_id"] for row in reasons] == ["stranger-from-the-south"]


async def test_a_login_that_no_clinic_registered_sees_nothing(readers: Readers) -> None:
    for view in readers.views:
        assert await readers.nobody.fetch(f"SELECT * FROM dashboard.{view}") == [], view  # noqa: S608


async def test_a_readers_own_function_sees_no_row_before_the_check(readers: Readers) -> None:
    """What `security_barrier` is for: a cheap function in WHERE would else be shown every clinic's rows."""
    told: list[str] = []
    connection = readers.north
    connection.add_log_listener(lambda _, message: told.append(str(message)))
    await connection.execute("SET default_transaction_read_only = off")
    await connection.execute(
        """CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
           $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$"""
    )
    await connection.execute("SET default_transaction_read_only = on")
    for view in readers.views:
        await connection.execute(f"SELECT 1 FROM dashboard.{view} WHERE pg_temp.tell(clinic_id)")  # noqa: S608
    assert any("saw north" in line for line in told)
    assert not [line for line in told if "south" in line]


async def test_a_reader_cannot_change_who_he_is(readers: Readers) -> None:
    for statement in ("SET ROLE postgres", "SET SESSION AUTHORIZATION postgres"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await readers.north.execute(statement)
    await readers.north.execute("SET ROLE pumpwatch_reader")
    rows = await readers.north.fetch("SELECT clinic_id FROM dashboard.clinics")
    await readers.north.execute("RESET ROLE")
    assert [row["clinic_id"] for row in rows] == ["north"]
