"""A device's log: what was published stays until its receipt.

Guarantees: pure (`now` is a parameter, in seconds of any steady clock); a message leaves only by a receipt that carries
its Correlation Data, whatever the broker says; every other is due again after a time limit that doubles with each try,
and at once after the connection was lost. A second receipt of the same message counts nothing.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Final

from schemas.events import Receipt, RejectedEvent
from services.runtime.backoff import backoff_seconds

_LONGEST_TIMES: Final = 16
"""The longest wait for a receipt is this many times the first."""

_KEEP_REJECTIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the events so far. `published` = `stored` + `duplicates` + `rejected` + `outstanding`."""

    published: int = 0
    messages: int = 0
    receipts: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    resent: int = 0
    """Messages, not events; each further try counts."""
    refused: int = 0
    """Messages that the broker refused; they stay and are tried again."""
    outstanding: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__slots__))


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that Pumpwatch refused, and why."""

    device_id: str
    rejected: RejectedEvent


@dataclass(slots=True)
class Outstanding:
    """A message without a receipt."""

    number: int
    device_id: str
    topic: str
    payload: bytes
    events: int
    tries: int = 0


class Outbox:
    """The log of all devices of one connection."""

    def __init__(self, resend_after_seconds: float) -> None:
        self.rejections: deque[Rejection] = deque(maxlen=_KEEP_REJECTIONS)
        self._resend_after = resend_after_seconds
        self._numbers = itertools.count(1)
        self._log: dict[int, Outstanding] = {}
        self._unsent: deque[Outstanding] = deque()
        self._due: list[tuple[float, int]] = []  # (when, number): one for each message that was sent
        self._published = self._messages = self._receipts = self._stored = self._duplicates = 0
        self._rejected = self._resent = self._refused = self._outstanding = 0

    def __len__(self) -> int:
        return len(self._log)

    @property
    def outstanding_events(self) -> int:
        """Events without a receipt."""
        return self._outstanding

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        return Counts(
            self._published,
            self._messages,
            self._receipts,
            self._stored,
            self._duplicates,
            self._rejected,
            self._resent,
            self._refused,
            self._outstanding,
        )

    def add(self, device_id: str, topic: str, payload: bytes, events: int) -> Outstanding:
        """Write a message into the log; it is due at once."""
        message = Outstanding(next(self._numbers), device_id, topic, payload, events)
        self._log[message.number] = message
        self._unsent.append(message)
        self._published += events
        self._messages += 1
        self._outstanding += events
        return message

    def next_due(self, now: float) -> Outstanding | None:
        """The message to send now, if any; new ones first. Tell `sent` when it is."""
        while self._unsent:
            if self._unsent[0].number in self._log:
                return self._unsent[0]
            self._unsent.popleft()
        while self._due and self._due[0][0] <= now:
            message = self._log.get(self._due[0][1])
            if message is not None:
                return message
            heapq.heappop(self._due)
        return None

    def sent(self, message: Outstanding, now: float) -> None:
        """Remember that `message`, as given by `next_due`, went out."""
        if self._unsent and self._unsent[0] is message:
            self._unsent.popleft()
        else:
            heapq.heappop(self._due)
        if message.tries:
            self._resent += 1
        message.tries += 1
        longest = self._resend_after * _LONGEST_TIMES
        wait = backoff_seconds(message.tries, first_seconds=self._resend_after, longest_seconds=longest)
        heapq.heappush(self._due, (now + wait, message.number))

    def seconds_until_due(self, now: float) -> float | None:
        """How long nothing will be due; None when nothing is in the log."""
        if self.next_due(now) is not None:
            return 0.0
        return self._due[0][0] - now if self._log and self._due else None

    def connection_lost(self) -> None:
        """A receipt may have been lost with the connection: everything is due at once, oldest first."""
        self._due.clear()
        self._unsent = deque(sorted(self._log.values(), key=lambda message: message.number))

    def refused(self) -> None:
        """The broker refused a message; it stays in the log."""
        self._refused += 1

    def acknowledge(self, number: int, receipt: Receipt) -> Outstanding | None:
        """Cross a message out; None when it is not in the log (a second receipt)."""
        message = self._log.pop(number, None)
        if message is None:
            return None
        self._receipts += 1
        self._stored += receipt.stored
        self._duplicates += receipt.duplicates
        whole = any(rejected.index is None for rejected in receipt.rejected)
        self._rejected += message.events if whole else len(receipt.rejected) + receipt.not_listed
        self._outstanding -= message.events
        self.rejections.extend(Rejection(message.device_id, rejected) for rejected in receipt.rejected)
        return message
