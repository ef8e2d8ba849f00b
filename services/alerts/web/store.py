"""What the API and the board read: alerts with their deliveries and history."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from schemas.policy import Priority
from services.alerts.delivery.mute import Silence, SilenceRequest, silence_over
from services.alerts.delivery.store import list_silences
from services.alerts.model import Occasion, OccasionKind
from services.alerts.web.read_models import (
    STATES,
    AlertInScope,
    AlertView,
    Delivery,
    HeldBy,
    HistoryEntry,
    StateFilter,
)
from services.people.caller import Caller
from services.runtime.database import Connection, Pool, load_queries
from services.runtime.http.keys import KeptKey

_BORROW_SECONDS: Final = 5.0
_PAGES: Final = ("active", "acknowledged")
"""In these states an alert pages, or will when its acknowledgement expires; so a silence can hold it."""
_OF_AN_ALERT: Final = tuple(each.name for each in fields(AlertView) if each.name not in ("deliveries", "held"))
QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def tell_who_asks(connection: Connection, caller: Caller | None) -> None:
    """Tell the database who asks by this connection, for every statement until it is told anew; None: nobody."""
    person = str(caller.person_id) if caller and caller.person_id else ""
    await connection.execute(QUERIES["tell_who_asks"], person, (caller.key_id or "") if caller else "")


@asynccontextmanager
async def lent(pool: Pool, caller: Caller | None) -> AsyncIterator[Connection]:
    """A connection for one request of a caller, of whom the database is told; None: of nobody."""
    async with pool.acquire(timeout=_BORROW_SECONDS) as connection:
        await tell_who_asks(connection, caller)
        yield connection


async def list_alerts(
    connection: Connection, state: StateFilter, clinics: Collection[str], limit: int, now: datetime
) -> tuple[AlertView, ...]:
    """Alerts of these clinics, the most urgent that nobody has first, with what holds their pages now."""
    rows = await connection.fetch(QUERIES["list_alerts"], list(STATES[state]), list(clinics), limit)
    return await views_of(connection, rows, now)


async def one_alert(connection: Connection, alert_id: UUID, now: datetime) -> AlertView | None:
    """One alert with its deliveries, and what holds its pages now; None: there is no such alert."""
    found = await views_of(connection, await connection.fetch(QUERIES["one_alert"], alert_id), now)
    return found[0] if found else None


async def alerts_in_scope(connection: Connection, asked: SilenceRequest) -> tuple[AlertInScope, ...]:
    """The alerts that page or may page again of the pump and rule of a silence, of any priority, most urgent first."""
    rows = await connection.fetch(QUERIES["alerts_in_scope"], asked.clinic_id, asked.pump_id, asked.rule, list(_PAGES))
    return tuple(AlertInScope(**dict(row)) for row in rows)


async def clinic_of_alert(connection: Connection, alert_id: UUID) -> str | None:
    """Whose alert it is; None: there is no such alert."""
    clinic: str | None = await connection.fetchval(QUERIES["clinic_of_alert"], alert_id)
    return clinic


async def clinic_of_silence(connection: Connection, silence_id: UUID) -> str | None:
    """Whose silence it is; None: there is no such silence."""
    clinic: str | None = await connection.fetchval(QUERIES["clinic_of_silence"], silence_id)
    return clinic


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A program's key, its name, and the clinics that it reaches."""

    key: KeptKey
    name: str
    clinics: frozenset[str]


async def kept_key(connection: Connection, key_id: str) -> FoundKey | None:
    """What is kept of a key; None: there is none of that name."""
    row = await connection.fetchrow(QUERIES["kept_key"], key_id)
    if row is None:
        return None
    values = dict(row) | {"scopes": tuple(row["scopes"])}
    name, clinics = values.pop("name"), frozenset(values.pop("clinics"))
    return FoundKey(KeptKey(**values), name, clinics)


async def key_used(connection: Connection, key_id: str, now: datetime) -> None:
    """Remember, at most once a minute, that a key was used."""
    await connection.execute(QUERIES["key_used"], key_id, now)


async def history_of(connection: Connection, alert_id: UUID) -> tuple[HistoryEntry, ...]:
    """What happened to one alert, oldest first."""
    return tuple(_entry(row) for row in await connection.fetch(QUERIES["transitions_of"], alert_id))


def _entry(row: asyncpg.Record) -> HistoryEntry:
    detail = json.loads(row["detail"])
    said = detail.pop("said", None)
    return HistoryEntry(**(dict(row) | {"detail": detail, "said": said}))


async def views_of(connection: Connection, rows: Sequence[asyncpg.Record], now: datetime) -> tuple[AlertView, ...]:
    """Rows of alerts with their pages, and what holds those now; columns that no alert has are left out."""
    if not rows:
        return ()
    clinics = {row["clinic_id"] for row in rows}
    silences = await list_silences(connection, clinics.pop() if len(clinics) == 1 else None, now)
    by_alert: dict[UUID, list[Delivery]] = {}
    for row in await connection.fetch(QUERIES["deliveries_of"], [row["alert_id"] for row in rows]):
        by_alert.setdefault(row["alert_id"], []).append(_delivery(row))
    return tuple(
        AlertView(
            **{name: row[name] for name in _OF_AN_ALERT} | {"evidence": json.loads(row["evidence"])},
            deliveries=tuple(by_alert.get(row["alert_id"], ())),
            held=_held_by(row, silences, now),
        )
        for row in rows
    )


def _held_by(row: asyncpg.Record, silences: Sequence[Silence], now: datetime) -> HeldBy | None:
    if row["state"] not in _PAGES:
        return None
    silence = silence_over(
        (each for each in silences if each.clinic_id == row["clinic_id"]),
        pump_id=row["pump_id"],
        rule=row["rule"],
        priority=Priority(row["priority"]),
        now=now,
    )
    if silence is None:
        return None
    return HeldBy(silence.silence_id, silence.kind.value, silence.created_by, silence.ends_at, silence.reason)


def _delivery(row: asyncpg.Record) -> Delivery:
    values = dict(row)
    occasion = Occasion(OccasionKind(values.pop("kind")), values.pop("episode"), values.pop("step"))
    return Delivery(**values, occasion=str(occasion), why=occasion)
