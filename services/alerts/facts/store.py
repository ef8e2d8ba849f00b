"""Loads facts. What they hold depends on the stored events and the time alone."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from services.alerts.facts.from_rows import facts_of_row, told_by_several, unheard, with_heard
from services.alerts.facts.model import Contact, PumpFacts
from services.runtime.database import Connection, load_queries

_FILES: Final = ("queries.sql", "beside.sql", "seldom.sql")
QUERIES: Final = load_queries(*(Path(__file__).with_name(name) for name in _FILES))


async def load_facts(
    connection: Connection,
    pump_ids: Sequence[str],
    now: datetime,
    *,
    windows: int,
    as_of: datetime | None = None,
) -> tuple[PumpFacts, ...]:
    """Load the facts of many pumps: by one statement of their events and one of all else.

    There are two more for few pumps: what several devices told, and days on which nothing but readings came.

    Args:
        connection: Any connection; what it sees is what is judged.
        pump_ids: Ids; one that the registry does not know has no facts.
        now: The end of the newest 24-hour window.
        windows: How many windows to count.
        as_of: For tests, as the oracle that a replay is held against: leave out what was received later. None, as the
            service asks: nothing is left out (clocks of machines may differ).
    """
    rows = await _rows(connection, pump_ids, now, windows, as_of)
    told: dict[str, list[tuple[float, str, str]]] = {row["pump_id"]: [] for row in rows if told_by_several(row)}
    if told:
        for pump_id, *request in await connection.fetch(QUERIES["told_requests"], list(told), now, as_of, windows):
            told[pump_id].append((request[0], request[1], request[2]))
    found = {row["pump_id"]: facts_of_row(row, now, windows, told.get(row["pump_id"])) for row in rows}
    unknown = [
        (row["pump_id"], index, row["since"]) for row in rows for index in unheard(found[row["pump_id"]], row, now)
    ]
    if unknown:
        pumps, indexes, since = (list(column) for column in zip(*unknown, strict=True))
        heard: dict[str, list[int]] = {}
        for row in await connection.fetch(QUERIES["heard_by_readings"], pumps, indexes, now, as_of, since):
            heard.setdefault(row["pump_id"], []).append(row["position"])
        found.update((pump_id, with_heard(found[pump_id], each)) for pump_id, each in heard.items())
    return tuple(found.values())


async def load_contacts(connection: Connection, pump_id: str, now: datetime) -> tuple[Contact, ...]:
    """When the devices of one pump were heard and what is known of their clocks, as the rules know it.

    Without the days on which nothing but readings came, for which `load_facts` asks once more.
    """
    return tuple(
        contact
        for row in await _rows(connection, [pump_id], now, 1, None)
        for contact in facts_of_row(row, now, 1).contacts
    )


async def _rows(
    connection: Connection, pump_ids: Sequence[str], now: datetime, windows: int, as_of: datetime | None
) -> list[ChainMap[str, Any]]:
    known = await connection.fetch(QUERIES["beside_events"], list(pump_ids), now, as_of)
    beside = {row["pump_id"]: row for row in known}
    return [
        ChainMap(dict(row), dict(beside[row["pump_id"]]))
        for row in await connection.fetch(QUERIES["facts"], list(pump_ids), now, as_of, windows)
    ]
