"""Patients of bench.detection: their days resemble each other as much as is asked for, and not at all if nothing is."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from itertools import pairwise
from statistics import correlation, mean

import pytest

from bench.detection.fleet import CELLS, DAY, Patient
from bench.detection.memory import FLEETS, lag_1, spread_of

_DAYS = 12_000


def counts_of(patient: Patient) -> list[int]:
    by_day = Counter(at // DAY for at in patient.presses)
    return [by_day[day] for day in range(patient.days)]


def test_without_memory_patients_are_those_of_always():
    """The figures in bench/results/detection.md are of these patients."""
    presses = repr([Patient(number, 7, 120).presses for number in range(len(CELLS))])
    assert sha256(presses.encode()).hexdigest() == "9fe20d1c0504a6bca43004b8dba4e8ca03b17ff69332f1c4fd02289d7f5a752f"


@pytest.mark.parametrize("memory", FLEETS.values())
@pytest.mark.parametrize(("rate", "shape"), CELLS)
def test_the_spread_gives_the_lag_1(rate, shape, memory):
    assert lag_1(spread_of(memory, rate, shape.dispersion), rate, shape.dispersion) == pytest.approx(memory, abs=1e-9)


@pytest.mark.parametrize(
    ("rate", "dispersion", "memory", "spread"),
    [(1.0, None, 0.1, 0.13), (1.0, None, 0.25, 0.36), (8.0, 4.0, 0.1, 0.05), (8.0, 4.0, 0.25, 0.16)],
)
def test_the_fewer_the_requests_the_further_the_log_rate_wanders(rate, dispersion, memory, spread):
    assert spread_of(memory, rate, dispersion) == pytest.approx(spread, abs=0.005)


def test_a_lag_1_that_no_spread_gives_is_refused():
    with pytest.raises(ValueError, match=r"days of 0\.5 requests, dispersion 2\.0, cannot have a lag-1 of 0\.8"):
        spread_of(0.8, 0.5, 2.0)


@pytest.mark.parametrize("memory", FLEETS.values())
@pytest.mark.parametrize("cell", [0, 3, 12, 15])
def test_the_counts_have_the_lag_1_and_the_mean_that_were_asked_for(cell, memory):
    """Over 12,000 days, which know a lag-1 to about 0.02 and the mean of such days to a few hundredths."""
    counts = counts_of(Patient(cell, 6, _DAYS, memory))
    earlier, later = zip(*pairwise(counts), strict=True)
    assert correlation(earlier, later) == pytest.approx(memory, abs=0.05)
    assert mean(counts) == pytest.approx(CELLS[cell][0], rel=0.1)


def test_what_is_remembered_is_the_patients_own():
    one, again, other = (Patient(number, 6, 60, 0.25).presses for number in (0, 0, 16))
    assert one == again
    assert one != other
    assert one != Patient(0, 6, 60).presses
