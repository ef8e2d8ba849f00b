"""All SQL of lists: what is found, how many there are, and whether anything has happened since."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from services.alerts.web.lists.asked import PAGE_SIZE, Asked
from services.alerts.web.lists.cursor import Place
from services.alerts.web.read_models import STATES, AlertView, StateFilter
from services.alerts.web.store import views_of
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a list."""

    alerts: tuple[AlertView, ...]
    end: Place | None
    """Where the next part begins; None: this is the last."""


@dataclass(frozen=True, slots=True)
class WaitingHigh:
    """A high alert that nobody has."""

    alert_id: UUID
    pump_id: str
    title: str
    updated_at: datetime


async def count_found(connection: Connection, clinics: Collection[str], asked: Asked) -> dict[tuple[str, str], int]:
    """How many alerts there are, by state and priority: of all that are open, and of the state that is asked for."""
    states = {*STATES[StateFilter.OPEN], *STATES[asked.state]}
    rows = await connection.fetch(
        QUERIES["count_found"], list(clinics), sorted(states), asked.priority, asked.rule, asked.person, asked.patterns
    )
    return {(row["state"], row["priority"]): row["alerts"] for row in rows}


async def find_alerts(
    connection: Connection,
    clinics: Collection[str],
    asked: Asked,
    now: datetime,
    *,
    limit: int = PAGE_SIZE,
    after: Place | None = None,
) -> Found:
    """A page of a list, or so many after a place in it."""
    rows = await connection.fetch(
        QUERIES["find_alerts"],
        list(clinics),
        list(STATES[asked.state]),
        asked.priority,
        asked.rule,
        asked.person,
        asked.patterns,
        asked.sort.value,
        asked.group.value,
        after.pump if after else None,
        after.urgency if after else None,
        after.at if after else None,
        limit + 1,  # to see whether there are more
        (asked.page - 1) * limit,
        after.alert_id if after else None,
    )
    shown = rows[:limit]
    end = _place(shown[-1]) if len(rows) > limit else None
    return Found(await views_of(connection, shown, now), end)


def _place(row: asyncpg.Record) -> Place:
    return Place(row["by_pump"], row["by_urgency"], row["by_time"], row["alert_id"])


async def waiting_high(
    connection: Connection, clinics: Collection[str], most: int
) -> tuple[tuple[WaitingHigh, ...], int]:
    """The newest high alerts that nobody has, and how many there are."""
    rows = await connection.fetch(QUERIES["waiting_high"], list(clinics), most)
    found = tuple(WaitingHigh(row["alert_id"], row["pump_id"], row["title"], row["updated_at"]) for row in rows)
    return found, rows[0]["waiting"] if rows else 0


async def who_has_some(connection: Connection, clinics: Collection[str], most: int) -> tuple[str, ...]:
    """The names of those who have an alert now."""
    return tuple(row["acknowledged_by"] for row in await connection.fetch(QUERIES["who_has_some"], list(clinics), most))


async def count_pumps(connection: Connection, clinics: Collection[str]) -> int:
    """How many pumps of these clinics are watched."""
    count: int = await connection.fetchval(QUERIES["count_pumps"], list(clinics))
    return count


async def seen_clinics(connection: Connection) -> frozenset[str]:
    """The clinics that the database shows who asks by this connection, now."""
    return frozenset(await connection.fetchval(QUERIES["seen_clinics"]))


async def trail_ends(connection: Connection) -> dict[str, int]:
    """By clinic, a number that grows with whatever is written down about its alerts."""
    return {row["clinic_id"]: row["clinic_seq"] for row in await connection.fetch(QUERIES["trail_ends"])}
