"""What ingest counts. No device is a label: there may be a million."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class IngestMetrics:
    """The metrics of one ingest process."""

    messages: Counter
    events: Counter
    rejections: Counter
    flushes: Counter
    receipts: Counter
    retries: Counter
    commit_seconds: Histogram
    batch_events: Histogram
    unacknowledged: Gauge
    oldest_unacknowledged_seconds: Gauge
    broker_connected: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register every metric on `registry`."""
        prefix = "pumpwatch_ingest"
        return cls(
            messages=Counter(f"{prefix}_messages", "Messages taken in.", ["source"], registry=registry),
            events=Counter(f"{prefix}_events", "Events by what became of them.", ["result"], registry=registry),
            rejections=Counter(f"{prefix}_rejections", "Rejected events.", ["reason"], registry=registry),
            flushes=Counter(f"{prefix}_flushes", "Batches by why they were written.", ["reason"], registry=registry),
            receipts=Counter(f"{prefix}_receipts", "Receipts sent.", registry=registry),
            retries=Counter(
                f"{prefix}_write_retries", "Writes that will be tried again: the database was away.", registry=registry
            ),
            commit_seconds=Histogram(
                f"{prefix}_commit_seconds", "Time to write a batch.", buckets=_SECONDS, registry=registry
            ),
            batch_events=Histogram(
                f"{prefix}_batch_events",
                "Events in a batch.",
                buckets=(1, 2, 5, 10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000),
                registry=registry,
            ),
            unacknowledged=Gauge(
                f"{prefix}_unacknowledged_messages", "Messages that came and are not yet stored.", registry=registry
            ),
            oldest_unacknowledged_seconds=Gauge(
                f"{prefix}_oldest_unacknowledged_seconds", "Age of the oldest of those.", registry=registry
            ),
            broker_connected=Gauge(f"{prefix}_broker_connected", "1 while subscribed.", registry=registry),
        )
