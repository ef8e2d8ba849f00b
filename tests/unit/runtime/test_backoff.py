"""How long to wait before trying again."""

from __future__ import annotations

import pytest

from services.runtime.backoff import backoff_seconds


@pytest.mark.parametrize(
    ("attempt", "spread", "expected"),
    [(0, 0, 2), (1, 0, 2), (2, 0, 4), (3, 0, 8), (9, 0, 300), (1000, 0, 300), (1, 1, 2.5)],
)
def test_back_off_doubles_up_to_a_limit(attempt: int, spread: float, expected: float) -> None:
    assert backoff_seconds(attempt, first_seconds=2, longest_seconds=300, spread=spread) == expected
