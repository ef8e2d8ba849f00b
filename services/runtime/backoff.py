"""PURE. How long to wait before trying again."""

from __future__ import annotations

from typing import Final

_LARGEST_EXPONENT: Final = 30


def backoff_seconds(attempt: int, *, first_seconds: float, longest_seconds: float, spread: float = 0.0) -> float:
    """Wait `first_seconds` after the first attempt, twice as long after each further one, up to a limit.

    Args:
        attempt: How many attempts were made; 1 or more.
        first_seconds: The wait after the first.
        longest_seconds: No wait before the spread is longer.
        spread: 0 to 1; lengthens the wait by up to a quarter, so that what failed together does not return
            together.
    """
    exponent = min(max(attempt, 1) - 1, _LARGEST_EXPONENT)
    return min(first_seconds * 2.0**exponent, longest_seconds) * (1 + spread / 4)
