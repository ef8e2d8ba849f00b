"""What ingest counts. No device is a label: there may be a million.

Every value of a closed vocabulary stands at 0 from the start: `increase()` does not see a series appear.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.events import RejectionReason
from services.ingest.batch import FlushReason
from services.ingest.messages.decode import Decoded, Stored
from services.ingest.messages.receipts import NotSent

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_SECONDS: Final = (1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000)
_BATCH_EVENTS: Final = (1, 2, 5, 10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000)


@dataclass(frozen=True, slots=True)
class IngestMetrics:
    """The metrics of one ingest process."""

    messages: Counter
    events: Counter
    rejections: Counter
    dead_letters_not_kept: Counter
    flushes: Counter
    receipts: Counter
    receipts_not_sent: Counter
    retries: Counter
    late_messages: Counter
    oldest_late_seconds: Gauge
    sequence_gaps: Counter
    commit_seconds: Histogram
    arrival_to_commit_seconds: Histogram
    observed_lag_seconds: Histogram
    batch_events: Histogram
    unacknowledged: Gauge
    oldest_unacknowledged_seconds: Gauge
    broker_connected: Gauge
    connections: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register every metric on `registry`."""

        def counter(name: str, text: str, label: str = "", values: Iterable[str] = ()) -> Counter:
            made = Counter(f"pumpwatch_ingest_{name}", text, [label] if label else (), registry=registry)
            for value in values:
                made.labels(value)
            return made

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"pumpwatch_ingest_{name}", text, buckets=buckets, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"pumpwatch_ingest_{name}", text, registry=registry)

        return cls(
            messages=counter("messages", "Messages taken in.", "source", ("mqtt", "http")),
            events=counter("events", "Events by what became of them.", "result", ("stored", "duplicate", "rejected")),
            rejections=counter(
                "rejections", "Rejected events; they are kept as dead letters.", "reason", RejectionReason
            ),
            dead_letters_not_kept=counter(
                "dead_letters_not_kept",
                "Those of them that were not kept: their device's quota of the day was used up.",
            ),
            flushes=counter("flushes", "Batches by why they were written.", "reason", FlushReason),
            receipts=counter("receipts", "Receipts sent."),
            receipts_not_sent=counter("receipts_not_sent", "Receipts asked for and not sent.", "reason", NotSent),
            retries=counter("write_retries", "Writes that will be tried again: the database was away."),
            late_messages=counter(
                "late_messages",
                "Messages with events for a part of a table that is locked: `waits` when they are kept, `done` later.",
                "what",
                ("waits", "done"),
            ),
            oldest_late_seconds=gauge("oldest_late_seconds", "Age of the oldest of those that wait; 0: none does."),
            sequence_gaps=counter(
                "sequence_gaps",
                "Times that a device skipped sequence numbers. Late events count too: `pumpwatch gaps` knows better.",
            ),
            commit_seconds=histogram("commit_seconds", "Time to write a batch.", _SECONDS),
            arrival_to_commit_seconds=histogram(
                "arrival_to_commit_seconds", "From the arrival of a batch's oldest message to its commit.", _SECONDS
            ),
            observed_lag_seconds=histogram(
                "observed_lag_seconds",
                "From the newest event of a device, by its own clock, until it came. One observation of each device in "
                "every INGEST_LAST_SEEN_SECONDS; a clock that is ahead counts as 0.",
                _LAG_SECONDS,
            ),
            batch_events=histogram("batch_events", "Events in a batch.", _BATCH_EVENTS),
            unacknowledged=gauge("unacknowledged_messages", "Messages that came and are not yet stored."),
            oldest_unacknowledged_seconds=gauge("oldest_unacknowledged_seconds", "Age of the oldest of those."),
            broker_connected=gauge("broker_connected", "1 while subscribed."),
            connections=counter(
                "connections",
                "Connections to the broker, by whether it still had this ingestor's session. `new`, on any but the "
                "very first: what waited there is gone.",
                "session",
                ("kept", "new"),
            ),
        )

    def committed(self, batch: Decoded, stored: Stored, *, seconds: float, since_arrival_seconds: float) -> None:
        """Count a batch that was written."""
        self.commit_seconds.observe(seconds)
        self.arrival_to_commit_seconds.observe(since_arrival_seconds)
        self.batch_events.observe(batch.events)
        self.events.labels("stored").inc(stored.inserted)
        self.events.labels("duplicate").inc(stored.duplicates)
        self.events.labels("rejected").inc(len(stored.rejections))
        self.dead_letters_not_kept.inc(stored.not_kept)
        for rejection in stored.rejections:
            self.rejections.labels(rejection.reason).inc()

    def heard(self, received_at: datetime, observed: Iterable[float]) -> None:
        """Take the newest times of some devices, in seconds since 1970: how long their events were on the way."""
        received = received_at.timestamp()
        for seconds in observed:
            self.observed_lag_seconds.observe(max(0.0, received - seconds))
