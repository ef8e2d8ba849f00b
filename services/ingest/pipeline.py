"""Wire -> decode -> batch -> store -> acknowledge -> receipt.

Guarantees:
- A message is acknowledged, and its receipt sent, only after the transaction that holds its events has committed.
- Acknowledgements go out in the order of arrival (MQTT 5, 4.6), also when two batches are written at once.
- While the database is away nothing is acknowledged, the same batch is tried again, and memory is bounded by the
  broker's window (Receive Maximum) and the number of waiting HTTP requests.
- A stop finishes what was taken in: commit, acknowledge, disconnect, and the broker keeps the session.
- Anything that is neither a bad message nor an absent database is a bug and ends the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import stamina
import structlog
from mqtt5 import PublishPacket

from schemas.events import EventKind, Receipt
from schemas.topics import EVENTS_FILTER, event_topic, is_receipt_topic_of
from services.ingest import store
from services.ingest.batch import FlushLimits, FlushReason, flush_reason
from services.ingest.decode import ClockLimits, Decoded, Incoming, decode, device_ids
from services.ingest.last_seen import LastSeenLimiter
from services.ingest.metrics import IngestMetrics
from services.ingest.outcome import Stored
from services.ingest.receipts import receipts
from services.ingest.reconnect import AT_ONCE_SECONDS, is_suspicious, reconnect_seconds
from services.ingest.registry import RegistryCache
from services.ingest.sequence import SequenceTracker
from services.ingest.settings import IngestSettings
from services.runtime.database import UNAVAILABLE, NoAnswerError, Pool, borrow
from services.runtime.mqtt import (
    BrokerAddress,
    BrokerUnavailableError,
    Connection,
    ConnectionLostError,
    Message,
    SessionTakenOverError,
    connect,
)

_RETRY_AT_MOST_SECONDS: Final = 1.0
_WRITE_AT_MOST_SECONDS: Final = 60.0

log = structlog.get_logger()


class OverloadedError(RuntimeError):
    """Too many HTTP requests wait for the database already; the caller should try again later."""


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """A message that came by HTTP."""

    topic: str
    payload: bytes
    receipt: asyncio.Future[Receipt]


@dataclass(slots=True)
class _Inbox:
    """What has come in and is not yet in a batch."""

    messages: list[Message] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    payload_bytes: int = 0
    oldest_at: float = 0.0

    def __len__(self) -> int:
        return len(self.messages) + len(self.submissions)


@dataclass(frozen=True, slots=True)
class _Batch:
    connection: Connection | None
    messages: list[Message]
    submissions: list[Submission]
    oldest_at: float
    reason: FlushReason
    receipts_for: Sequence[int]
    """Numbers of the messages that want a receipt."""

    @property
    def all(self) -> list[Incoming]:
        """Every message; the place in here is the message's number."""
        return [*self.messages, *self.submissions]


class Pipeline:
    """The way of an event through one ingest process."""

    def __init__(
        self,
        settings: IngestSettings,
        address: BrokerAddress,
        pool: Pool,
        registry: RegistryCache,
        metrics: IngestMetrics,
    ) -> None:
        self._settings = settings
        self._address = address
        self._pool = pool
        self._registry = registry
        self._metrics = metrics
        self._limits = FlushLimits(settings.flush_messages, settings.flush_bytes, settings.flush_after_seconds)
        self._clock = ClockLimits(
            timedelta(hours=settings.clock_ahead_hours), timedelta(days=settings.clock_behind_days)
        )
        self._inbox = _Inbox()
        self._something_came = asyncio.Event()
        self._free_writers = asyncio.Semaphore(settings.writers)
        self._writing: set[asyncio.Task[tuple[Decoded, Stored]]] = set()
        self._being_written: asyncio.Queue[tuple[_Batch, asyncio.Task[tuple[Decoded, Stored]]]] = asyncio.Queue()
        self._unacknowledged: dict[int, _Batch] = {}
        self._batch_done = asyncio.Event()
        self._submitted = 0
        self._connection: Connection | None = None
        self._stop_by: float | None = None
        self._last_seen = LastSeenLimiter(settings.last_seen_seconds)
        self._sequence = SequenceTracker() if settings.count_sequence_gaps else None
        self._database_fault: str | None = None
        self._broker_fault: str | None = "not yet connected"

    @property
    def faults(self) -> dict[str, str]:
        """What keeps this process from taking events: part -> why. Empty when all is well."""
        found = {"broker": self._broker_fault, "database": self._database_fault}
        return {part: fault for part, fault in found.items() if fault is not None}

    def observe(self) -> None:
        """Bring the gauges up to date; called when metrics are read."""
        oldest = [batch.oldest_at for batch in self._unacknowledged.values()]
        waiting = sum(len(b.messages) + len(b.submissions) for b in self._unacknowledged.values())
        if len(self._inbox):
            oldest.append(self._inbox.oldest_at)
        self._metrics.unacknowledged.set(waiting + len(self._inbox))
        self._metrics.oldest_unacknowledged_seconds.set(time.monotonic() - min(oldest) if oldest else 0)
        self._metrics.broker_connected.set(self._broker_fault is None)

    async def submit(self, device_id: str, kind: EventKind | None, payload: bytes) -> Receipt:
        """Take a message that came by HTTP, and return its receipt after the commit.

        Raises:
            OverloadedError: Too many wait already.
        """
        if self._submitted >= self._settings.http_waiting_maximum:
            msg = f"{self._submitted} requests wait for the database already"
            raise OverloadedError(msg)
        submission = Submission(event_topic(device_id, kind), payload, asyncio.get_running_loop().create_future())
        self._submitted += 1
        try:
            self._first_came()
            self._inbox.submissions.append(submission)
            self._inbox.payload_bytes += len(payload)
            return await submission.receipt
        finally:
            self._submitted -= 1

    async def run(self, stop: asyncio.Event) -> None:
        """Take events until `stop` is set, then finish what was taken in."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._flush_for_ever(group)),
                group.create_task(self._acknowledge_for_ever()),
            ]
            await self._stay_connected(stop)
            if self._writing:  # the time to stop is up; the broker keeps the messages
                log.warning("stopping_unstored", waiting=len(self._inbox) + len(self._unacknowledged))
                self._pool.terminate()  # a cancelled statement would wait for the server's answer
            for task in (*tasks, *self._writing):
                task.cancel()

    # --- the wire -----------------------------------------------------------------------------------------------

    async def _stay_connected(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        ended_at_once = 0
        try:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    await self._one_connection(stopped)
                except (BrokerUnavailableError, ConnectionLostError) as error:
                    at_once = isinstance(error, ConnectionLostError) and time.monotonic() - began < AT_ONCE_SECONDS
                    ended_at_once = ended_at_once + 1 if at_once or isinstance(error, SessionTakenOverError) else 0
                    self._broker_lost(error, ended_at_once)
                finally:
                    self._connection = None
                    self._inbox.messages = []  # the broker sends them again; their packet ids are void
                await asyncio.wait({stopped}, timeout=reconnect_seconds(ended_at_once))
        finally:
            stopped.cancel()
        await self._drain()  # what came by HTTP after the connection was gone

    def _broker_lost(self, error: Exception, ended_at_once: int) -> None:
        self._broker_fault = str(error)
        if is_suspicious(ended_at_once):
            self._broker_fault += (
                f" ({ended_at_once} times: does another ingestor use client id {self._settings.client_id!r}?)"
            )
        say = log.error if is_suspicious(ended_at_once) else log.warning
        say("broker_lost", error=self._broker_fault, again_in_seconds=reconnect_seconds(ended_at_once))

    async def _one_connection(self, stopped: asyncio.Task[bool]) -> None:
        async with connect(
            self._address,
            client_id=self._settings.client_id,
            session_expiry_seconds=self._settings.session_expiry_seconds,
            receive_maximum=self._settings.receive_maximum,
        ) as connection:
            self._connection = connection
            reader = asyncio.create_task(self._read(connection))
            try:
                await connection.subscribe(f"$share/{self._settings.share_group}/{EVENTS_FILTER}")
                self._broker_fault = None
                log.info("broker_connected", broker=str(self._address))
                await asyncio.wait({reader, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                reader.cancel()
                await asyncio.wait({reader})
            if not reader.cancelled():
                reader.result()  # the connection is lost, or a bug
            log.info("stopping", waiting=len(self._inbox) + len(self._unacknowledged))
            await self._drain()

    async def _read(self, connection: Connection) -> None:
        """Read messages as they come. Queued ones of a kept session arrive before the subscription is confirmed."""
        inbox = self._inbox
        async for message in connection.messages():
            if not inbox.messages:
                self._first_came()
            inbox.messages.append(message)
            inbox.payload_bytes += len(message.payload)

    def _first_came(self) -> None:
        """Start the clock of a batch, if nothing else waits."""
        if not len(self._inbox):
            self._inbox.oldest_at = time.monotonic()
            self._inbox.payload_bytes = 0
            self._something_came.set()

    async def _drain(self) -> None:
        """Wait until everything taken in is acknowledged, or the time to stop, counted from the first call, is up."""
        if self._stop_by is None:
            self._stop_by = asyncio.get_running_loop().time() + self._settings.stop_within_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._stop_by):
                while len(self._inbox) or self._unacknowledged:
                    self._batch_done.clear()
                    await self._batch_done.wait()

    # --- batches ------------------------------------------------------------------------------------------------

    async def _flush_for_ever(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._free_writers.acquire()
            reason = await self._due()
            batch = self._take(reason)
            self._unacknowledged[id(batch)] = batch
            task = group.create_task(self._write(batch))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
            self._being_written.put_nowait((batch, task))
            self._metrics.flushes.labels(reason).inc()

    async def _due(self) -> FlushReason:
        seen = 0
        while True:
            waiting = len(self._inbox)
            reason = flush_reason(
                messages=waiting,
                payload_bytes=self._inbox.payload_bytes,
                oldest_seconds=time.monotonic() - self._inbox.oldest_at,
                wire_idle=waiting == seen,
                limits=self._limits,
            )
            if reason is not None:
                return reason
            seen = waiting
            if waiting == 0:
                self._something_came.clear()
                await self._something_came.wait()
            await asyncio.sleep(self._settings.flush_idle_seconds)

    def _take(self, reason: FlushReason) -> _Batch:
        """Take what waits, but no more than a batch may hold: a window of large messages is many batches."""
        inbox = self._inbox
        messages, inbox.messages = inbox.messages, []
        submissions, inbox.submissions = inbox.submissions, []
        share = min(1.0, self._limits.payload_bytes / max(1, inbox.payload_bytes))
        most = max(1, min(self._limits.messages, int(len(messages) * share)))
        if len(messages) > most:
            messages, inbox.messages = messages[:most], messages[most:]
            inbox.payload_bytes = int(inbox.payload_bytes * (1 - most / (most + len(inbox.messages))))
        self._metrics.messages.labels("mqtt").inc(len(messages))
        self._metrics.messages.labels("http").inc(len(submissions))
        return _Batch(
            self._connection, messages, submissions, inbox.oldest_at, reason, _wanting_receipts(messages, submissions)
        )

    async def _write(self, batch: _Batch) -> tuple[Decoded, Stored]:
        started = time.monotonic()
        within_seconds, unanswered = self._settings.write_within_seconds, list[int]()
        try:
            async for attempt in stamina.retry_context(
                on=self._is_transient, attempts=None, timeout=None, wait_initial=0.05, wait_max=_RETRY_AT_MOST_SECONDS
            ):
                with attempt:
                    try:
                        decoded, stored = await self._decode_and_store(batch, within_seconds, unanswered)
                    except NoAnswerError as error:  # perhaps it is only slow
                        unanswered.append(error.server_pid)
                        within_seconds = min(2 * within_seconds, _WRITE_AT_MOST_SECONDS)
                        raise
            if self._database_fault is not None:
                log.info("database_back")
            self._database_fault = None
        finally:
            self._free_writers.release()
        committed = time.monotonic()
        self._metrics.committed(
            decoded, stored, seconds=committed - started, since_arrival_seconds=committed - batch.oldest_at
        )
        return decoded, stored

    async def _decode_and_store(
        self, batch: _Batch, within_seconds: float, unanswered: Sequence[int]
    ) -> tuple[Decoded, Stored]:
        monotonic_seconds = time.monotonic()
        messages = batch.all
        registry = await self._registry.look_up(self._pool, device_ids(messages), monotonic_seconds=monotonic_seconds)
        # First the connection: while there is none, a batch would be decoded anew with each try, and the traceback of
        # each exception would keep what was made until the garbage collector comes by.
        async with borrow(self._pool, within_seconds=within_seconds, end_first=unanswered) as connection:
            decoded = decode(messages, registry, now=datetime.now(UTC), clock=self._clock)
            seen = self._last_seen.due(decoded.last_observed, monotonic_seconds=monotonic_seconds)
            stored = await store.write(connection, decoded, messages, seen, count_each=bool(batch.receipts_for))
        self._last_seen.written(seen, monotonic_seconds=monotonic_seconds)
        self._metrics.heard(decoded.received_at, seen.values())
        return decoded, stored

    def _is_transient(self, error: Exception) -> bool:
        if not isinstance(error, UNAVAILABLE):
            return False
        self._metrics.retries.inc()
        if self._database_fault is None:
            log.warning("database_unavailable", error=f"{type(error).__name__}: {error}")
        self._database_fault = f"{type(error).__name__}: {error}"
        return True

    # --- acknowledgements and receipts --------------------------------------------------------------------------

    async def _acknowledge_for_ever(self) -> None:
        while True:
            batch, task = await self._being_written.get()
            decoded, stored = await task
            wanted = batch.receipts_for
            answers = receipts(decoded, stored, wanted)
            for number, submission in enumerate(batch.submissions, start=len(batch.messages)):
                if not submission.receipt.done():
                    submission.receipt.set_result(answers[number])
            if batch.connection is not None and batch.connection is self._connection:
                packets = [
                    PublishPacket(
                        batch.messages[number].response_topic or "",
                        answers[number].model_dump_json().encode(),
                        correlation_data=batch.messages[number].correlation_data,
                    )
                    for number in wanted
                    if number < len(batch.messages)
                ]
                with suppress(ConnectionLostError):  # the broker sends the messages again, and they are duplicates
                    await batch.connection.acknowledge(batch.messages)
                    await batch.connection.publish(packets)
                    self._metrics.receipts.inc(len(packets))
            del self._unacknowledged[id(batch)]
            self._batch_done.set()
            if self._sequence is not None:  # here, because here batches are in the order of arrival
                self._metrics.sequence_gaps.inc(self._sequence.observe(decoded.sequence()))


def _wanting_receipts(messages: list[Message], submissions: list[Submission]) -> Sequence[int]:
    asked = [
        number
        for number, message in enumerate(messages)
        if message.response_topic is not None and _is_own_subtree(message.topic, message.response_topic)
    ]
    return [*asked, *range(len(messages), len(messages) + len(submissions))]


def _is_own_subtree(topic: str, response_topic: str) -> bool:
    """Tell whether a receipt may go there; a device must not make us publish into another's subtree."""
    levels = topic.split("/", 3)
    return len(levels) == 4 and is_receipt_topic_of(levels[2], response_topic)
