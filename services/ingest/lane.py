"""One session at the broker, from its wire to its receipts: connect, read, batch, write, acknowledge, answer.

Guarantees: those of services/ingest/pipeline.py, for each lane by itself. A lane has a session, an inbox, a batch and
database connections of its own, so that none waits for another's backlog.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final

import structlog

from schemas.events import Receipt
from schemas.topics import is_urgent_topic
from services.ingest.batch import FlushLimits, FlushReason, flush_reason
from services.ingest.inbox import Batch, Inbox, NotStoredError, Submission
from services.ingest.messages.decode import Decoded, Stored
from services.ingest.messages.receipts import receipts
from services.ingest.metrics import IngestMetrics
from services.ingest.receipt_sender import ReceiptSender
from services.ingest.reconnect import Ends
from services.ingest.settings import IngestSettings
from services.ingest.storage.writer import Writer
from services.runtime.mqtt import (
    BrokerAddress,
    BrokerUnavailableError,
    Connection,
    ConnectionLostError,
    Message,
    SessionTakenOverError,
    connect,
)

_CONFIRM_SECONDS: Final = 5.0
_CONFIRM_AGAIN_SECONDS: Final = 1.0
_GIVE_WAY_SECONDS: Final = 0.02
_NOT_THE_ALARMS: Final = 1
"""Subscription Identifier of a lane whose alarms come by another one, too."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """What a lane takes, and how it batches it."""

    name: str
    client_id: str
    """As the broker is told; its end is secret."""
    filters: tuple[str, ...]
    limits: FlushLimits
    receive_bytes: int
    """With so many bytes unacknowledged nothing more is read."""
    writers: int
    """Batches that are written at once."""


class Lane:
    """One way through ingest."""

    def __init__(
        self,
        settings: IngestSettings,
        address: BrokerAddress,
        session: Session,
        writer: Writer,
        metrics: IngestMetrics,
        *,
        stored: Callable[[Decoded], None],
        alarms: Lane | None = None,
    ) -> None:
        """Make a lane that does nothing before `run`.

        Args:
            settings: Of the process.
            address: Of the broker.
            session: What is this lane's own.
            writer: Stores its batches, on connections that no other lane uses.
            metrics: Of the process.
            stored: Told of each batch after its commit, in the order of arrival.
            alarms: The lane by which single alarms come, too: here they are acknowledged and left to it.
        """
        self._settings = settings
        self._address = address
        self._session = session
        self._writer = writer
        self._metrics = metrics
        self._stored = stored
        self._alarms = alarms
        self._inbox = Inbox()
        self._receipts = ReceiptSender(metrics)
        self._something_came = asyncio.Event()
        self._free_writers = asyncio.Semaphore(session.writers)
        self._writing: set[asyncio.Task[tuple[Decoded, Stored]]] = set()
        self._being_written: asyncio.Queue[tuple[Batch, asyncio.Task[tuple[Decoded, Stored]]]] = asyncio.Queue()
        self._unacknowledged: dict[int, Batch] = {}
        self._batch_done = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._connection: Connection | None = None
        self._subscribed = asyncio.Event()
        self._stop_by: float | None = None
        self._broker_fault: str | None = "not yet connected"

    @property
    def broker_fault(self) -> str | None:
        """Why nothing comes from the broker; None when it does."""
        return self._broker_fault

    @property
    def database_fault(self) -> str | None:
        """Why nothing can be stored; None when it can."""
        return self._writer.fault

    @property
    def is_subscribed(self) -> bool:
        """Whether what it is subscribed to comes, as far as is known."""
        return self._subscribed.is_set()

    @property
    def is_idle(self) -> bool:
        """Whether everything that came is stored and acknowledged."""
        return self._idle.is_set()

    async def idle(self) -> None:
        """Wait until it is."""
        await self._idle.wait()

    @property
    def is_stopping(self) -> bool:
        """Whether nothing more is taken in."""
        return self._stop_by is not None

    @property
    def waiting(self) -> int:
        """How many messages came and are not acknowledged."""
        batches = self._unacknowledged.values()
        return sum(len(b.messages) + len(b.submissions) for b in batches) + len(self._inbox)

    @property
    def oldest_at(self) -> float | None:
        """When the oldest of them came, by the monotonic clock; None: there is none."""
        came = [batch.oldest_at for batch in self._unacknowledged.values()]
        if len(self._inbox):
            came.append(self._inbox.oldest_at)
        return min(came, default=None)

    def submit(self, submission: Submission) -> None:
        """Take a message that came by HTTP."""
        self._first_came()
        self._inbox.submissions.append(submission)
        self._inbox.payload_bytes += len(submission.payload)

    def _turn_away(self) -> None:
        """Tell those who still wait by HTTP; their events may be stored all the same, and are duplicates then."""
        batches = (batch.submissions for batch in self._unacknowledged.values())
        for submission in chain(self._inbox.submissions, *batches):
            if not submission.receipt.done():
                submission.receipt.set_exception(NotStoredError("ingest is stopping"))

    async def confirm(self) -> bool:
        """Ask the broker whether this lane is subscribed; False: it is not, or nobody said so in time."""
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await self._subscribed.wait()
                if self._connection is None:
                    return False
                await self._subscribe(self._connection)
        except (TimeoutError, BrokerUnavailableError, ConnectionLostError):
            return False
        return True

    async def answer(self, batch: Batch, answers: Mapping[int, Receipt]) -> None:
        """Send receipts of messages that are acknowledged long since."""
        await self._receipts.send(batch, answers, self._connection)

    async def run(self, stop: asyncio.Event) -> None:
        """Take events until `stop` is set, then finish what was taken in, as far as the time to stop allows."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._flush_for_ever(group)),
                group.create_task(self._acknowledge_for_ever()),
            ]
            await self._stay_connected(stop)
            self._turn_away()
            if self._writing:  # the time to stop is up; the broker keeps the messages
                log.warning("stopping_unstored", lane=self._session.name, waiting=self.waiting)
                self._writer.give_up()  # a cancelled statement would wait for the server's answer
            for task in (*tasks, *self._writing):
                task.cancel()

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
                    self._subscribed.clear()
                    self._inbox.forget()
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
        say("broker_lost", lane=self._session.name, error=self._broker_fault, again_in_seconds=ends.wait_seconds)
        return ends

    async def _one_connection(self, stopped: asyncio.Task[bool]) -> None:
        async with connect(
            self._address,
            client_id=self._session.client_id,
            session_expiry_seconds=self._settings.session_expiry_seconds,
            receive_maximum=self._settings.receive_maximum,
            receive_bytes=self._session.receive_bytes,
        ) as connection:
            self._connection = connection
            tasks = {reader := asyncio.create_task(self._read(connection))}
            try:
                leave_alarms = self._alarms is not None and await self._alarms.confirm()
                await self._subscribe(connection, leave_alarms=leave_alarms)
                if self._alarms is not None and not leave_alarms:
                    tasks.add(asyncio.create_task(self._leave_alarms_later(connection)))
                self._broker_fault = None
                self._subscribed.set()
                self._say_connected(connection)
                await asyncio.wait({reader, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            if not reader.cancelled():
                reader.result()  # the connection is lost, or a bug
            log.info("stopping", lane=self._session.name, waiting=self.waiting)
            await self._drain()

    async def _subscribe(self, connection: Connection, *, leave_alarms: bool = False) -> None:
        """Subscribe to all of this lane's; with `leave_alarms` what comes from now on says so."""
        number = _NOT_THE_ALARMS if leave_alarms else None
        for topic_filter in self._session.filters:
            await connection.subscribe(f"$share/{self._settings.share_group}/{topic_filter}", subscription_id=number)

    async def _leave_alarms_later(self, connection: Connection) -> None:
        """Ask until the alarms' lane is there. Till then they come by both, and one of the two is a duplicate."""
        with suppress(BrokerUnavailableError, ConnectionLostError):
            while True:
                if self._alarms is not None and await self._alarms.confirm():
                    return await self._subscribe(connection, leave_alarms=True)
                await asyncio.sleep(_CONFIRM_AGAIN_SECONDS)

    def _say_connected(self, connection: Connection) -> None:
        session = "kept" if connection.session_present else "new"
        self._metrics.connections.labels(session).inc()
        log.info("broker_connected", lane=self._session.name, broker=str(self._address), session=session)
        if not connection.session_present:
            # On the very first connection that is so; else the broker lost it, or was told to, or the time was up.
            lost = "whatever waited there; devices that keep events send them again"
            log.warning("broker_session_new", lane=self._session.name, lost=lost)

    async def _read(self, connection: Connection) -> None:
        """Read messages as they come. Queued ones of a kept session arrive before the subscription is confirmed."""
        async for messages in connection.messages():
            self._first_came()
            self._inbox.put(messages)

    def _first_came(self) -> None:
        """Start the clock of a batch, if nothing else waits."""
        if not len(self._inbox):
            self._inbox.oldest_at = time.monotonic()
            self._idle.clear()
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
            leaves = self._alarms is not None and self._alarms.is_subscribed
            batch = self._inbox.take(self._connection, self._session.limits, is_left=_is_left if leaves else None)
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
                limits=self._session.limits,
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
            return await self._writer.write(batch, give_way=self._give_way)
        finally:
            self._free_writers.release()

    async def _give_way(self) -> None:
        """Between two pieces of work that nothing interrupts: others run, and an alarm goes first."""
        await asyncio.sleep(0)
        if self._alarms is not None and not self._alarms.is_idle:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_WAY_SECONDS):
                    await self._alarms.idle()

    # --- acknowledgements and receipts --------------------------------------------------------------------------

    async def _acknowledge_for_ever(self) -> None:
        while True:
            batch, task = await self._being_written.get()
            decoded, stored = await task
            answers = receipts(decoded, stored, batch.receipts_for)
            for number, submission in enumerate(batch.submissions, start=len(batch.messages)):
                if submission.receipt.done():
                    continue
                if number in stored.waiting:
                    submission.receipt.set_exception(NotStoredError("where its events belong the database is locked"))
                else:
                    submission.receipt.set_result(answers[number])
            # In this order: a broker that ends the connection over a receipt has its message's acknowledgement already.
            connection = await self._acknowledge(batch)
            await self._receipts.send(batch, answers, connection)
            del self._unacknowledged[id(batch)]
            self._batch_done.set()
            if not self.waiting:
                self._idle.set()
            self._stored(decoded)

    async def _acknowledge(self, batch: Batch) -> Connection | None:
        """Acknowledge on the connection that the batch came by; None if that has ended: then it all comes again."""
        if batch.connection is None or batch.connection is not self._connection:
            return None
        try:
            await batch.connection.acknowledge(self._inbox.acknowledgeable(batch))
        except ConnectionLostError:
            return None
        return batch.connection


def _is_left(message: Message) -> bool:
    """Whether this one came to the alarms' lane, too."""
    return is_urgent_topic(message.topic) and _NOT_THE_ALARMS in message.subscription_ids
