"""What is missing from the fleet's events, and whose clock is off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.admin.rejections import QUERIES
from services.runtime.database import Connection


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
    kind: str
    clinic_id: str
    measured_at: datetime
    clock_offset_seconds: float
    """Below zero: ahead. Above: behind, or what it sent had waited; the two look the same from here."""


async def sequence_gaps(
    connection: Connection, *, since: datetime, device_id: str | None = None, limit: int = 1_000
) -> tuple[SequenceGap, ...]:
    """The gaps between events observed at or after `since`, by device and number."""
    rows = await connection.fetch(QUERIES["sequence_gaps"], since, device_id, limit)
    return tuple(SequenceGap(**row) for row in rows)


async def clocks_off(connection: Connection, *, by_more_than: timedelta, limit: int = 1_000) -> tuple[DeviceClock, ...]:
    """The devices whose clocks were off by more than this, the worst first."""
    rows = await connection.fetch(QUERIES["clocks_off"], by_more_than.total_seconds(), limit)
    return tuple(DeviceClock(**row) for row in rows)
