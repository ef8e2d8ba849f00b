"""All SQL about what a link shows and does: one small function for each statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.accounts.store import roles_in
from services.people.model import Person
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class LinkedAlert:
    """An alert as the page of a link needs it."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    rule: str
    key: str
    priority: str
    state: str
    title: str
    explanation: str
    said: str | None
    opened_at: datetime
    acknowledged_by: str | None
    acknowledged_by_id: str | None


async def linked_person(connection: Connection, person_id: UUID) -> Person | None:
    """Who answers, with their roles; None: there is no such person, or they are disabled."""
    row = await connection.fetchrow(QUERIES["linked_person"], person_id)
    if row is None:
        return None
    return Person(row["person_id"], row["name"], roles_in(row["roles"]), sign_in=row["sign_in"])


async def linked_alert(connection: Connection, alert_id: UUID) -> LinkedAlert | None:
    """The alert; None: there is none."""
    row = await connection.fetchrow(QUERIES["linked_alert"], alert_id)
    return None if row is None else LinkedAlert(**dict(row))


async def alert_of_event(connection: Connection, event_id: UUID) -> tuple[UUID | None, bool]:
    """The alert that came of an event which was paged past the database, and whether that is settled."""
    row = await connection.fetchrow(QUERIES["alert_of_event"], event_id)
    return (None, False) if row is None else (row["alert_id"], row["settled"])


async def became_worse(connection: Connection, alert_id: UUID, since: datetime) -> bool:
    """Whether the alert has paged anew since then."""
    worse: bool = await connection.fetchval(QUERIES["became_worse"], alert_id, since)
    return worse
