"""How fast a reservoir empties: by programme, by own use, surely, and by the worst case."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.policy import LowReservoirPolicy
from services.alerts.facts.model import Contact, DayWindow, PumpFacts, Therapy
from services.alerts.rules.reservoir.own_use import MEAN_DAYS, Use, use_of
from tests.unit.alerts.rules.builders import NOW, ago, facts, reading

RULE = LowReservoirPolicy()
DAY = 24


def known(*delivered: int | None, limit: int = 8, bolus_ml: float = 0.05, **values: Any) -> PumpFacts:
    """The newest day first; None: nothing was heard."""
    windows = tuple(DayWindow(each or 0, each is not None, delivered=each or 0) for each in delivered)
    return facts(therapy=Therapy(ago(90 * DAY), 0.3, bolus_ml, limit), windows=windows, **values)


def use(found: PumpFacts, rule: LowReservoirPolicy = RULE) -> Use:
    made = use_of(found, rule, NOW)
    assert made is not None
    return made


def test_nothing_is_known_of_a_pump_without_a_therapy() -> None:
    assert use_of(facts(), RULE, NOW) is None


@pytest.mark.parametrize(("bolus_ml", "limit"), [(0.0, 8), (0.05, 0)])
def test_without_boluses_every_way_is_the_programme(bolus_ml: float, limit: int) -> None:
    found = use(known(*[3] * 28, bolus_ml=bolus_ml, limit=limit))
    assert (found.worst_daily_ml, found.is_learning) == (0.3, False)
    days = {found.programme_days(6.0), found.own_days(6.0), found.worst_days(6.0), found.sure_days(6.0, 0.95, 3.0)}
    assert days == {20.0}


def test_own_use_is_the_mean_of_the_last_six_known_weeks() -> None:
    found = use(known(*[4] * 20, None, *[2] * 22, *[8] * 40))
    assert found.known_days == MEAN_DAYS
    assert found.bolus_daily_ml == pytest.approx(0.05 * (20 * 4 + 22 * 2 + 0.5) / 42)


def test_days_of_another_prescription_are_not_known() -> None:
    found = use(known(*[2] * 15, *[8] * 40, reprogrammed_at=NOW - timedelta(days=15, hours=3)))
    assert (found.known_days, found.is_learning) == (15, False)


@pytest.mark.parametrize(
    ("contacts", "days"),
    [
        pytest.param((Contact("hand-1", (NOW,)),), 20, id="just heard"),
        pytest.param((Contact("hand-1", (ago(2),)),), 20, id="heard two hours ago"),
        pytest.param((Contact("hand-1", (ago(12),)),), 19, id="half of today may not be handed in"),
        pytest.param((Contact("hand-1", (NOW,)), Contact("hand-2", (ago(3 * DAY),))), 17, id="the least heard"),
        pytest.param((Contact("hand-1", (NOW,)), Contact("hand-2", ())), 0, id="one that was never heard"),
        pytest.param((Contact("hand-1", (ago(90 * DAY),)),), 0, id="silent for longer than anything is known"),
    ],
)
def test_days_that_a_device_has_not_handed_in_are_not_known(contacts: tuple[Contact, ...], days: int) -> None:
    found = use(known(*[2] * 20, contacts=contacts))
    assert found.known_days == days


def test_while_it_learns_nothing_but_the_worst_case_is_sure() -> None:
    found = use(known(*[1] * 13))
    assert found.is_learning
    assert found.sure_days(7.0, 0.95, 0.0) == found.worst_days(7.0) == 7.0 / 0.7
    assert found.bolus_daily_ml == pytest.approx(0.05 * (13 + 4) / 14)  # a day that is not known: half of the limit
    assert not use(known(*[1] * 14)).is_learning


def test_whatever_the_use_every_bolus_counts_for_the_next_days() -> None:
    found = use(known(*[1] * 28))
    assert found.sure_days(2.0, 0.95, 3.0) == found.worst_days(2.0)
    assert found.sure_days(2.0, 0.95, 2.5) > found.worst_days(2.0)


def test_demand_that_rises_counts_as_it_is_now() -> None:
    steady, risen = use(known(*[2] * 28)), use(known(*[6] * 7, *[2] * 21))
    assert risen.sure_days(7.0, 0.95, 0.0) == pytest.approx(7.0 / (0.3 + 6 * 0.05))
    assert risen.sure_days(7.0, 0.95, 0.0) < steady.sure_days(7.0, 0.95, 0.0)


def test_what_the_level_fell_by_counts_though_no_bolus_was_told() -> None:
    """A handheld that does not hand its log in hides boluses; the pump counted them."""
    level: dict[str, Any] = {"reading": reading(10.0, 0), "earlier_reading": reading(14.2, 7 * DAY)}
    found = use(known(*[0] * 28, **level))
    assert found.recent_daily_ml == pytest.approx(0.3)
    assert found.sure_days(6.0, 0.95, 0.0) == pytest.approx(10.0)
    level["earlier_reading"] = reading(11.8, 2.9 * DAY)  # too short: perhaps a profile that flows by day
    assert use(known(*[0] * 28, **level)).recent_daily_ml == 0.0


def test_the_sure_time_is_as_sure_as_wanted() -> None:
    """Days as they are drawn in clinics: of many patients, the wanted part lasts until then."""
    draw, lasted, trials = Random(5), 0, 2_000
    for _ in range(trials):
        mean = draw.uniform(1.0, 4.0)
        chances = [min(1.0, mean * draw.gammavariate(6, 1 / 6) / 40) for _ in range(70)]
        days = [sum(draw.random() < chance for _ in range(40)) for chance in chances]
        found = use(known(*days[:28], limit=60))
        until = found.sure_days(6.0, 0.95, 0.0)
        whole = int(until)
        used = 0.3 * until + 0.05 * (sum(days[28 : 28 + whole]) + days[28 + whole] * (until - whole))
        lasted += used <= 6.0
    assert 0.94 <= lasted / trials <= 0.99


amounts = st.floats(0, 100) | st.sampled_from([0.0, 5e-324, 1e-6, 100.0])
counted = st.lists(st.none() | st.integers(0, 600), max_size=40)


def in_order(found: Use, left: float, surge: float, probability: float = 0.95) -> tuple[float, float, float, float]:
    times = (
        found.worst_days(left),
        found.sure_days(left, probability, surge),
        found.own_days(left),
        found.programme_days(left),
    )
    assert not any(math.isnan(each) for each in times)
    return times


@given(amounts, amounts, st.integers(0, 96), counted, amounts, st.floats(0, 14), st.floats(0.5, 0.999), amounts)
@settings(max_examples=400, deadline=None)
def test_worst_case_then_surely_then_own_use_then_programme(
    daily: float, bolus: float, limit: int, days: list[int | None], left: float, surge: float, sure: float, fell: float
) -> None:
    level: dict[str, Any] = {"reading": reading(0.0, 0), "earlier_reading": reading(fell, 7 * DAY)}
    found = use(replace(known(*days, **level), therapy=Therapy(NOW, daily, bolus, limit)))
    worst, surely, own, programme = in_order(found, left, surge, sure)
    assert 0 <= worst <= surely <= max(own, worst)
    assert own <= programme
    assert worst <= own or math.isclose(worst, own)


@given(st.lists(st.integers(0, 8), min_size=28, max_size=28), st.integers(0, 27), st.floats(0.5, 30))
def test_one_bolus_more_never_makes_a_date_by_own_use_later(days: list[int], which: int, left: float) -> None:
    more = list(days)
    more[which] += 1
    assert use(known(*more)).own_days(left) <= use(known(*days)).own_days(left)


@given(st.integers(0, 7), st.integers(1, 4), st.floats(0.5, 30), st.floats(0, 14))
def test_a_patient_who_uses_more_every_day_lasts_no_longer(each: int, more: int, left: float, surge: float) -> None:
    less, often = use(known(*[each] * 28, limit=12)), use(known(*[each + more] * 28, limit=12))
    assert often.sure_days(left, 0.95, surge) <= less.sure_days(left, 0.95, surge)


@given(st.lists(st.integers(0, 8), min_size=28, max_size=28), st.floats(0.0, 20), st.floats(0.01, 20))
def test_more_in_the_reservoir_lasts_longer_and_surer_is_sooner(days: list[int], left: float, more: float) -> None:
    found = use(known(*days))
    assume(left + more > left)
    assert found.sure_days(left, 0.95, 3.0) <= found.sure_days(left + more, 0.95, 3.0)
    assert found.sure_days(left, 0.99, 3.0) <= found.sure_days(left, 0.95, 3.0)
