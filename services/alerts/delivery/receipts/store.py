"""All SQL of receipts: a small function each. The caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from schemas.policy import Priority
from services.alerts.delivery.receipts.model import ReceiptSaid
from services.alerts.model import Occasion, OccasionKind
from services.runtime.database import Connection, Pool, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A page that a service took, and is asked about."""

    delivery_id: UUID
    clinic_id: str
    contact: str
    channel: str
    occasion: Occasion
    priority: Priority
    attempts: int
    receipt: str
    sent_at: datetime


async def keep_receipt(pool: Pool, delivery_id: UUID, receipt: str, ask_at: datetime) -> None:
    """Ask about a page, the first time then."""
    await pool.execute(QUERIES["keep_receipt"], delivery_id, receipt, ask_at)


async def claim_to_ask(connection: Connection, now: datetime, until: datetime) -> tuple[Asked, ...]:
    """Those about which a service is to be asked now. Nobody else gets them before `until`."""
    return tuple(
        Asked(
            row["delivery_id"],
            row["clinic_id"],
            row["contact"],
            row["channel"],
            Occasion(OccasionKind(row["kind"]), row["episode"], row["step"]),
            Priority(row["priority"]),
            row["attempts"],
            row["receipt"],
            row["sent_at"],
        )
        for row in await connection.fetch(QUERIES["claim_to_ask"], now, until)
    )


async def record_said(
    connection: Connection, delivery_id: UUID, said: ReceiptSaid | None, at: datetime, ask_at: datetime | None
) -> None:
    """Write down what a service said, None: nothing, and when it is asked next, None: not any more."""
    await connection.execute(QUERIES["record_said"], delivery_id, said, at, ask_at)


async def record_not_arrived(connection: Connection, delivery_id: UUID, words: str, at: datetime) -> None:
    """A page that was taken has failed."""
    await connection.execute(QUERIES["record_not_arrived"], delivery_id, words, at)
