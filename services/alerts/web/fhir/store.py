"""All SQL of the FHIR endpoints: one small function for each statement. `clinic_id` None: every clinic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from services.alerts.web.fhir.ids import EventId
from services.alerts.web.fhir.search import EARLIEST, LATEST, Search
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
_NO_ID: Final = UUID(int=0)

Row = dict[str, Any]


async def devices(
    connection: Connection, clinic_id: str | None, search: Search, now: datetime, *, kinds: Sequence[str] | None
) -> list[Row]:
    """Devices of a clinic, one more than a page has."""
    named = _codes(search)
    after = search.after[0] if search.after else ""
    rows = await connection.fetch(
        QUERIES["devices"], clinic_id, _ids(search), named, kinds, after, now, search.count + 1
    )
    return [dict(row) for row in rows]


async def pumps(connection: Connection, clinic_id: str | None, as_fhir: Sequence[str] | None) -> list[str]:
    """The pumps whose record a clinic sees."""
    rows = await connection.fetch(QUERIES["pumps"], clinic_id, None if as_fhir is None else list(as_fhir))
    return [row["pump_id"] for row in rows]


async def observations(
    connection: Connection, clinic_id: str | None, pump_ids: Sequence[str], kinds: Sequence[str], search: Search
) -> list[Row]:
    """What was observed of pumps, one more than a page has."""
    after = (search.since, "", _NO_ID)
    if search.after:
        at, kind, event_id = search.after
        after = (datetime.fromisoformat(at), kind, UUID(event_id))
    rows = await connection.fetch(
        QUERIES["observations"], clinic_id, list(pump_ids), list(kinds), search.since, search.until, *after,
        search.count + 1,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def one_observation(connection: Connection, clinic_id: str | None, event: EventId) -> list[Row]:
    """The event of that name among all that a clinic sees; empty: there is none."""
    pump_ids = await pumps(connection, clinic_id, None)
    rows = await connection.fetch(
        QUERIES["observations"], clinic_id, pump_ids, [event.kind], event.observed_at, LATEST, event.observed_at,
        event.kind, UUID(int=max(0, event.event_id.int - 1)), 1,
    )  # fmt: skip
    return [dict(row) for row in rows if row["event_id"] == event.event_id and row["observed_at"] == event.observed_at]


async def alerts(
    connection: Connection,
    clinic_id: str | None,
    search: Search,
    *,
    ids: Sequence[UUID] | None,
    pump_ids: Sequence[str] | None,
) -> list[Row]:
    """Alerts, one more than a page has."""
    after = (datetime.fromisoformat(search.after[0]), UUID(search.after[1])) if search.after else (EARLIEST, _NO_ID)
    rows = await connection.fetch(
        QUERIES["alerts"], clinic_id, ids, pump_ids, search.since, search.until, search.changed_since,
        search.changed_until, *after, search.count + 1,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def pages(
    connection: Connection, clinic_id: str | None, search: Search, *, ids: Sequence[UUID] | None
) -> list[Row]:
    """Pages, one more than a page of results has."""
    after = (datetime.fromisoformat(search.after[0]), UUID(search.after[1])) if search.after else (EARLIEST, _NO_ID)
    at_any_time = (search.since, search.until) == (EARLIEST, LATEST)
    rows = await connection.fetch(
        QUERIES["pages"], clinic_id, ids, search.since, search.until, *after, at_any_time, search.count + 1
    )
    return [dict(row) for row in rows]


def check_place(place: tuple[str, ...], parts: int) -> None:
    """Check where a page is to go on: a moment, perhaps a kind, and an id.

    Raises:
        ValueError: It is no such place.
    """
    if len(place) != parts:
        msg = f"expected {parts} parts, not {len(place)}"
        raise ValueError(msg)
    if datetime.fromisoformat(place[0]).tzinfo is None:
        msg = "expected a moment with its offset"
        raise ValueError(msg)
    UUID(place[-1])


def _ids(search: Search) -> list[str] | None:
    return None if search.ids is None else list(search.ids)


def _codes(search: Search) -> list[str] | None:
    return None if search.codes is None else [code for _, code in search.codes]
