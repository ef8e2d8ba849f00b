"""PURE. Which receipts were on the way when a connection ended: one of them may be why.

A broker may end the connection over a packet for reasons that nobody can know beforehand. A message is acknowledged
before its receipt is sent, so a broker that keeps its word does not bring it again. Where it comes again all the same,
it gets no receipt: so no message ends two connections. A device that still waits sends its events anew, and that is
another message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, Protocol

_ON_THE_WAY_SECONDS: Final = 2.0
_AT_MOST: Final = 10_000


class Answered(Protocol):
    """What is looked at of a message."""

    @property
    def topic(self) -> str:
        """Where it was published."""

    @property
    def payload(self) -> bytes:
        """Its bytes."""

    @property
    def response_topic(self) -> str | None:
        """Where its receipt goes."""

    @property
    def correlation_data(self) -> bytes | None:
        """What its receipt carries."""

    @property
    def duplicate(self) -> bool:
        """Whether the broker says that it is sent again."""


class InFlight:
    """Remembers the newest receipts, and those that were on the way when a connection ended: each 10,000 at most."""

    def __init__(self, *, at_most: int = _AT_MOST) -> None:
        self._sent: deque[tuple[float, int]] = deque(maxlen=at_most)
        self._suspected: dict[int, None] = {}
        self._at_most = at_most

    def __len__(self) -> int:
        return len(self._suspected)

    def sent(self, messages: Iterable[Answered], *, monotonic_seconds: float) -> None:
        """Take note that the receipts of these are about to be written."""
        self._sent.extend((monotonic_seconds, _key(message)) for message in messages)

    def connection_ended(self, *, monotonic_seconds: float) -> bool:
        """Suspect whatever was written just before; returns whether anything was."""
        since = monotonic_seconds - _ON_THE_WAY_SECONDS
        on_the_way = [key for at, key in self._sent if at >= since]
        self._sent.clear()
        self._suspected.update(dict.fromkeys(on_the_way))
        for key in [*self._suspected][: -self._at_most]:
            del self._suspected[key]
        return bool(on_the_way)

    def is_suspected(self, message: Answered) -> bool:
        """Tell whether this very message came again after its receipt may have ended a connection."""
        return message.duplicate and _key(message) in self._suspected


def _key(message: Answered) -> int:
    return hash((message.topic, message.payload, message.response_topic, message.correlation_data))
