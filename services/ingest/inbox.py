"""What has come in, by MQTT and by HTTP, and the batches that are made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from schemas.events import Receipt
from schemas.topics import is_receipt_topic_of
from services.ingest.batch import FlushLimits
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


@dataclass(slots=True)
class Inbox:
    """What has come in and is not yet in a batch."""

    messages: list[Message] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    payload_bytes: int = 0
    oldest_at: float = 0.0

    def __len__(self) -> int:
        return len(self.messages) + len(self.submissions)

    def take(
        self, connection: Connection | None, limits: FlushLimits, *, is_left: Callable[[Message], bool] | None = None
    ) -> Batch:
        """Take what waits, but no more than a batch may hold: a window of large messages is many batches.

        Args:
            connection: By which the messages came.
            limits: Of a batch.
            is_left: Says which messages are acknowledged with the others, and left to somebody else; None: none.
        """
        messages, self.messages = self.messages, []
        submissions, self.submissions = self.submissions, []
        share = min(1.0, limits.payload_bytes / max(1, self.payload_bytes))
        most = max(1, min(limits.messages, int(len(messages) * share)))
        if len(messages) > most:
            messages, self.messages = messages[:most], messages[most:]
            self.payload_bytes = int(self.payload_bytes * (1 - most / (most + len(self.messages))))
        came = messages
        if is_left is not None:
            messages = [message for message in came if not is_left(message)]
        asked, in_vain = _asking_for_receipts(messages)
        wanted = [*asked, *range(len(messages), len(messages) + len(submissions))]
        return Batch(connection, came, messages, submissions, self.oldest_at, wanted, in_vain)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written together."""

    connection: Connection | None
    came: list[Message]
    """What is acknowledged once this is written: its messages, and those that are left to somebody else."""
    messages: list[Message]
    submissions: list[Submission]
    oldest_at: float
    receipts_for: Sequence[int]
    """Numbers of the messages that get a receipt."""
    without_receipt: Sequence[int]
    """Numbers of the messages that asked for one where none is sent to."""

    @property
    def all(self) -> list[Incoming]:
        """Every message; the place in here is the message's number."""
        return [*self.messages, *self.submissions]


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
