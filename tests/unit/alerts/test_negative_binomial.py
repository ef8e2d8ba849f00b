"""The tail of the predictive distribution, against sums done exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.alerts.rules.demand.negative_binomial import (
    DISPERSIONS,
    Habit,
    Prediction,
    learn,
    log_times_likelier,
    tail,
)


def predict(counts: list[int]) -> Prediction:
    return learn(counts).over(1)


def expected_dispersion(counts: list[int]) -> float:
    habit = learn(counts)
    return sum(each * chance for each, chance in zip(habit.dispersions, habit.chances, strict=True))


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
    assert tail(Prediction(float(mean), (float(size),)), count) == pytest.approx(expected, rel=1e-8, abs=1e-13)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=89), st.integers(0, 5000))
def test_the_tail_is_a_probability_and_falls(counts: list[int], count: int) -> None:
    prediction = predict(counts)
    first, second = tail(prediction, count), tail(prediction, count + 1)
    assert 0 <= second <= first <= 1


@given(st.lists(st.integers(0, 50), min_size=2, max_size=60), st.integers(1, 28))
def test_a_longer_span_is_expected_to_hold_as_much_more(counts: list[int], days: int) -> None:
    habit = learn(counts)
    assert habit.over(days).mean == pytest.approx(days * habit.mean)
    assert DISPERSIONS[0] <= expected_dispersion(counts) <= DISPERSIONS[-1]
    assert sum(habit.chances) == pytest.approx(1)
    assert 0 < habit.over(days).zero_probability < 1


def test_the_variance_holds_the_spread_of_the_days_and_the_doubt_about_the_mean() -> None:
    prediction = Habit(mean=2.0, days=10, dispersions=(0.1,), chances=(1.0,)).over(3)
    variance = prediction.mean + prediction.mean**2 / prediction.sizes[0]
    assert variance == pytest.approx(6 + 3 * 0.1 * 4 + 9 * (2 + 0.1 * 4) / 10)
    assert prediction.zero_probability == pytest.approx(1 - tail(prediction, 1))


def test_few_counts_leave_every_dispersion_possible_and_many_leave_their_own() -> None:
    assert learn([0, 1] * 3).dispersions == DISPERSIONS
    assert expected_dispersion([0, 16] * 20) > 0.8
    assert expected_dispersion([4] * 60) < 0.02
    assert expected_dispersion([200] * 8 + [400] * 8) == pytest.approx(0.12, abs=0.03)


def test_a_mixture_is_as_rare_as_its_parts_in_their_shares() -> None:
    parts = Prediction(3.0, (2.0,)), Prediction(3.0, (50.0,))
    mixed = Prediction(3.0, (2.0, 50.0), (0.25, 0.75))
    for count in (1, 9):
        assert tail(mixed, count) == pytest.approx(0.25 * tail(parts[0], count) + 0.75 * tail(parts[1], count))
    expected = 0.25 * parts[0].zero_probability + 0.75 * parts[1].zero_probability
    assert mixed.zero_probability == pytest.approx(expected)


def probability(prediction: Prediction, count: int) -> float:
    return tail(prediction, count) - tail(prediction, count + 1)


@given(st.lists(st.integers(0, 12), min_size=5, max_size=60), st.integers(1, 3), st.floats(1.1, 3))
def test_how_much_likelier_is_the_ratio_of_the_probabilities(counts: list[int], many: int, factor: float) -> None:
    usual = learn(counts).over(7)
    changed = Prediction(factor * usual.mean, usual.sizes, usual.chances)
    count = round(many * usual.mean)
    assume(probability(usual, count) > 1e-6)
    expected = probability(changed, count) / probability(usual, count)
    assert math.exp(log_times_likelier(usual, count, factor)) == pytest.approx(expected, rel=1e-3)


def test_a_large_count_of_a_busy_pump_is_no_overflow() -> None:
    usual = learn([2_000] * 60).over(20)
    assert log_times_likelier(usual, 200_000, 1.6) > 20
    assert log_times_likelier(usual, 30_000, 1.6) < 0


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
