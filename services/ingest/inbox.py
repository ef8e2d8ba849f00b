"""What has come in, by MQTT and by HTTP, and the batches that are made of it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import is_

from schemas.events import Receipt
from schemas.topics import is_receipt_topic_of, is_urgent_topic
from services.ingest.batch import (
    SLICE_MESSAGES,
    SLICE_WORK,
    Fairness,
    FlushLimits,
    is_fair_as_it_comes,
    work_of,
)
from services.ingest.messages.decode import Incoming
from services.runtime.mqtt import Connection, Message


class NotStoredError(RuntimeError):
    """A message that came by HTTP is not stored, as far as is known; the caller should send it again later."""


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """A message that came by HTTP."""

    topic: str
    payload: bytes
    receipt: asyncio.Future[Receipt]


class Inbox:
    """What has come in and is not yet in a batch, and what is not yet acknowledged."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.payload_bytes = 0
        self.oldest_at = 0.0
        self._messages: list[Message] = []
        self._arrived: deque[Message] = deque()
        self._done: set[int] = set()

    def __len__(self) -> int:
        return len(self._messages) + len(self.submissions)

    def put(self, messages: list[Message]) -> None:
        """Take in what came by MQTT."""
        self._messages += messages
        self._arrived.extend(messages)
        self.payload_bytes += sum([len(message.payload) for message in messages])

    def forget(self) -> None:
        """The connection ended: the broker sends its messages again, and their packet ids are void."""
        self._messages = []
        self._arrived.clear()
        self._done.clear()

    def take(
        self,
        connection: Connection | None,
        limits: FlushLimits,
        *,
        is_left: Callable[[Message], bool] | None = None,
    ) -> Batch:
        """Take what waits, but no more than a batch may hold, and of no device more than its share.

        Args:
            connection: By which the messages came.
            limits: Of a batch.
            is_left: Says which urgent messages are acknowledged with the others, and left to somebody else; None: none.
        """
        came, slice_ends = self._as_it_comes(limits) or self._fairly(limits)
        messages = came
        if is_left is not None and any(map(is_urgent_topic, {message.topic for message in came})):
            messages = [message for message in came if not is_left(message)]
        slice_ends = [end for end in slice_ends if end < len(messages)]
        submissions, self.submissions = self.submissions, []
        self.payload_bytes -= sum([len(message.payload) for message in came])
        self.payload_bytes -= sum([len(submission.payload) for submission in submissions])
        slice_ends += range(len(messages), len(messages) + len(submissions))
        asked, in_vain = _asking_for_receipts(messages)
        wanted = [*asked, *range(len(messages), len(messages) + len(submissions))]
        return Batch(connection, came, messages, submissions, slice_ends, self.oldest_at, wanted, in_vain)

    def _as_it_comes(self, limits: FlushLimits) -> tuple[list[Message], list[int]] | None:
        """Take the first ones, if they are small and nobody has more than a share of them; says where to cut them."""
        first = self._messages[: limits.messages]
        sizes = [len(message.payload) for message in first]
        if not first or b"[" in {message.payload[:1] for message in first}:
            return None
        of_each = Counter([_device(message.topic) for message in first])
        if not is_fair_as_it_comes(sizes, of_each.values(), limits):
            return None
        self._messages = self._messages[len(first) :]
        return first, [*range(SLICE_MESSAGES, len(first), SLICE_MESSAGES)]

    def _fairly(self, limits: FlushLimits) -> tuple[list[Message], list[int]]:
        """Take one by one, and leave what is beyond a device's share."""
        came: list[Message] = []
        later: list[Message] = []
        slice_ends: list[int] = []
        fairness, slice_work, looked_at = Fairness(limits), 0, 0
        for message in self._messages:
            if fairness.is_full:
                break
            looked_at += 1
            work = work_of(message.payload)
            if not fairness.takes(_device(message.topic), work):
                later.append(message)
                continue
            if slice_work + work > SLICE_WORK and slice_work:
                slice_ends.append(len(came))
                slice_work = 0
            slice_work += work
            came.append(message)
        self._messages = [*later, *self._messages[looked_at:]]
        return came, slice_ends

    def acknowledgeable(self, batch: Batch) -> list[Message]:
        """What may be acknowledged once `batch` is written: in the order of arrival, up to the first that is not."""
        arrived, done = self._arrived, self._done
        if not done and all(map(is_, arrived, batch.came)):  # nearly always
            for _ in batch.came:
                arrived.popleft()
            return batch.came
        done.update(map(id, batch.came))
        ready = []
        while arrived and id(arrived[0]) in done:
            message = arrived.popleft()
            done.remove(id(message))
            ready.append(message)
        return ready


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written together."""

    connection: Connection | None
    came: list[Message]
    """What is acknowledged once this is written: its messages, and those that are left to somebody else."""
    messages: list[Message]
    submissions: list[Submission]
    slice_ends: Sequence[int]
    """Where the messages are cut for decoding, by their numbers: what lies between is little work."""
    oldest_at: float
    receipts_for: Sequence[int]
    """Numbers of the messages that get a receipt."""
    without_receipt: Sequence[int]
    """Numbers of the messages that asked for one where none is sent to."""

    @property
    def all(self) -> list[Incoming]:
        """Every message; the place in here is the message's number."""
        return [*self.messages, *self.submissions]


@lru_cache(maxsize=131_072)
def _device(topic: str) -> str:
    """Who speaks; the same for all topics of one device, be they wrong otherwise."""
    return topic.split("/", 3)[2]


def _asking_for_receipts(messages: list[Message]) -> tuple[list[int], list[int]]:
    """The numbers of those that asked for a receipt, and of those that asked where none is sent to."""
    asked: list[int] = []
    in_vain: list[int] = []
    for number, message in enumerate(messages):
        if message.response_topic is not None:
            (asked if _may_go_there(message.topic, message.response_topic) else in_vain).append(number)
    return asked, in_vain


def _may_go_there(topic: str, response_topic: str) -> bool:
    """Tell whether a receipt may go there; a device must not make us publish into another's subtree."""
    levels = topic.split("/", 3)
    return len(levels) == 4 and is_receipt_topic_of(levels[2], response_topic)
