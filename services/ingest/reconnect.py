"""PURE. How long to wait before the next connection to the broker.

Two ingestors with one client id end each other's connection, for ever. A broker must say so (MQTT 5, 3.1.4), but
Mosquitto 2.0.11 does not where a session is taken up again: then it looks like a broker that hangs up. So after a few
connections that ended as soon as they were made, one of the two gives way for a while, and says why.

But a broker also ends a connection over a receipt that it does not take, and a device has a say in what a receipt
holds. So an end with receipts on the way is never waited for longer: no device's doing keeps the others waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.runtime.backoff import backoff_seconds

_AT_ONCE_SECONDS: Final = 2.0
_USUAL_SECONDS: Final = 0.5
_HARMLESS: Final = 2
_AT_MOST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ends:
    """How the last connections ended, as far as they ended as soon as they were made, or another client took over."""

    in_a_row: int = 0
    without_receipts: int = 0
    """Those since the last one that a receipt may have ended."""

    def then(self, *, lasted_seconds: float, taken_over: bool, receipts_on_the_way: bool) -> Ends:
        """Take one more end."""
        if taken_over:
            return Ends(self.in_a_row + 1, self.without_receipts + 1)
        if lasted_seconds >= _AT_ONCE_SECONDS:
            return Ends()
        return Ends(self.in_a_row + 1, 0 if receipts_on_the_way else self.without_receipts + 1)

    @property
    def are_suspicious(self) -> bool:
        """Whether they are more than a broker's restart."""
        return self.in_a_row > _HARMLESS

    @property
    def wait_seconds(self) -> float:
        """How long to wait before the next connection."""
        if self.without_receipts <= _HARMLESS:
            return _USUAL_SECONDS
        return backoff_seconds(
            self.without_receipts + 1, first_seconds=_USUAL_SECONDS, longest_seconds=_AT_MOST_SECONDS
        )
