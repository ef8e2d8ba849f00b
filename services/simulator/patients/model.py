"""PURE. The types of the simulation: events, and what stays the same about a pump for its whole life.

Guarantees: all values are immutable; times are whole seconds; an event's id follows from the fleet's seed, the device,
the start of its life and its `seq`, so a second run with the same seed re-sends the same events.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.events import EventKind

SECONDS_PER_DAY: Final = 86_400
_SEQ_BITS: Final = 48


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a device observed.

    `observed_at` is the device's own clock; `available_at` is when it can be uploaded by the true clock (later, for a
    handheld that was out of reach). `payload` holds the fields of its kind, as `schemas.events` names them.
    """

    device_id: str
    kind: EventKind
    observed_at: datetime
    event_id: UUID
    seq: int
    payload: Mapping[str, object]
    available_at: datetime


def event_namespace(seed: int, device_id: str, life_starts_at: datetime) -> int:
    """The part of an event's id that names the device, with the bits of a custom UUID (RFC 9562, version 8) set."""
    text = f"{seed}/{device_id}/{life_starts_at.isoformat()}"
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
    number &= ~((0xF << 76) | (0x3 << 62) | ((1 << _SEQ_BITS) - 1))
    return number | (0x8 << 76) | (0x2 << 62)


def event_id(namespace: int, seq: int) -> UUID:
    """The id of a device's `seq`-th event."""
    return UUID(int=namespace | seq)


@dataclass(frozen=True, slots=True)
class FlowProfile:
    """A programmed flow over the day, repeated every day on the pump's own clock.

    Build it with `FlowProfile.of`. Rates are in mL/day, offsets in seconds after midnight.
    """

    steps: tuple[tuple[int, float], ...]
    starts_seconds: tuple[int, ...]
    used_ml_at_start: tuple[float, ...]
    daily_ml: float

    @classmethod
    def of(cls, steps: tuple[tuple[int, float], ...]) -> FlowProfile:
        """Build a profile from (minute of the day, rate in mL/day) steps; the first starts at minute 0."""
        starts = tuple(minute * 60 for minute, _ in steps)
        used, total = [], 0.0
        for start, end, (_, rate) in zip(starts, (*starts[1:], SECONDS_PER_DAY), steps, strict=True):
            used.append(total)
            total += rate * (end - start) / SECONDS_PER_DAY
        return cls(steps, starts, tuple(used), total)

    def used_by(self, offset_seconds: int) -> float:
        """What flows from midnight until `offset_seconds` (at most a day), in mL."""
        index = bisect_right(self.starts_seconds, offset_seconds) - 1
        rate = self.steps[index][1]
        return self.used_ml_at_start[index] + rate * (offset_seconds - self.starts_seconds[index]) / SECONDS_PER_DAY

    def offset_of(self, used_ml: float) -> float:
        """The first moment of the day, in seconds, by which `used_ml` has flowed; the end of the day if none."""
        index = max(0, bisect_right(self.used_ml_at_start, used_ml) - 1)
        rate = self.steps[index][1]
        if rate <= 0:
            return float(SECONDS_PER_DAY)
        return self.starts_seconds[index] + (used_ml - self.used_ml_at_start[index]) * SECONDS_PER_DAY / rate


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug of the mixture."""

    name: str
    concentration_mcg_per_ml: float


@dataclass(frozen=True, slots=True)
class BolusSpec:
    """The prescription of patient boluses (docs/domain.md section 2)."""

    dose_mcg: float
    volume_ml: float
    lockout_minutes: int
    limit_per_24h: int


@dataclass(frozen=True, slots=True)
class HandheldSpec:
    """A patient's handheld and the habits of who holds it."""

    handheld_id: str
    attempts_per_day: float
    dispersion: float
    """Shape of the gamma-distributed day factor: the smaller, the more the days differ (negative binomial)."""
    wakes_hour: float
    weekend_factor: float
    out_of_reach_probability: float
    """Chance per day of hours without a connection, after which the log comes in one upload."""
    reports_per_day: float
    memory: float = 0.0
    """How much the log-rate of a day has of the day before (lag-1 of an AR(1))."""
    memory_spread: float = 0.0
    """Standard deviation of the log-rate over the days; 0: a day is independent of the day before."""


@dataclass(frozen=True, slots=True)
class PumpSpec:
    """One implanted pump: what is programmed, and what it is like."""

    index: int
    pump_id: str
    handheld: HandheldSpec | None
    drugs: tuple[Drug, ...]
    profile: FlowProfile
    bolus: BolusSpec | None
    size_ml: float
    low_ml: float
    refill_interval_days: int
    """From a refill to the day that is programmed as `refill_due`: all boluses used, it is still above the alarm."""
    days_since_refill: int
    """At the start of its simulated life."""
    accuracy: float
    """True flow over programmed flow of a sound pump (docs/domain.md section 1, row "measured accuracy")."""
    service_days_left: int
    firmware: str
    reading_offset_seconds: int

    @property
    def worst_daily_ml(self) -> float:
        """The most a day can take, in mL: the profile and every bolus of the limit."""
        boluses = self.bolus.volume_ml * self.bolus.limit_per_24h if self.bolus else 0.0
        return self.profile.daily_ml + boluses

    @property
    def usual_daily_ml(self) -> float:
        """What a day usually takes, in mL."""
        if self.bolus is None or self.handheld is None:
            return self.profile.daily_ml
        boluses = min(self.handheld.attempts_per_day, self.bolus.limit_per_24h)
        return self.profile.daily_ml + self.bolus.volume_ml * boluses
