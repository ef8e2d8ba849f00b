"""The oracle that is told the memory: exact where it can be worked out otherwise, and without memory the CUSUM."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import pytest

from bench.detection.fleet import CELLS, DAY, HOURLY, Patient, moment
from bench.detection.memory import spread_of
from bench.detection.oracle import Oracle
from bench.detection.wandering import Change, Grid, Wandering

DAYS = 40
SPREAD = spread_of(0.25, 4.0, 4.0)


def surging(cell: int, seed: int) -> list[int]:
    """The presses of a pump with a surge of three days."""
    patient = Patient(cell, seed, DAYS)
    return sorted([*patient.presses, *patient.added(20 * DAY, 23 * DAY, 3.0, 0.0, Random(seed))])


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("cell", "reset_at"), [*product((0, 1, 8, 9), (math.inf, 4.0)), *product((2, 3, 14, 15), (math.inf,))]
)
def test_without_memory_it_is_the_cusum(cell, reset_at, seed):
    """Where days differ by chance, as long as nothing is raised: then the CUSUM goes on within the day."""
    rate, shape = CELLS[cell]
    change = Change(3.0, window_days=DAYS, every_hours=1 if shape.dispersion is None else 24)
    presses = surging(cell, seed)
    plain = list(Oracle(rate, shape, 3.0).scores(presses, 0, DAYS, reset_at=reset_at))
    told = list(Wandering(rate, shape, 0.0, change).scores(presses, 0, DAYS, reset_at=reset_at))
    assert [score for _, score in told] == pytest.approx([plain[hour - 1] for hour, _ in told], abs=1e-9)
    assert max(plain) == pytest.approx(max(score for _, score in told), abs=1e-9)
    assert len(told) == len({at // 3600 for at in presses} | {day * 24 + 23 for day in range(DAYS)})


@pytest.mark.parametrize(("ramp_days", "onsets"), [(0.0, (0, 1, 2)), (4.0, (0, 2))])
@pytest.mark.parametrize("cell", [8, 11])
def test_it_is_exact_on_its_grid(cell, ramp_days, onsets):
    """Against all ways that the log-rate can go through three days, one by one."""
    rate, shape = CELLS[cell]
    draw = Random(cell)
    days = [3, 9, 12]
    presses = [day * DAY + moment(draw) for day, count in enumerate(days) for _ in range(count)]
    change = Change(3.0, ramp_days, window_days=3, every_hours=48 if ramp_days else 24)
    grid = Grid.of(SPREAD)

    def likelihood(path, onset):
        total = grid.usual[path[0]]
        for day, (point, count) in enumerate(zip(path, days, strict=True)):
            factor = change.of_day(day - onset) if day >= onset else 1.0
            mean = rate * shape.of_weekday(day) * sum(HOURLY) * grid.gains[point] * factor
            total *= 1.0 if day == 0 else grid.into[point][path[day - 1]]
            if shape.dispersion is None:
                total *= math.exp(-mean) * mean**count
            else:
                k = shape.dispersion
                total *= mean**count * (k + mean) ** -(k + count) * k ** (k + count)
        return total

    paths = list(product(range(len(grid.usual)), repeat=len(days)))
    usual, *changed = (sum(likelihood(path, onset) for path in paths) for onset in (len(days), *onsets))
    *_, (hour, score) = Wandering(rate, shape, SPREAD, change).scores(presses, 0, 3, reset_at=math.inf)
    assert hour == 72
    assert score == pytest.approx(max(math.log(each / usual) for each in changed), abs=1e-9)
    assert score > 0.5


@pytest.mark.parametrize("cell", [0, 15])
def test_an_onset_within_the_day_counts_from_its_hour(cell):
    """Nothing until noon and then many: the change that began at noon is the likeliest."""
    rate, shape = CELLS[cell]
    presses = [DAY + hour * 3600 for hour in (13, 13, 14, 15, 15, 16, 17, 17)]
    within, at_midnight = (
        dict(Wandering(rate, shape, 0.1, Change(3.0, every_hours=hours)).scores(presses, 0, 2, reset_at=math.inf))
        for hours in (12, 24)
    )
    assert within[24 + 18] > at_midnight[24 + 18] + 0.2


def test_what_wanders_is_less_surprising_than_the_same_without_memory():
    presses = surging(9, 3)
    rate, shape = CELLS[9]
    alone, told = (
        max(score for _, score in Wandering(rate, shape, spread, Change(3.0)).scores(presses, 0, DAYS, reset_at=1e9))
        for spread in (0.0, spread_of(0.25, rate, None))
    )
    assert told < alone - 1


def test_the_grid_is_the_log_rate():
    grid = Grid.of(SPREAD)
    assert sum(map(math.prod, zip(grid.gains, grid.usual, strict=True))) == pytest.approx(1)
    variance = sum(weight * math.log(gain) ** 2 for gain, weight in zip(grid.gains, grid.usual, strict=True))
    offset = sum(weight * math.log(gain) for gain, weight in zip(grid.gains, grid.usual, strict=True))
    assert variance - offset**2 == pytest.approx(SPREAD, rel=0.03)
    assert grid.next_day(grid.usual, 1.0) == pytest.approx(grid.usual, abs=0.01)
    assert offset == pytest.approx(-SPREAD / 2, rel=0.1)


@pytest.mark.parametrize(("age_days", "factor"), [(0, 1 + 0.6 * 0.5 / 21), (10, 1.3), (21, 1.6), (34, 1.6)])
def test_a_ramp_rises_and_stays(age_days, factor):
    assert Change(1.6, ramp_days=21.0).of_day(age_days) == pytest.approx(factor)
    assert Change(1.6).of_day(age_days) == 1.6
