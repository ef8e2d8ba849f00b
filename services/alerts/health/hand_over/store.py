"""All SQL of handing over: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import Priority
from services.alerts.health.hand_over.model import Accepted, AtRisk, Promise, StillOpen
from services.alerts.policies import Policies, zone_for
from services.people.model import Actor
from services.people.rota.hand_over import HandOver
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
_PRIORITIES: Final = tuple(Priority)


async def still_open(connection: Connection) -> dict[str, StillOpen]:
    """By clinic, how much is open; a clinic without anything is not there."""
    return {
        row["clinic_id"]: StillOpen(
            row["waiting"] or 0,
            row["taken"] or 0,
            row["promises"] or 0,
            None if row["worst_rank"] is None else _PRIORITIES[row["worst_rank"]],
        )
        for row in await connection.fetch(QUERIES["still_open"])
    }


async def accepted_since(connection: Connection, since: datetime) -> dict[tuple[UUID, datetime], Accepted]:
    """What was taken over of the turns that began since then, by rota and begin."""
    rows = await connection.fetch(QUERIES["accepted_since"], since)
    return {(row["rota_id"], row["begins"]): Accepted(*row) for row in rows}


async def accept(
    connection: Connection, rota_id: UUID, clinic_id: str, turn: HandOver, person_id: UUID, actor: Actor, now: datetime
) -> None:
    """Write down that whoever has a turn has taken it over."""
    values = (rota_id, turn.begins, clinic_id, person_id, now, actor.id, actor.name)
    await connection.execute(QUERIES["accept"], *values)


async def open_promises(connection: Connection, clinic_id: str | None, due_before: datetime) -> tuple[Promise, ...]:
    """What was promised in a clinic, or in all (None), the soonest first."""
    rows = await connection.fetch(QUERIES["open_promises"], clinic_id, due_before)
    return tuple(Promise(**dict(row)) for row in rows)


async def promises_of_alert(connection: Connection, alert_id: UUID) -> tuple[Promise, ...]:
    """What was promised about one alert and is not kept yet."""
    return tuple(Promise(**dict(row)) for row in await connection.fetch(QUERIES["promises_of_alert"], alert_id))


async def make_promise(
    connection: Connection, promise_id: UUID, alert_id: UUID, words: str, due_at: datetime, by: Actor, now: datetime
) -> None:
    """Write down what somebody will do about an alert, and when."""
    await connection.execute(QUERIES["make_promise"], promise_id, alert_id, words, due_at, now, by.id, by.name)


async def keep_promise(
    connection: Connection, promise_id: UUID, alert_id: UUID, by: Actor, now: datetime
) -> str | None:
    """Write down that it was done; returns its words, or None: there is no such promise of the alert that is open."""
    words: str | None = await connection.fetchval(QUERIES["keep_promise"], promise_id, alert_id, now, by.id, by.name)
    return words


async def at_risk(connection: Connection, clinic_id: str, refill_until: date) -> tuple[AtRisk, ...]:
    """Pumps of a clinic that whoever comes should know of though no alert tells."""
    rows = await connection.fetch(QUERIES["at_risk"], clinic_id, refill_until)
    return tuple(AtRisk(**dict(row)) for row in rows)


async def zones_of(connection: Connection, policies: Policies, clinics: Collection[str]) -> dict[str, ZoneInfo]:
    """By what clock the people of these clinics go, by clinic (services.alerts.policies.zone_for)."""
    rows = await connection.fetch(QUERIES["zones_of"], list(clinics))
    of_rotas = {row["clinic_id"]: row["timezone"] for row in rows}
    return {clinic: zone_for(policies.of(clinic), of_rotas.get(clinic)) for clinic in clinics}


async def zone_of(connection: Connection, policies: Policies, clinic_id: str) -> ZoneInfo:
    """By what clock a clinic's people go."""
    return (await zones_of(connection, policies, [clinic_id]))[clinic_id]
