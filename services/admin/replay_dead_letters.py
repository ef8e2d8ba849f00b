"""Puts dead letters through ingest's own decode and store once more, after the cause of the rejection is mended.

Guarantees:
- An event stands in its table once, however often it is replayed and also when the device sends it again itself.
- All or nothing: a dead letter is marked in the transaction that stores its events and queues its pumps for evaluation.
- What is rejected again stays a dead letter, with the new reason.

Two times matter, and they differ. The device's clock is judged by `first_received_at`, when the message came: an event
that was a minute old then is not too old now because nobody looked for a year, and one from the far future does not
become right by waiting. `received_at` of the row is the time of the replay, because only from then on could anybody
know of the event: alerts and backtests ask what was known when.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.events import RejectionReason
from services.admin import store
from services.admin.model import DeadLetterError, ReplayOutcome
from services.ingest.messages.decode import WHOLE_MESSAGE, ClockLimits, Rejection, Stored, decode, device_ids
from services.ingest.storage.store import fetch_enrolments, wake_alerts, write
from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one dead letter."""

    dead_letter_id: int
    outcome: ReplayOutcome
    stored: int
    duplicates: int
    faults: tuple[tuple[RejectionReason, str], ...]
    """Reason and detail of each event that was rejected again."""


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes


async def replayable(
    connection: Connection, *, ids: Collection[int] = (), device_id: str | None = None, reason: str | None = None
) -> list[int]:
    """The dead letters to replay, in the order in which they came.

    Args:
        connection: To the database.
        ids: Exactly these, also if they were replayed before. Else all whose events are not in the tables, and:
        device_id: Only of this device.
        reason: Only with this reason.

    Raises:
        DeadLetterError: One of `ids` is not there.
    """
    if ids:
        found = await store.dead_letter_ids(connection, ids)
        if missing := set(ids) - set(found):
            msg = f"there is no dead letter {', '.join(map(str, sorted(missing)))}"
            raise DeadLetterError(msg)
        return found
    return await store.unsettled_dead_letter_ids(connection, device_id, reason)


async def replay(
    connection: Connection, dead_letter_id: int, *, clock: ClockLimits, now: datetime, dry_run: bool = False
) -> Replayed:
    """Replay one dead letter, in a transaction of its own; a dry run does the same and rolls it back.

    Args:
        connection: Outside a transaction.
        dead_letter_id: One of `replayable`.
        clock: How far a device's clock may have been off when the message came.
        now: Becomes `received_at` of what is stored.
        dry_run: Change nothing.

    Raises:
        DeadLetterError: It is not there (any more).
    """
    transaction = connection.transaction()
    await transaction.start()
    try:
        replayed = await _replay(connection, dead_letter_id, clock, now)
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if dry_run else transaction.commit())
    if not dry_run:
        await wake_alerts(connection)
    return replayed


async def _replay(connection: Connection, dead_letter_id: int, clock: ClockLimits, now: datetime) -> Replayed:
    # The row is not locked: ingest, too, writes events before dead letters, so the two cannot deadlock.
    letter = await store.dead_letter(connection, dead_letter_id)
    is_whole = letter.event_index is None
    # An event of an array is replayed as an array of one: a list within a list must not become a list of events.
    message = _Message(letter.topic, letter.payload if is_whole else b"[%b]" % letter.payload)
    registry = await fetch_enrolments(connection, list(device_ids([message])))
    decoded = decode([message], registry, now=letter.first_received_at, clock=clock)
    batch = replace(decoded, received_at=now, quota=None)
    stored = await write(connection, batch, [message], {}, count_each=True)

    parts = [fault for fault in stored.rejections if is_whole and fault.event_index != WHOLE_MESSAGE]
    if parts:
        await store.keep_parts(connection, dead_letter_id, parts)
    own = [fault for fault in stored.rejections if fault not in parts]
    outcome = _outcome(stored, own)
    first = (own or parts)[0] if outcome is ReplayOutcome.REJECTED else None
    await store.mark_replayed(connection, dead_letter_id, now, outcome, first)
    faults = tuple((fault.reason, fault.detail) for fault in stored.rejections)
    return Replayed(dead_letter_id, outcome, stored.inserted, stored.duplicates, faults)


def _outcome(stored: Stored, own: list[Rejection]) -> ReplayOutcome:
    """A dead letter is settled when each of its events is in the tables or is a dead letter of its own."""
    if own:
        return ReplayOutcome.REJECTED
    if stored.inserted:
        return ReplayOutcome.STORED
    return ReplayOutcome.DUPLICATE if stored.duplicates else ReplayOutcome.REJECTED
