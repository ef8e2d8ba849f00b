"""All SQL about what goes to programs again: one small function for each statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.alerts.model import Occasion, OccasionKind
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Receiver:
    """A channel of a contact of a clinic."""

    clinic_id: str
    contact: str
    channel: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What went to a receiver, or should have."""

    delivery_id: UUID
    occasion: Occasion
    state: str
    at: datetime
    attempts: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ListedReplay:
    """A replay, who asked for it, and how far it came."""

    replay_id: UUID
    clinic_id: str
    contact: str
    channel: str
    since: datetime
    until: datetime
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    stopped: str | None
    messages: int
    sent: int
    refused: int
    error: str | None


async def messages_sent(
    connection: Connection, receiver: Receiver, since: datetime, until: datetime, most: int
) -> tuple[SentMessage, ...]:
    """What went to a receiver, in the order in which it went."""
    rows = await connection.fetch(
        QUERIES["messages_sent"], receiver.clinic_id, receiver.contact, receiver.channel, since, until, most
    )
    return tuple(
        SentMessage(
            row["delivery_id"],
            Occasion(OccasionKind(row["kind"]), row["episode"], row["step"]),
            row["state"],
            row["at"],
            row["attempts"],
            row["last_error"],
        )
        for row in rows
    )


async def insert_replay(
    connection: Connection, receiver: Receiver, since: datetime, until: datetime, by: str, now: datetime
) -> UUID | None:
    """Ask for a replay; None: one of this receiver is under way."""
    replay_id: UUID | None = await connection.fetchval(
        QUERIES["insert_replay"], receiver.clinic_id, receiver.contact, receiver.channel, since, until, by, now
    )
    return replay_id


async def insert_resends(connection: Connection, replay_id: UUID, delivery_ids: Sequence[UUID]) -> None:
    """What it sends, in this order."""
    await connection.execute(QUERIES["insert_resends"], replay_id, delivery_ids)


async def list_replays(connection: Connection, clinic_id: str | None, most: int) -> tuple[ListedReplay, ...]:
    """Replays, the newest first; of one clinic if it is named."""
    return tuple(ListedReplay(**dict(row)) for row in await connection.fetch(QUERIES["list_replays"], clinic_id, most))
