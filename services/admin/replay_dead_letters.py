"""Puts refused messages through ingest's own decode and store once more, after their cause is mended.

Guarantees:
- An event stands in its table once, however often it is replayed and also when the device sends it again itself.
- All or nothing: a rejection is marked in the transaction that stores its events and queues its pumps for evaluation.
- What is refused again keeps its row, which then says the new reason.

Two times matter, and they differ. The device's clock is judged by `first_received_at`, when the message came: an event
that was a minute old then is not too old now because nobody looked for a year, and one from the far future does not
become right by waiting. `received_at` of the row is the time of the replay, because only from then on could anybody
know of the event: alerts and backtests ask what was known when.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from schemas.events import RejectionReason
from services.admin.rejections import QUERIES, RejectionError
from services.ingest.messages.decode import WHOLE_MESSAGE, ClockLimits, Rejection, Stored, decode, device_ids
from services.ingest.storage.store import fetch_enrolments, write
from services.runtime.database import Connection


class ReplayOutcome(StrEnum):
    """What became of a replay; a column of `rejected_messages`."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """What it carries stood in the tables already."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replayed rejection."""

    rejection_id: int
    outcome: ReplayOutcome
    stored: int
    duplicates: int
    faults: tuple[tuple[RejectionReason, str], ...]
    """Reason and detail of each event that was refused again."""


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes


async def replayable(
    connection: Connection, *, ids: Collection[int] = (), device_id: str | None = None, reason: str | None = None
) -> list[int]:
    """The rejections to replay, in the order in which they came.

    Args:
        connection: To the database.
        ids: Exactly these, also if they were replayed before. Else all that still stand nowhere and match:
        device_id: Only of this device.
        reason: Only with this reason.

    Raises:
        RejectionError: One of `ids` is not there.
    """
    if ids:
        rows = await connection.fetch(QUERIES["rejections_by_id"], list(ids))
        if missing := set(ids) - {row["rejection_id"] for row in rows}:
            msg = f"there is no rejection {', '.join(map(str, sorted(missing)))}"
            raise RejectionError(msg)
    else:
        rows = await connection.fetch(QUERIES["unsettled_rejections"], device_id, reason)
    return [row["rejection_id"] for row in rows]


async def replay(
    connection: Connection, rejection_id: int, *, clock: ClockLimits, now: datetime, dry_run: bool = False
) -> Replayed:
    """Replay one rejection, in a transaction of its own; a dry run does the same and takes it all back.

    Args:
        connection: Outside a transaction.
        rejection_id: One of `replayable`.
        clock: How far a device's clock may have been off when the message came.
        now: Becomes `received_at` of what is stored.
        dry_run: Change nothing.

    Raises:
        RejectionError: It is not there (any more).
    """
    transaction = connection.transaction()
    await transaction.start()
    try:
        replayed = await _replay(connection, rejection_id, clock, now)
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if dry_run else transaction.commit())
    return replayed


async def _replay(connection: Connection, rejection_id: int, clock: ClockLimits, now: datetime) -> Replayed:
    # Not locked here: ingest, too, writes events before rejections, and so neither can wait for the other in a circle.
    row = await connection.fetchrow(QUERIES["rejection"], rejection_id)
    if row is None:
        msg = f"there is no rejection {rejection_id}"
        raise RejectionError(msg)
    is_whole = row["event_index"] == WHOLE_MESSAGE
    # An event of an array is an array of one: a list within a list must not become a list of events.
    message = _Message(row["topic"], row["payload"] if is_whole else b"[%b]" % row["payload"])
    registry = await fetch_enrolments(connection, device_ids([message]))
    decoded = decode([message], registry, now=row["first_received_at"], clock=clock)
    batch = replace(decoded, received_at=now, keep_rejections=False)
    stored = await write(connection, batch, [message], {}, count_each=True)

    parts = [fault for fault in stored.rejections if is_whole and fault.event_index != WHOLE_MESSAGE]
    if parts:
        await _keep_parts(connection, rejection_id, parts)
    own = [fault for fault in stored.rejections if fault not in parts]
    outcome = _outcome(stored, own)
    first = (own or parts)[0] if outcome is ReplayOutcome.REJECTED else None
    await connection.execute(
        QUERIES["mark_replayed"],
        rejection_id,
        now,
        outcome,
        first.reason if first else None,
        first.detail.replace("\0", "\ufffd") if first else None,
    )
    faults = tuple((fault.reason, fault.detail) for fault in stored.rejections)
    return Replayed(rejection_id, outcome, stored.inserted, stored.duplicates, faults)


def _outcome(stored: Stored, own: list[Rejection]) -> ReplayOutcome:
    """A message is settled when its events stand in the tables, and those that do not have rows of their own."""
    if own:
        return ReplayOutcome.REJECTED
    if stored.inserted:
        return ReplayOutcome.STORED
    return ReplayOutcome.DUPLICATE if stored.duplicates else ReplayOutcome.REJECTED


async def _keep_parts(connection: Connection, rejection_id: int, parts: list[Rejection]) -> None:
    """Give each refused event of a message that was refused as a whole its own row, as ingest would have."""
    await connection.execute(
        QUERIES["keep_parts"],
        rejection_id,
        [part.event_index for part in parts],
        [part.event_id for part in parts],
        [part.payload for part in parts],
        [part.reason for part in parts],
        [part.detail.replace("\0", "\ufffd") for part in parts],
    )
