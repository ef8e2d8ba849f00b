"""What an operator reads of the database, as values: devices, dead letters, gaps in the devices' counters, clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.admin.registry.model import DeviceKind


class DeadLetterError(ValueError):
    """There is no such dead letter; the message names it."""


class ReplayOutcome(StrEnum):
    """What became of a replay; a column of `dead_letters`."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """The tables had its events already."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class DeadLetterSummary:
    """A rejected message, or a rejected event of a message, without its bytes."""

    dead_letter_id: int
    first_received_at: datetime
    last_received_at: datetime
    times_received: int
    topic: str
    event_index: int | None
    """Place in the array, from 0; None: the whole message."""
    device_id: str | None
    event_id: UUID | None
    reason: str
    """One of `RejectionReason`, or one that a newer release wrote."""
    detail: str
    replayed_at: datetime | None
    replay_outcome: ReplayOutcome | None
    """What became of the last replay; None: never replayed."""


@dataclass(frozen=True, slots=True)
class DeadLetter(DeadLetterSummary):
    """The same with the bytes of the message, or of the event, as they came."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class NotKept:
    """A day on which a device had more dead letters than are kept of one."""

    day: date
    """In UTC."""
    device_id: str
    """As its topic says; empty: the topic names none."""
    kept: int
    not_kept: int
    not_kept_bytes: int


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters; each None means any."""

    device_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    """Last received at or after this time."""
    settled: bool | None = None
    """True: those whose events are in the tables by now. False: those whose events are not."""


@dataclass(frozen=True, slots=True)
class SequenceGap:
    """Numbers of a device's own counter that no stored event carries."""

    device_id: str
    gap_from: int
    gap_to: int
    missing: int
    observed_after: datetime
    observed_before: datetime


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """How far a device's clock was off when it was last heard."""

    device_id: str
    kind: DeviceKind
    clinic_id: str
    measured_at: datetime
    clock_offset_seconds: float
    """Below zero: ahead. Above: behind, or its events came late; the two look the same from here."""
