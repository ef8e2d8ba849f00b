"""PURE. How long to wait before the next connection to the broker.

Two ingestors with one client id end each other's connection, for ever, and each looks like a broker that hangs up. So
after a few connections that ended as soon as they were made, one of the two gives way for a while, and says why.
"""

from __future__ import annotations

from typing import Final

AT_ONCE_SECONDS: Final = 2.0
"""A connection that lasted less ended as soon as it was made."""

_USUAL_SECONDS: Final = 0.5
_HARMLESS: Final = 2
_AT_MOST_SECONDS: Final = 60.0


def is_suspicious(ended_at_once: int) -> bool:
    """Tell whether so many such connections in a row are more than a broker's restart."""
    return ended_at_once > _HARMLESS


def reconnect_seconds(ended_at_once: int) -> float:
    """How long to wait after so many such connections in a row."""
    if not is_suspicious(ended_at_once):
        return _USUAL_SECONDS
    return min(_USUAL_SECONDS * 2.0 ** min(ended_at_once, 10), _AT_MOST_SECONDS)
