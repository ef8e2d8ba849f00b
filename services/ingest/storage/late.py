"""What waits in the database for a lock goes on from there.

Guarantees: the events of a message that waits are stored, and the message is gone, in one transaction, whichever
process does it; its receipt counts every event once. A message that is locked still lets the others go on. What the
database cannot do now is tried again, for as long as the process lives; the messages stay where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from asyncpg import UndefinedTableError

from schemas.events import Receipt
from services.ingest.inbox import Batch
from services.ingest.messages.decode import ClockLimits, Decoded, Stored, decode, device_ids
from services.ingest.messages.quota import Quota
from services.ingest.messages.receipts import receipts, with_stored_before
from services.ingest.metrics import IngestMetrics
from services.ingest.storage import store
from services.ingest.storage.around import Around, write_around
from services.ingest.storage.registry import RegistryCache
from services.runtime.database import REFUSED, UNAVAILABLE, Connection, Pool, borrow, plainly
from services.runtime.mqtt import Message

_AT_MOST: Final = 50
_AGAIN_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 5.0
_WITHIN_SECONDS: Final = 60.0
_NOT_NOW: Final[tuple[type[Exception], ...]] = (*UNAVAILABLE, UndefinedTableError)
"""Without its migration nothing waits, and /readyz says which is missing."""

Answer = Callable[[Batch, Mapping[int, Receipt]], Awaitable[None]]

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class LateMessage:
    """A message as it came, once more."""

    late_message_id: int
    received_at: datetime
    topic: str
    payload: bytes
    response_topic: str | None
    correlation_data: bytes | None
    events_stored: int
    packet_id: int | None = None
    retain: bool = False
    duplicate: bool = False
    subscription_ids: list[int] = field(default_factory=list)


async def keep_late(connection: Connection, batch: Batch, received_at: datetime, around: Around) -> None:
    """Keep the messages of a batch that wait; those that came by HTTP are to be sent again."""
    asked, new = set(batch.receipts_for), around.new_of_message
    late = [
        (m.topic, m.payload, m.response_topic if n in asked else None, m.correlation_data, new[n])
        for n, m in enumerate(batch.messages)
        if n in around.stored.waiting
    ]
    if late:
        await store.keep_late(connection, received_at, late)


class LateMessages:
    """Stores what waits, and answers who asked."""

    def __init__(
        self, pool: Pool, registry: RegistryCache, metrics: IngestMetrics, *, clock: ClockLimits, quota: Quota
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._metrics = metrics
        self._clock = clock
        self._quota = quota
        self._came = asyncio.Event()

    def wake(self) -> None:
        """Say that something waits."""
        self._came.set()

    async def run(self, answer: Answer) -> None:
        """Store until cancelled. Others that run look after what this one leaves behind, and this one after theirs."""
        was_waiting = is_told = False
        while True:
            self._came.clear()
            waiting = was_waiting
            try:
                while await self._store_some(answer):
                    pass
                waiting = await self._look()
                is_told = False
            except REFUSED:
                raise
            except _NOT_NOW as error:
                if not is_told:
                    log.warning("late_messages_cannot_be_looked_at", error=plainly(error))
                is_told = True
            if waiting != was_waiting:
                log.info("late_messages_wait_for_a_lock" if waiting else "late_messages_stored")
            was_waiting = waiting
            try:
                async with asyncio.timeout(_AGAIN_SECONDS if waiting else _LOOK_SECONDS):
                    await self._came.wait()
                    if waiting:
                        await asyncio.sleep(_AGAIN_SECONDS)
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        async with borrow(self._pool, within_seconds=_WITHIN_SECONDS) as connection:
            oldest = await store.oldest_late_seconds(connection)
        self._metrics.oldest_late_seconds.set(oldest or 0)
        return oldest is not None

    async def _store_some(self, answer: Answer) -> bool:
        """Take some in hand; False: there were none that were not tried just now."""
        async with borrow(self._pool, within_seconds=_WITHIN_SECONDS) as connection:
            async with connection.transaction():
                again = timedelta(seconds=_AGAIN_SECONDS)
                rows = await store.take_late(connection, not_tried_for=again, at_most=_AT_MOST)
                if not rows:
                    return False
                late = [LateMessage(**row) for row in rows]
                decoded = await self._decode(late)
                around = await write_around(connection, decoded, [*late], {})
                stored = around.stored
                done = [m.late_message_id for n, m in enumerate(late) if n not in stored.waiting]
                left = {m.late_message_id: around.new_of_message[n] for n, m in enumerate(late) if n in stored.waiting}
                if done:
                    await store.forget_late(connection, done)
                if left:
                    await store.leave_late(connection, left)
            if around.new_of_message.total():
                await store.wake_alerts(connection)
        self._count(late, stored)
        wanted = [n for n, m in enumerate(late) if m.response_topic is not None]
        answers = receipts(decoded, stored, wanted)
        answers = {n: with_stored_before(answers[n], late[n].events_stored) for n in answers}
        messages: list[Message] = [*late]
        await answer(Batch(None, [], messages, [], [], 0.0, wanted, []), answers)
        return True

    async def _decode(self, late: list[LateMessage]) -> Decoded:
        """Decode each by the moment at which it came; what is stored was known from now on (as in a replay)."""
        loop = asyncio.get_running_loop()
        registry = await self._registry.look_up(self._pool, device_ids(late), monotonic_seconds=loop.time())
        decoded = Decoded(received_at=datetime.now(UTC), messages=len(late), quota=self._quota)
        for number, message in enumerate(late):
            now = message.received_at
            decoded.add(decode([message], registry, now=now, clock=self._clock, first=number))
        return replace(decoded, refused_alarms=[], refused_clocks={})  # told when it came

    def _count(self, late: list[LateMessage], stored: Stored) -> None:
        before = sum(m.events_stored for n, m in enumerate(late) if n not in stored.waiting)
        counted: Any = self._metrics.events.labels
        counted("stored").inc(stored.inserted)
        counted("duplicate").inc(max(0, stored.duplicates - before))
        counted("rejected").inc(len(stored.rejections))
        for rejection in stored.rejections:
            self._metrics.rejections.labels(rejection.reason).inc()
        self._metrics.late_messages.labels("done").inc(len(late) - len(stored.waiting))
