"""PURE. When to write what has come in: by size, by age, or when the wire is idle; and how much of whom.

Idle is the usual trigger at low load (an alarm waits for nobody) and when the broker's window is used up (waiting
longer could bring nothing); size is the usual one at full load; age bounds the wait in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FlushReason(StrEnum):
    """Why a batch was written; a metric label."""

    SIZE = "size"
    AGE = "age"
    IDLE = "idle"


SHARES: Final = 4
"""No device has more than one of so many parts of a batch, or one message: the others' events do not wait for it."""

SLICE_WORK: Final = 25_000
"""Decoded in one go, in units of `work_of`: some milliseconds, and some tens of them where everything is wrong."""

SLICE_MESSAGES: Final = 500
"""The same where all are small and no array is among them."""

_WORK_OF_AN_ELEMENT: Final = 25
_SMALL_BYTES: Final = 1_000


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


def work_of(payload: bytes) -> int:
    """How much work a message may be, in bytes: an array of 500 faults is more than its size says."""
    if payload[:1] == b"[":
        return len(payload) + _WORK_OF_AN_ELEMENT * payload.count(b",")
    return len(payload)


def is_fair_as_it_comes(sizes: Sequence[int], of_each: Iterable[int], limits: FlushLimits) -> bool:
    """Whether messages may be a batch as they came, known without a look at each: the usual case, and a cheap one.

    Args:
        sizes: Of their payloads, in bytes; at least one, and no array among them.
        of_each: How many of them each device has.
        limits: Of a batch.
    """
    largest, most = max(sizes), max(of_each)
    return (
        sum(sizes) < limits.payload_bytes
        and (most == 1 or most <= limits.messages // SHARES)
        and (most == 1 or most * largest <= limits.payload_bytes // SHARES)
        and largest <= _SMALL_BYTES
    )


class Fairness:
    """Which of the messages that wait may go into one batch. Asked for each, in the order of arrival."""

    def __init__(self, limits: FlushLimits) -> None:
        self._most_messages = limits.messages
        self._most_work = limits.payload_bytes
        self._share_messages = max(1, limits.messages // SHARES)
        self._share_work = limits.payload_bytes // SHARES
        self._messages = 0
        self._work = 0
        self._of: dict[str, tuple[int, int]] = {}

    @property
    def is_full(self) -> bool:
        """Whether the batch takes no more."""
        return self._messages >= self._most_messages or self._work >= self._most_work

    def takes(self, device: str, work: int) -> bool:
        """Take one more of this device, or leave it for a later batch, and all of its later ones with it."""
        messages, used = self._of.get(device, (0, 0))
        if messages and (messages >= self._share_messages or used + work > self._share_work):
            self._of[device] = (self._share_messages, used)
            return False
        self._of[device] = (messages + 1, used + work)
        self._messages += 1
        self._work += work
        return True
