"""PURE. A device's own counter (`seq`), which may begin again at 0 after 2^32 - 1.

Two of its numbers are compared as serial numbers are (RFC 1982).
"""

from __future__ import annotations

from typing import Final

_ROUND: Final = 2**32


def steps(earlier: int, later: int) -> int:
    """How many numbers `later` is ahead of `earlier`, or below 0 behind it; the short way, if both have 32 bits."""
    difference = later - earlier
    if max(earlier, later) < _ROUND and abs(difference) > _ROUND // 2:
        return difference - _ROUND if difference > 0 else difference + _ROUND
    return difference
