"""One batch into the database, however long the database is away.

Guarantees: `write` returns after the commit, and only then; what the database cannot do now is tried again, with the
same batch; a database that takes a connection and says nothing is given up in time, and what it may still hold of an
earlier try is ended first. Late events that meet a lock wait in the database, and the rest of the batch does not wait
for them. Anything that is not an absent database is a bug, and raised.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import stamina
import structlog
from asyncpg import LockNotAvailableError

from services.ingest.inbox import Batch
from services.ingest.messages.decode import ClockLimits, Decoded, Incoming, Stored, decode, device_ids
from services.ingest.messages.pieces import has_late_rows
from services.ingest.messages.quota import Quota
from services.ingest.metrics import IngestMetrics
from services.ingest.settings import IngestSettings
from services.ingest.storage import store
from services.ingest.storage.around import write_around
from services.ingest.storage.last_seen import LastSeenLimiter
from services.ingest.storage.late import LateMessages, keep_late
from services.ingest.storage.registry import RegistryCache
from services.runtime.database import REFUSED, UNAVAILABLE, Connection, NoAnswerError, Pool, borrow, plainly

_RETRY_AT_MOST_SECONDS: Final = 1.0
_WRITE_AT_MOST_SECONDS: Final = 60.0
_LOCKED_FOR_SECONDS: Final = 2.0
"""After a batch that met a lock, late events go around it at once, and nobody waits to see that it is still there."""

log = structlog.get_logger()


def clock_limits(settings: IngestSettings) -> ClockLimits:
    """How far a device's clock may be off."""
    return ClockLimits(timedelta(hours=settings.clock_ahead_hours), timedelta(days=settings.clock_behind_days))


def quota(settings: IngestSettings) -> Quota:
    """How many dead letters a device may have on a day."""
    return Quota(settings.dead_letters_per_device_day, settings.dead_letter_bytes_per_device_day)


class Writer:
    """Decodes and stores batches; several at once, each on a connection of its own."""

    def __init__(
        self,
        settings: IngestSettings,
        pool: Pool,
        registry: RegistryCache,
        metrics: IngestMetrics,
        last_seen: LastSeenLimiter,
        late: LateMessages,
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._metrics = metrics
        self._within_seconds = settings.write_within_seconds
        self._clock = clock_limits(settings)
        self._quota = quota(settings)
        self._late = late
        self._locked_until = 0.0
        self._last_seen = last_seen
        self.fault: str | None = None
        """Why the database cannot be written to; None when it can."""

    def give_up(self) -> None:
        """End whatever is being written: its connections are closed, and not used again."""
        self._pool.terminate()

    async def write(self, batch: Batch, *, give_way: Callable[[], Awaitable[None]]) -> tuple[Decoded, Stored]:
        """Write a batch; returns what it was and what became of it, after the commit.

        Args:
            batch: What to decode and store.
            give_way: Awaited between its slices.
        """
        started = time.monotonic()
        within_seconds, unanswered = self._within_seconds, list[int]()
        async for attempt in stamina.retry_context(
            on=self._is_transient, attempts=None, timeout=None, wait_initial=0.05, wait_max=_RETRY_AT_MOST_SECONDS
        ):
            with attempt:
                try:
                    decoded, stored = await self._decode_and_store(batch, give_way, within_seconds, unanswered)
                except NoAnswerError as error:  # perhaps it is only slow
                    unanswered.append(error.server_pid)
                    within_seconds = min(2 * within_seconds, _WRITE_AT_MOST_SECONDS)
                    raise
        if self.fault is not None:
            log.info("database_back")
        self.fault = None
        committed = time.monotonic()
        self._metrics.committed(
            decoded, stored, seconds=committed - started, since_arrival_seconds=committed - batch.oldest_at
        )
        return decoded, stored

    async def _decode_and_store(
        self,
        batch: Batch,
        give_way: Callable[[], Awaitable[None]],
        within_seconds: float,
        unanswered: Sequence[int],
    ) -> tuple[Decoded, Stored]:
        monotonic_seconds = time.monotonic()
        messages = batch.all
        registry = await self._registry.look_up(self._pool, device_ids(messages), monotonic_seconds=monotonic_seconds)
        # First the connection: while there is none, a batch would be decoded anew with each try, and the traceback of
        # each exception would keep what was made until the garbage collector comes by.
        async with borrow(self._pool, within_seconds=within_seconds, end_first=unanswered) as connection:
            decoded, start = Decoded(received_at=datetime.now(UTC), messages=len(messages)), 0
            for end in (*batch.slice_ends, len(messages)):
                now = decoded.received_at
                decoded.add(decode(messages[start:end], registry, now=now, clock=self._clock, first=start))
                start = end
                if end < len(messages):
                    await give_way()
            decoded.quota = self._quota
            seen = self._last_seen.due(decoded.last_observed, monotonic_seconds=monotonic_seconds)
            stored = await self._store(connection, batch, decoded, messages, seen)
            if decoded.rows or decoded.refused_alarms:
                await store.wake_alerts(connection)
        self._last_seen.written(seen, monotonic_seconds=monotonic_seconds)
        self._metrics.heard(decoded.received_at, seen.values())
        return decoded, stored

    async def _store(
        self,
        connection: Connection,
        batch: Batch,
        decoded: Decoded,
        messages: list[Incoming],
        seen: Mapping[str, float],
    ) -> Stored:
        now_seconds = decoded.received_at.timestamp()
        if time.monotonic() >= self._locked_until or not has_late_rows(decoded.rows, now_seconds=now_seconds):
            try:
                return await store.write(connection, decoded, messages, seen, count_each=bool(batch.receipts_for))
            except LockNotAvailableError:
                pass
        async with connection.transaction():
            around = await write_around(connection, decoded, messages, seen)
            await keep_late(connection, batch, decoded.received_at, around)
        if around.stored.waiting:
            self._locked_until = time.monotonic() + _LOCKED_FOR_SECONDS
            self._metrics.late_messages.labels("waits").inc(len(around.stored.waiting))
            self._late.wake()
        return around.stored

    def _is_transient(self, error: Exception) -> bool:
        if isinstance(error, REFUSED) or not isinstance(error, UNAVAILABLE):
            return False
        self._metrics.retries.inc()
        if self.fault is None:
            log.warning("database_unavailable", error=plainly(error))
        self.fault = plainly(error)
        return True
