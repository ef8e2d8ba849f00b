"""All SQL of the operator's commands: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.admin.model import (
    DeadLetter,
    DeadLetterError,
    DeadLetterFilter,
    DeadLetterSummary,
    DeviceClock,
    NotKept,
    ReplayOutcome,
    SequenceGap,
)
from services.ingest.messages.decode import Rejection
from services.runtime.database import Connection, load_queries

QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))


# --- dead letters


async def recent_dead_letters(
    connection: Connection, which: DeadLetterFilter, *, limit: int = 20
) -> tuple[DeadLetterSummary, ...]:
    """The newest first."""
    rows = await connection.fetch(
        QUERIES["recent_dead_letters"], which.device_id, which.reason, which.since, which.settled, limit
    )
    return tuple(DeadLetterSummary(**_fields(row)) for row in rows)


async def dead_letters_not_kept(
    connection: Connection, which: DeadLetterFilter, *, limit: int = 20
) -> tuple[NotKept, ...]:
    """Days and devices of which not all was kept, the newest first; of the filter, device and since count."""
    rows = await connection.fetch(QUERIES["dead_letters_not_kept"], which.device_id, which.since, limit)
    return tuple(NotKept(**row) for row in rows)


async def dead_letter(connection: Connection, dead_letter_id: int) -> DeadLetter:
    """One dead letter with its bytes.

    Raises:
        DeadLetterError: There is none.
    """
    row = await connection.fetchrow(QUERIES["dead_letter"], dead_letter_id)
    if row is None:
        msg = f"there is no dead letter {dead_letter_id}"
        raise DeadLetterError(msg)
    return DeadLetter(**_fields(row))


async def dead_letter_ids(connection: Connection, ids: Collection[int]) -> list[int]:
    """Those of `ids` that exist, in the order in which they came."""
    return [row["dead_letter_id"] for row in await connection.fetch(QUERIES["ids_in_order"], list(ids))]


async def unsettled_dead_letter_ids(connection: Connection, device_id: str | None, reason: str | None) -> list[int]:
    """Those whose events are not in the tables, in the order in which they came; None means any."""
    return [row["dead_letter_id"] for row in await connection.fetch(QUERIES["unsettled_ids"], device_id, reason)]


async def mark_replayed(
    connection: Connection, dead_letter_id: int, at: datetime, outcome: ReplayOutcome, fault: Rejection | None
) -> None:
    """Write down what became of a replay, and the new reason if there is one. What is settled stays settled."""
    await connection.execute(
        QUERIES["mark_replayed"],
        dead_letter_id,
        at,
        outcome,
        fault.reason if fault else None,
        _storable(fault.detail) if fault else None,
    )


async def keep_parts(connection: Connection, dead_letter_id: int, parts: Sequence[Rejection]) -> None:
    """Make a dead letter of each rejected event of a message that was rejected as a whole."""
    await connection.execute(
        QUERIES["keep_parts"],
        dead_letter_id,
        [part.event_index for part in parts],
        [part.event_id for part in parts],
        [part.payload for part in parts],
        [part.reason for part in parts],
        [_storable(part.detail) for part in parts],
    )


async def count_purgeable(connection: Connection, *, before: datetime, unsettled_too: bool) -> int:
    """How many `purge_dead_letters` would remove."""
    count: int = await connection.fetchval(QUERIES["count_purgeable"], before, unsettled_too)
    return count


async def purge_dead_letters(connection: Connection, *, before: datetime, unsettled_too: bool) -> int:
    """Remove dead letters last received before a time, and say how many.

    Only those whose events are in the tables by now, unless `unsettled_too`: then their events are gone. The days'
    counts of before that time go with them.
    """
    await connection.execute(QUERIES["purge_dead_letter_days"], before)
    status = await connection.execute(QUERIES["purge_dead_letters"], before, unsettled_too)
    return int(status.rpartition(" ")[2])


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    outcome = row["replay_outcome"]
    return {**row, "replay_outcome": ReplayOutcome(outcome) if outcome else None}


def _storable(text: str) -> str:
    """PostgreSQL's text has no NUL."""
    return text.replace("\0", "\ufffd")


# --- fleet


async def sequence_gaps(
    connection: Connection, *, since: datetime, device_id: str | None = None, limit: int = 1_000
) -> tuple[SequenceGap, ...]:
    """The gaps between events observed at or after `since`, by device and number."""
    rows = await connection.fetch(QUERIES["sequence_gaps"], since, device_id, limit)
    return tuple(SequenceGap(**row) for row in rows)


async def clocks_off(connection: Connection, *, by_more_than: timedelta, limit: int = 1_000) -> tuple[DeviceClock, ...]:
    """The devices whose clocks were off by more than this, the worst first."""
    rows = await connection.fetch(QUERIES["clocks_off"], by_more_than.total_seconds(), limit)
    return tuple(DeviceClock(**row) for row in rows)


# --- clinics


async def clinic_ids(connection: Connection) -> list[str]:
    """Every clinic."""
    return [row["clinic_id"] for row in await connection.fetch(QUERIES["clinic_ids"])]


# --- retention; the names of tables are the program's own and never what somebody typed


async def set_lock_timeout(connection: Connection, limit: str) -> None:
    """Wait for locks at most so long in this session, such as "10s"."""
    await connection.execute(QUERIES["set_lock_timeout"], limit)


async def reset_lock_timeout(connection: Connection) -> None:
    """Wait as long as the server's settings say."""
    await connection.execute(QUERIES["reset_lock_timeout"])


async def is_hypertable(connection: Connection, table: str) -> bool:
    """Whether TimescaleDB keeps this table in chunks."""
    # Two statements: without the extension the view that the second one reads does not exist.
    return bool(
        await connection.fetchval(QUERIES["has_timescaledb"])
        and await connection.fetchval(QUERIES["is_hypertable"], table)
    )


async def end_of_droppable(connection: Connection, table: str, before: datetime) -> datetime | None:
    """The end of the newest chunk that lies wholly before a time; None: there is no such chunk."""
    end: datetime | None = await connection.fetchval(QUERIES["end_of_droppable"], table, before)
    return end


async def droppable_ends(connection: Connection, table: str, until: datetime) -> list[datetime]:
    """The ends of the chunks that lie wholly before a time, oldest first."""
    return [row["range_end"] for row in await connection.fetch(QUERIES["droppable_ends"], table, until)]


async def count_before(connection: Connection, table: str, until: datetime) -> int:
    """How many events were observed before a time."""
    count: int = await connection.fetchval(QUERIES["count_before"].format(table=table), until)
    return count


async def drop_chunks(connection: Connection, table: str, until: datetime) -> None:
    """Drop the chunks that lie wholly before a time."""
    await connection.execute(QUERIES["drop_chunks"], table, until)


async def pump_ids(connection: Connection) -> list[str]:
    """Every pump, also those that are retired."""
    return [row["device_id"] for row in await connection.fetch(QUERIES["pump_ids"])]


async def delete_before(connection: Connection, table: str, of_pumps: Sequence[str], until: datetime) -> None:
    """Delete the events of some pumps that were observed before a time."""
    await connection.execute(QUERIES["delete_before"].format(table=table), of_pumps, until)
