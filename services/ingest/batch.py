"""PURE. When to write what has come in: by size, by age, or when the wire is idle.

Idle is the usual trigger at low load (an alarm waits for nobody) and when the broker's window is used up (waiting
longer could bring nothing); size is the usual one at full load; age bounds the wait in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlushReason(StrEnum):
    """Why a batch was written; a metric label."""

    SIZE = "size"
    AGE = "age"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class FlushLimits:
    """The largest batch, in messages and in payload bytes, and the longest wait."""

    messages: int
    payload_bytes: int
    after_seconds: float


def flush_reason(
    *, messages: int, payload_bytes: int, oldest_seconds: float, wire_idle: bool, limits: FlushLimits
) -> FlushReason | None:
    """Decide whether to write now.

    Args:
        messages: How many wait.
        payload_bytes: The sum of their sizes.
        oldest_seconds: For how long the oldest has waited.
        wire_idle: Nothing more came in when we last looked.
        limits: See `FlushLimits`.

    Returns:
        Why to write now, or None to wait; always None when no message waits.
    """
    if messages == 0:
        return None
    if messages >= limits.messages or payload_bytes >= limits.payload_bytes:
        return FlushReason.SIZE
    if oldest_seconds >= limits.after_seconds:
        return FlushReason.AGE
    return FlushReason.IDLE if wire_idle else None
