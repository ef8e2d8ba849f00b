"""What the oracles of bench.detection raise: rarely on ordinary pumps, and soon when demand is four times the usual."""

from __future__ import annotations

import math
from itertools import count
from random import Random

import pytest

from bench.detection import oracle
from bench.detection.fleet import CELLS, DAY, Patient
from bench.detection.memory import FLEETS
from bench.detection.oracle import Oracle, Told, hours_to_detect, threshold
from bench.detection.wandering import Change

_seeds = count(900)


@pytest.fixture
def seed(monkeypatch):
    """A seed that no threshold is kept for yet, with few pumps to take one from."""
    monkeypatch.setattr(oracle, "PUMPS", 10)
    monkeypatch.setattr(oracle, "DAYS", 60)
    return next(_seeds)


def test_independent_days_have_the_cusum():
    presses = Patient(5, 6, 40).presses
    told = Told(5, 0.0, Change(2.5))
    plain = Oracle(*CELLS[5], 2.5).scores(presses, 0, 40, reset_at=math.inf)
    assert list(told.scored(presses, 0, 40, reset_at=math.inf)) == list(enumerate(plain, start=1))


@pytest.mark.parametrize("memory", FLEETS.values())
def test_its_threshold_is_where_it_raises_so_often(seed, memory):
    """600 pump-days: at 10 in 1,000 six or seven alerts, of excursions that were seen once each."""
    told = Told(12, memory, Change(3.0))
    limit, rare = threshold(told, seed, 10.0), threshold(told, seed, 1.0)
    assert 1.0 < limit < rare
    peaks = [
        max(score for _, score in told.scored(Patient(12 + 16 * number, seed, 60, memory).presses, 0, 60, reset_at=1e9))
        for number in range(10_000, 10_010)
    ]
    assert rare == pytest.approx(max(peaks))
    assert sum(peak >= limit for peak in peaks) <= 7


@pytest.mark.parametrize("memory", FLEETS.values())
def test_four_times_the_usual_is_found_and_what_comes_after_the_end_is_not(seed, memory):
    patient = Patient(12, 6, 60, memory)
    start, end = 40 * DAY + 9 * 3600, 42 * DAY + 9 * 3600
    presses = sorted([*patient.presses, *patient.added(start, end, 4.0, 0.0, Random(1))])
    told = Told(12, memory, Change(4.0))
    hours = hours_to_detect(told, presses, start, end, seed)
    assert hours is not None
    assert 1 <= hours <= 36
    assert hours_to_detect(told, presses, start - 4 * DAY, start, seed) is None
    sooner = hours_to_detect(told, presses, start, end, seed, 10.0)
    assert sooner is not None
    assert sooner <= hours
