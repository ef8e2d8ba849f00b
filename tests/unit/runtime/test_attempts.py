"""Wrong passwords: how many are looked at, and whom it never locks out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.http.attempts import Attempts, place_of


def guess(attempts: Attempts, place: str, times: int, *, at: float = 0.0) -> None:
    for number in range(times):
        attempts.was_wrong(place, at + number)


def test_after_twenty_wrong_ones_within_a_minute_nothing_is_looked_at_until_the_first_is_a_minute_old() -> None:
    attempts = Attempts()
    guess(attempts, "192.0.2.7", 19)
    assert attempts.wait_seconds("192.0.2.7", 19.0) == 0
    guess(attempts, "192.0.2.7", 1, at=19.0)
    assert attempts.wait_seconds("192.0.2.7", 20.0) == 40
    assert attempts.wait_seconds("192.0.2.8", 20.0) == 0
    assert attempts.wait_seconds("192.0.2.7", 60.0) == 0


def test_where_the_right_one_came_from_lately_nobody_is_locked_out() -> None:
    attempts = Attempts()
    attempts.was_right("192.0.2.7", 0.0)
    guess(attempts, "192.0.2.7", 1000, at=10.0)
    assert attempts.wait_seconds("192.0.2.7", 1010.0) == 0
    late = 13 * 3600.0
    guess(attempts, "192.0.2.7", 20, at=late)
    assert attempts.wait_seconds("192.0.2.7", late + 20) > 0


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_whose_attempts_count_together(host: str, place: str) -> None:
    assert place_of(host) == place


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=200))
def test_what_is_remembered_is_bounded(tries: list[tuple[int, bool]]) -> None:
    attempts = Attempts(most_places=5)
    for moment, (place, right) in enumerate(tries):
        (attempts.was_right if right else attempts.was_wrong)(str(place), float(moment))
        assert max(len(attempts._right), len(attempts._wrong)) <= 5
