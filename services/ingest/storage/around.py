"""A batch around a lock: what meets it waits, and everything else is stored.

Guarantees: each row is stored, or its message is one of `Stored.waiting`; a message that waits has nothing but rows
stored, and nothing of it is a dead letter yet. What is live waits only where it cannot be told whether it is stored
already. The wait for locks is short, however many parts are locked. Nothing is committed here: the caller does, with
the messages that wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from asyncpg import LockNotAvailableError

from services.ingest.messages.decode import Decoded, Incoming, Stored
from services.ingest.messages.pieces import Rows, in_pieces
from services.ingest.messages.rows import MESSAGE_NUMBER
from services.ingest.storage import store
from services.runtime.database import REFUSED, Connection

LOCK_WAIT_SECONDS: Final = 0.3
"""How long a batch waits for a lock. Longer than another batch keeps a row, and short enough for an alarm."""

_LATE_WAIT_MILLISECONDS: Final = 20
_LOCKED_AT_MOST: Final = 8
"""With so many parts locked the rest of what is late waits untried."""


@dataclass(slots=True)
class Around:
    """What was stored around a lock."""

    stored: Stored
    new_of_message: Counter[int] = field(default_factory=Counter)
    """How many rows of each message are stored and were not before."""


async def write_around(
    connection: Connection, batch: Decoded, messages: list[Incoming], seen: Mapping[str, float]
) -> Around:
    """Write what can be written now. `batch` loses the rejections of the messages that wait.

    Args:
        connection: In a transaction.
        batch: What `decode` made of `messages`.
        messages: For the bytes of a row that the database refuses.
        seen: Devices whose last-seen is to be written, with the newest time that each reported.

    Raises:
        LockNotAvailableError: Something that may not wait met a lock.
    """
    around = Around(Stored([]))
    pieces = in_pieces(batch.rows, now_seconds=batch.received_at.timestamp(), looked_up=batch.pumps_of)
    if pieces.live:
        await _write_live(connection, _only(batch, pieces.live), messages, around)
    await store.limit_lock_waits(connection, _LATE_WAIT_MILLISECONDS)
    locked = 0
    for rows in pieces.late:
        if locked < _LOCKED_AT_MOST:
            try:
                await _write(connection, _only(batch, rows), messages, around)
            except LockNotAvailableError:
                locked += 1
            else:
                continue
        around.stored.waiting |= _messages(rows)
    await store.limit_lock_waits(connection, round(LOCK_WAIT_SECONDS * 1000))
    refused = around.stored.rejections
    batch.rejections = [each for each in batch.rejections if each.message not in around.stored.waiting]
    around.stored.rejections = []
    await _write(connection, replace(batch, rows={}), messages, around, seen)
    around.stored.rejections += refused  # behind those of the batch: that is how receipts tell them apart
    return around


async def _write_live(connection: Connection, piece: Decoded, messages: list[Incoming], around: Around) -> None:
    try:
        await _write(connection, piece, messages, around)
    except LockNotAvailableError as locked:  # perhaps only some of it is there already, and cannot be compared
        try:
            async with connection.transaction():
                new, known = await store.write_what_is_new(connection, piece)
        except REFUSED:
            raise locked from None
        around.new_of_message += new
        around.stored.inserted += new.total()
        if known:
            await store.limit_lock_waits(connection, _LATE_WAIT_MILLISECONDS)
            try:
                await _write(connection, replace(piece, rows=known), messages, around)
            except LockNotAvailableError:
                around.stored.waiting |= _messages(known)


async def _write(
    connection: Connection,
    piece: Decoded,
    messages: list[Incoming],
    around: Around,
    seen: Mapping[str, float] | None = None,
) -> None:
    async with connection.transaction():
        part = await store.write(connection, piece, messages, seen or {}, count_each=True)
    whole = around.stored
    whole.rejections += part.rejections
    whole.inserted += part.inserted
    whole.duplicates += part.duplicates
    whole.not_kept += part.not_kept
    whole.duplicates_by_message += part.duplicates_by_message
    around.new_of_message.update(row[MESSAGE_NUMBER] for rows in piece.rows.values() for row in rows)
    around.new_of_message.subtract(part.duplicates_by_message)
    around.new_of_message.subtract(refused.message for refused in part.rejections[len(piece.rejections) :])


def _only(batch: Decoded, rows: Rows) -> Decoded:
    return replace(batch, rows=rows, rejections=[], refused_alarms=[], refused_clocks={})


def _messages(rows: Rows) -> set[int]:
    return {row[MESSAGE_NUMBER] for each in rows.values() for row in each}
