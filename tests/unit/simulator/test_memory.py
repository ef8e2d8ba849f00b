"""Patients whose days resemble each other, where a simulation asks for them; and nothing changes where it does not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from statistics import correlation, mean

import pytest

from services.simulator.patients.fleet import draw_fleet
from services.simulator.patients.handheld import Demand
from services.simulator.patients.model import HandheldSpec
from services.simulator.settings import SimulatorSettings
from services.simulator.simulation import prepare

HANDHELD = HandheldSpec("handheld-0001", 6.0, 30.0, 6.8, 1.0, 0.0, 0.0)
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def counts_of(spec: HandheldSpec, days: int = 10_000) -> list[int]:
    demand = Demand(spec, Random(4))
    return [len(demand.attempts(0, 1.0)) for _ in range(days)]


@pytest.mark.parametrize(("memory", "spread"), [(0.85, 0.4), (0.7, 0.25), (0.85, 0.0)])
def test_the_days_resemble_each_other_as_much_as_the_memory_says(memory, spread):
    """By the formula for a Poisson number whose log-rate is an AR(1), beside a gamma factor of each day."""
    rate, variance = HANDHELD.attempts_per_day, spread**2
    covariance = rate**2 * math.expm1(variance * memory)
    expected = covariance / (rate + rate**2 * (math.exp(variance) * (1 + 1 / HANDHELD.dispersion) - 1))
    counts = counts_of(replace(HANDHELD, memory=memory, memory_spread=spread))
    earlier, later = zip(*pairwise(counts), strict=True)
    assert correlation(earlier, later) == pytest.approx(expected, abs=0.05)
    assert mean(counts) == pytest.approx(rate, rel=0.06)


def test_a_patient_has_a_memory_only_where_it_is_asked_for_and_all_else_stays():
    plain, alike = draw_fleet(3, 60), draw_fleet(3, 60, demand_memory=True)
    assert {(spec.handheld.memory, spec.handheld.memory_spread) for spec in plain if spec.handheld} == {(0.0, 0.0)}
    with_memory = [spec.handheld for spec in alike if spec.handheld]
    assert all(0.7 <= each.memory <= 0.9 and 0.2 <= each.memory_spread <= 0.45 for each in with_memory)
    assert len({each.memory for each in with_memory}) > 30
    forgetful = (
        replace(spec, handheld=spec.handheld and replace(spec.handheld, memory=0.0, memory_spread=0.0))
        for spec in alike
    )
    assert tuple(forgetful) == plain


@pytest.mark.parametrize("asked", [False, True])
def test_the_setting_asks_for_it(asked):
    settings = SimulatorSettings(mqtt_url="mqtt://localhost", pumps=12, scenarios=(), demand_memory=asked)
    assert any(spec.handheld and spec.handheld.memory for spec in prepare(settings, NOW).specs) is asked
