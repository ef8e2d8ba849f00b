"""The tail of the predictive distribution, against sums done exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.negative_binomial import Prediction, predict, tail


def exact_tail(mean: Fraction, size: int, count: int) -> Fraction:
    """P(X >= count) of a negative binomial with whole size, in rational numbers."""
    q = mean / (mean + size)
    below = sum(
        (Fraction(math.comb(x + size - 1, x)) * (1 - q) ** size * q**x for x in range(count)), start=Fraction(0)
    )
    return 1 - below


@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 120))
def test_the_tail_equals_the_exact_sum(tenths: int, size: int, count: int) -> None:
    mean = Fraction(tenths, 10)
    expected = float(exact_tail(mean, size, count))
    assert tail(Prediction(float(mean), float(size)), count) == pytest.approx(expected, rel=1e-8, abs=1e-13)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=89), st.integers(0, 5000))
def test_the_tail_is_a_probability_and_falls(counts: list[int], count: int) -> None:
    prediction = predict(counts)
    first, second = tail(prediction, count), tail(prediction, count + 1)
    assert 0 <= second <= first <= 1


@given(st.lists(st.integers(0, 50), min_size=2, max_size=60))
def test_the_size_is_bounded_by_what_was_counted(counts: list[int]) -> None:
    assert 0 < predict(counts).size <= sum(counts) + 0.5 + 1e-6


def test_without_over_dispersion_it_is_the_posterior_of_a_poisson_rate() -> None:
    prediction = predict([2] * 27)
    assert prediction.mean == pytest.approx(54.5 / 27)
    assert prediction.size == pytest.approx(54.5)


def test_over_dispersion_makes_a_large_day_less_rare() -> None:
    assert tail(predict([4, 4, 4, 4, 4, 4]), 14) < tail(predict([0, 8, 1, 7, 0, 8]), 14)


@pytest.mark.parametrize("counts", [[0], [3], [0, 0, 0]])
def test_little_is_enough_to_predict(counts: list[int]) -> None:
    assert 0 < tail(predict(counts), 3) < 1


def test_it_is_stable_for_large_counts() -> None:
    prediction = predict([9_000, 11_000] * 13)
    assert tail(prediction, 5_000) == pytest.approx(1, abs=1e-4)
    assert 0 < tail(prediction, 40_000) < 1e-6
    assert tail(prediction, 10_000) == pytest.approx(0.5, abs=0.1)


def test_no_days_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        predict([])
