"""Wire -> decode -> batch -> store -> acknowledge -> receipt.

Guarantees:
- A message is acknowledged, and its receipt sent, only after the transaction that holds its events has committed.
- Acknowledgements go out in the order of arrival (MQTT 5, 4.6), also when two batches are written at once.
- Single alarms and patients' reports have a session, a batch and database connections of their own, and wait behind no
  other event (docs/decisions/0023-a-lane-for-alarms.md). Between them and the rest a device's order is not kept.
- An event for a part of a table that is locked waits in the database, and nothing waits for it
  (docs/decisions/0025-late-events-wait-alone.md): its message is acknowledged, and has its receipt once all is stored.
- While the database is away nothing is acknowledged, the same batch is tried again, and memory is bounded by the
  broker's window (Receive Maximum), the bytes that are read and not acknowledged, and the waiting HTTP requests.
- A stop finishes what was taken in: commit, acknowledge, disconnect, and the broker keeps the session. By HTTP nothing
  is taken in from then on, and who waits for a commit that does not come in time is told to send again.
- Anything that is neither a bad message nor an absent database is a bug and ends the process.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from schemas.events import EventKind, Receipt
from schemas.topics import EVENTS_FILTER, URGENT_FILTERS, event_topic
from services.ingest.batch import FlushLimits
from services.ingest.inbox import NotStoredError, Submission
from services.ingest.lane import Lane, Session
from services.ingest.messages.decode import Decoded
from services.ingest.messages.sequence import SequenceTracker
from services.ingest.metrics import IngestMetrics
from services.ingest.settings import IngestSettings, alarms_client_id
from services.ingest.storage.last_seen import LastSeenLimiter
from services.ingest.storage.late import LateMessages
from services.ingest.storage.registry import RegistryCache
from services.ingest.storage.writer import Writer, clock_limits, quota
from services.runtime.database import Pool
from services.runtime.mqtt import BrokerAddress

ALARM_WRITERS: Final = 2
_ALARM_LIMITS: Final = FlushLimits(messages=200, payload_bytes=131_072, after_seconds=0.005)
"""Small: the first alarm of a batch waits for the last."""


class Pipeline:
    """The way of an event through one ingest process."""

    def __init__(
        self,
        settings: IngestSettings,
        address: BrokerAddress,
        pool: Pool,
        alarms_pool: Pool,
        registry: RegistryCache,
        metrics: IngestMetrics,
    ) -> None:
        self._http_waiting_maximum = settings.http_waiting_maximum
        self._metrics = metrics
        self._submitted = 0
        self._sequence = SequenceTracker() if settings.count_sequence_gaps else None
        last_seen = LastSeenLimiter(settings.last_seen_seconds)
        self._late = LateMessages(pool, registry, metrics, clock=clock_limits(settings), quota=quota(settings))
        alarms = Session(
            name="alarms",
            client_id=alarms_client_id(settings.session_id),
            filters=URGENT_FILTERS,
            limits=_ALARM_LIMITS,
            receive_bytes=settings.receive_bytes // 4,
            writers=ALARM_WRITERS,
        )
        self._alarms = Lane(
            settings,
            address,
            alarms,
            Writer(settings, alarms_pool, registry, metrics, last_seen, self._late),
            metrics,
            stored=self._alarms_stored,
        )
        # Of everything, because a topic that nobody may publish to must be answered, too; what the other lane has is
        # left to it.
        everything = Session(
            name="everything",
            client_id=settings.session_id,
            filters=(EVENTS_FILTER,),
            limits=FlushLimits(settings.flush_messages, settings.flush_bytes, settings.flush_after_seconds),
            receive_bytes=settings.receive_bytes,
            writers=settings.writers,
        )
        self._everything = Lane(
            settings,
            address,
            everything,
            Writer(settings, pool, registry, metrics, last_seen, self._late),
            metrics,
            stored=self._stored,
            alarms=self._alarms,
        )
        self._lanes = (self._alarms, self._everything)

    @property
    def faults(self) -> dict[str, str]:
        """What keeps this process from taking events: part -> why. Empty when all is well."""
        alarms = self._alarms.broker_fault
        found = {
            "broker": self._everything.broker_fault or (f"alarms: {alarms}" if alarms else None),
            "database": self._everything.database_fault or self._alarms.database_fault,
        }
        return {part: fault for part, fault in found.items() if fault is not None}

    def observe(self) -> None:
        """Bring the gauges up to date; called when metrics are read."""
        oldest = [lane.oldest_at for lane in self._lanes if lane.oldest_at is not None]
        self._metrics.unacknowledged.set(sum(lane.waiting for lane in self._lanes))
        self._metrics.oldest_unacknowledged_seconds.set(time.monotonic() - min(oldest) if oldest else 0)
        self._metrics.broker_connected.set("broker" not in self.faults)

    async def submit(self, device_id: str, kind: EventKind | None, payload: bytes) -> Receipt:
        """Take a message that came by HTTP, and return its receipt after the commit.

        Raises:
            NotStoredError: Too many wait already, or ingest is stopping.
        """
        if self._everything.is_stopping:
            msg = "ingest is stopping"
            raise NotStoredError(msg)
        if self._submitted >= self._http_waiting_maximum:
            msg = f"{self._submitted} requests wait for the database already"
            raise NotStoredError(msg)
        submission = Submission(event_topic(device_id, kind), payload, asyncio.get_running_loop().create_future())
        self._submitted += 1
        try:
            self._everything.submit(submission)
            return await submission.receipt
        finally:
            self._submitted -= 1

    async def run(self, stop: asyncio.Event) -> None:
        """Take events until `stop` is set, then finish what was taken in."""
        async with asyncio.TaskGroup() as everything:
            late = everything.create_task(self._late.run(self._everything.answer))
            async with asyncio.TaskGroup() as lanes:
                for lane in self._lanes:
                    lanes.create_task(lane.run(stop))
            late.cancel()

    def _alarms_stored(self, decoded: Decoded) -> None:
        if self._sequence is not None:
            self._sequence.overtake(decoded.sequence())

    def _stored(self, decoded: Decoded) -> None:
        if self._sequence is not None:  # here, because here batches are in the order of arrival
            self._metrics.sequence_gaps.inc(self._sequence.observe(decoded.sequence()))
