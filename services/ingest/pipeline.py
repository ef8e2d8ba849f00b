"""Wire -> decode -> batch -> store -> acknowledge -> receipt.

Guarantees:
- A message is acknowledged, and its receipt sent, only after the transaction that holds its events has committed.
- Acknowledgements go out in the order of arrival (MQTT 5, 4.6), also when two batches are written at once.
- While the database is away nothing is acknowledged, the same batch is tried again, and memory is bounded by the
  broker's window (Receive Maximum), the bytes that are read and not acknowledged, and the waiting HTTP requests.
- A stop finishes what was taken in: commit, acknowledge, disconnect, and the broker keeps the session. By HTTP nothing
  is taken in from then on, and who waits for a commit that does not come in time is told to send again.
- Anything that is neither a bad message nor an absent database is a bug and ends the process.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import chain
from typing import Final

import structlog

from schemas.events import EventKind, Receipt
from schemas.topics import EVENTS_FILTER, event_topic
from services.ingest.batch import FlushLimits, FlushReason, flush_reason
from services.ingest.inbox import Batch, Inbox, Submission
from services.ingest.messages.decode import Decoded, Stored
from services.ingest.messages.receipts import receipts
from services.ingest.messages.sequence import SequenceTracker
from services.ingest.metrics import IngestMetrics
from services.ingest.receipt_sender import ReceiptSender
from services.ingest.reconnect import Ends
from services.ingest.settings import IngestSettings
from services.ingest.storage.registry import RegistryCache
from services.ingest.storage.writer import Writer
from services.runtime.database import Pool
from services.runtime.mqtt import (
    BrokerAddress,
    BrokerUnavailableError,
    Connection,
    ConnectionLostError,
    SessionTakenOverError,
    connect,
)

_STOPPING: Final = "ingest is stopping"

log = structlog.get_logger()


class NotStoredError(RuntimeError):
    """A message that came by HTTP is not stored, as far as is known; the caller should send it again later."""


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
        self._writer = Writer(settings, pool, registry, metrics)
        self._metrics = metrics
        self._limits = FlushLimits(settings.flush_messages, settings.flush_bytes, settings.flush_after_seconds)
        self._inbox = Inbox()
        self._receipts = ReceiptSender(metrics)
        self._something_came = asyncio.Event()
        self._free_writers = asyncio.Semaphore(settings.writers)
        self._writing: set[asyncio.Task[tuple[Decoded, Stored]]] = set()
        self._being_written: asyncio.Queue[tuple[Batch, asyncio.Task[tuple[Decoded, Stored]]]] = asyncio.Queue()
        self._unacknowledged: dict[int, Batch] = {}
        self._batch_done = asyncio.Event()
        self._submitted = 0
        self._connection: Connection | None = None
        self._stop_by: float | None = None
        self._sequence = SequenceTracker() if settings.count_sequence_gaps else None
        self._broker_fault: str | None = "not yet connected"

    @property
    def faults(self) -> dict[str, str]:
        """What keeps this process from taking events: part -> why. Empty when all is well."""
        found = {"broker": self._broker_fault, "database": self._writer.fault}
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
            NotStoredError: Too many wait already, or ingest is stopping.
        """
        if self._stop_by is not None:
            raise NotStoredError(_STOPPING)
        if self._submitted >= self._settings.http_waiting_maximum:
            msg = f"{self._submitted} requests wait for the database already"
            raise NotStoredError(msg)
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
            self._turn_away()
            if self._writing:  # the time to stop is up; the broker keeps the messages
                log.warning("stopping_unstored", waiting=len(self._inbox) + len(self._unacknowledged))
                self._pool.terminate()  # a cancelled statement would wait for the server's answer
            for task in (*tasks, *self._writing):
                task.cancel()

    def _turn_away(self) -> None:
        """Tell those who still wait by HTTP; their events may be stored all the same, and are duplicates then."""
        batches = (batch.submissions for batch in self._unacknowledged.values())
        for submission in chain(self._inbox.submissions, *batches):
            if not submission.receipt.done():
                submission.receipt.set_exception(NotStoredError(_STOPPING))

    # --- the wire -----------------------------------------------------------------------------------------------

    async def _stay_connected(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        ends = Ends()
        try:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    await self._one_connection(stopped)
                except (BrokerUnavailableError, ConnectionLostError) as error:
                    ends = self._broker_lost(error, ends, lasted_seconds=time.monotonic() - began)
                finally:
                    self._connection = None
                    self._inbox.messages = []  # the broker sends them again; their packet ids are void
                await asyncio.wait({stopped}, timeout=ends.wait_seconds)
        finally:
            stopped.cancel()
        await self._drain()  # what came by HTTP after the connection was gone

    def _broker_lost(self, error: Exception, ends: Ends, *, lasted_seconds: float) -> Ends:
        """Say that the connection ended or could not be made; returns how it stands with the ends in a row."""
        self._broker_fault = str(error)
        if isinstance(error, BrokerUnavailableError):
            ends = Ends()
        else:
            ends = ends.then(
                lasted_seconds=lasted_seconds,
                taken_over=isinstance(error, SessionTakenOverError),
                receipts_on_the_way=self._receipts.connection_ended(),
            )
        if ends.are_suspicious:
            self._broker_fault += (
                f" ({ends.in_a_row} times: does another ingestor use client id {self._settings.client_id!r}, "
                "or does the broker not take a receipt?)"
            )
        say = log.error if ends.are_suspicious else log.warning
        say("broker_lost", error=self._broker_fault, again_in_seconds=ends.wait_seconds)
        return ends

    async def _one_connection(self, stopped: asyncio.Task[bool]) -> None:
        async with connect(
            self._address,
            client_id=self._settings.client_id,
            session_expiry_seconds=self._settings.session_expiry_seconds,
            receive_maximum=self._settings.receive_maximum,
            receive_bytes=self._settings.receive_bytes,
        ) as connection:
            self._connection = connection
            reader = asyncio.create_task(self._read(connection))
            try:
                await connection.subscribe(f"$share/{self._settings.share_group}/{EVENTS_FILTER}")
                self._broker_fault = None
                self._say_connected(connection)
                await asyncio.wait({reader, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                reader.cancel()
                await asyncio.wait({reader})
            if not reader.cancelled():
                reader.result()  # the connection is lost, or a bug
            log.info("stopping", waiting=len(self._inbox) + len(self._unacknowledged))
            await self._drain()

    def _say_connected(self, connection: Connection) -> None:
        session = "kept" if connection.session_present else "new"
        self._metrics.connections.labels(session).inc()
        log.info("broker_connected", broker=str(self._address), session=session)
        if not connection.session_present:
            # On the very first connection that is so; else the broker lost it, or was told to, or the time was up.
            log.warning("broker_session_new", lost="whatever waited there; devices that keep events send them again")

    async def _read(self, connection: Connection) -> None:
        """Read messages as they come. Queued ones of a kept session arrive before the subscription is confirmed."""
        inbox = self._inbox
        async for messages in connection.messages():
            if not inbox.messages:
                self._first_came()
            inbox.messages += messages
            inbox.payload_bytes += sum(len(message.payload) for message in messages)

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
            batch = self._inbox.take(self._connection, self._limits)
            self._metrics.messages.labels("mqtt").inc(len(batch.messages))
            self._metrics.messages.labels("http").inc(len(batch.submissions))
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

    async def _write(self, batch: Batch) -> tuple[Decoded, Stored]:
        try:
            return await self._writer.write(batch)
        finally:
            self._free_writers.release()

    # --- acknowledgements and receipts --------------------------------------------------------------------------

    async def _acknowledge_for_ever(self) -> None:
        while True:
            batch, task = await self._being_written.get()
            decoded, stored = await task
            answers = receipts(decoded, stored, batch.receipts_for)
            for number, submission in enumerate(batch.submissions, start=len(batch.messages)):
                if not submission.receipt.done():
                    submission.receipt.set_result(answers[number])
            # In this order: a broker that ends the connection over a receipt has its message's acknowledgement already.
            connection = await self._acknowledge(batch)
            await self._receipts.send(batch, answers, connection)
            del self._unacknowledged[id(batch)]
            self._batch_done.set()
            if self._sequence is not None:  # here, because here batches are in the order of arrival
                self._metrics.sequence_gaps.inc(self._sequence.observe(decoded.sequence()))

    async def _acknowledge(self, batch: Batch) -> Connection | None:
        """Acknowledge on the connection that the batch came by; None if that has ended: then it all comes again."""
        if batch.connection is None or batch.connection is not self._connection:
            return None
        try:
            await batch.connection.acknowledge(batch.messages)
        except ConnectionLostError:
            return None
        return batch.connection
