"""All SQL of what is sent again: a small function each. The caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from schemas.policy import Priority
from services.alerts.delivery.store import Claim
from services.alerts.model import Occasion, OccasionKind
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Resend:
    """A message that this process is to send again."""

    replay_id: UUID
    position: int
    tried: int
    """How often, this time included."""
    claim: Claim
    """As it was sent for the first time."""


async def claim_resend(connection: Connection, now: datetime, until: datetime) -> Resend | None:
    """The next message of a replay that is due, which nobody else gets before `until`; None: there is none."""
    row = await connection.fetchrow(QUERIES["claim_resend"], now, until)
    if row is None:
        return None
    page = dict(row)
    replay_id, position, tried = (page.pop(name) for name in ("replay_id", "position", "tried"))
    occasion = Occasion(OccasionKind(page.pop("kind")), page.pop("episode"), page.pop("step"))
    claim = Claim(**page | {"priority": Priority(page["priority"]), "occasion": occasion})
    return Resend(replay_id, position, tried, claim)


async def record_resent(
    connection: Connection, replay_id: UUID, position: int, now: datetime, error: str | None
) -> None:
    """It went out, or the receiver will not take it, and why; the next one is due."""
    await connection.execute(QUERIES["record_resent"], replay_id, position, now, error)


async def put_off_replay(connection: Connection, replay_id: UUID, due_at: datetime) -> None:
    """The receiver did not take it; the same message is due then, and no later one before it."""
    await connection.execute(QUERIES["put_off_replay"], replay_id, due_at)


async def stop_replay(connection: Connection, replay_id: UUID, now: datetime, why: str) -> None:
    """It is over before its last message."""
    await connection.execute(QUERIES["stop_replay"], replay_id, now, why)
