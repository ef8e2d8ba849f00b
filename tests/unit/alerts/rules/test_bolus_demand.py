"""Unusual demand: against the pump's own days, explained, and silent where nobody can tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.policy import BolusDemandPolicy, Policy
from services.alerts.facts.model import DayWindow, Demand, PumpFacts
from services.alerts.model import Strength
from services.alerts.rules.demand.bolus_demand import bolus_demand
from tests.unit.alerts.rules.builders import MEDIUM, NOW, ago, demand, facts, refill, windows

FULL, HOLDING = Strength.FULL, Strength.HOLDING
TWO_A_DAY = (2, 3, 2, 1, 2, 3, 2, 2, 1, 2, 3, 2, 2, 2, 3, 1, 2, 2, 2, 3, 2, 1, 2, 3, 2, 2, 2)


def known(today: int | None, earlier: tuple[int | None, ...] = TWO_A_DAY, **outcomes: int) -> PumpFacts:
    counts = demand(today or 0) if not outcomes else demand(**outcomes)
    return facts(demand=counts, windows=windows(today, *earlier))


@pytest.mark.parametrize(
    ("pump", "expected"),
    [
        pytest.param(known(2), None, id="an ordinary day"),
        pytest.param(known(5), None, id="fewer than the minimum never raise"),
        pytest.param(known(7), HOLDING, id="rare, and not rare enough to raise"),
        pytest.param(known(12), FULL, id="a surge"),
        pytest.param(known(12, TWO_A_DAY[:15]), HOLDING, id="13 known days before the last three: still learning"),
        pytest.param(known(12, TWO_A_DAY[:16]), FULL, id="14 known days"),
        pytest.param(known(12, (None,) * 13 + TWO_A_DAY[:14]), FULL, id="days without an upload are missing"),
        pytest.param(known(12, (None,) * 14 + TWO_A_DAY[:13]), HOLDING, id="missing days do not count as known"),
        pytest.param(known(None), HOLDING, id="nothing heard: nobody can tell"),
        pytest.param(facts(), HOLDING, id="nothing is known at all"),
        pytest.param(known(7, (0,) * 27), FULL, id="a pump that was never asked"),
        pytest.param(known(9, (7, 8, 9, 8, 7, 9, 8) * 3), None, id="nine is usual for this one"),
        pytest.param(known(12, (2, 12, 0, 9, 1, 14, 2) * 3), None, id="twelve is usual for one that swings"),
    ],
)
def test_the_condition(pump: PumpFacts, expected: Strength | None) -> None:
    found = bolus_demand(pump, Policy(), NOW)
    assert [condition.strength for condition in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Demand(denied_lockout=6, delivered=3), "9 requests in 24 h, 6 of them refused in lockout; usually 2.0 a day."),
        (Demand(delivered=9), "9 requests in 24 h; usually 2.0 a day."),
        (
            Demand(delivered=3, denied_lockout=4, denied_limit=2),
            "9 requests in 24 h, 4 of them refused in lockout and 2 refused at the limit; usually 2.0 a day.",
        ),
        (
            Demand(denied_limit=7, denied_other=1, comm_failure=1),
            "9 requests in 24 h, 7 of them refused at the limit, 1 refused for another reason and 1 of unknown "
            "outcome; usually 2.0 a day.",
        ),
    ],
)
def test_the_text_explains(counts: Demand, expected: str) -> None:
    (found,) = bolus_demand(facts(demand=counts, windows=windows(9, *[2] * 27)), Policy(), NOW)
    assert found.explanation == expected
    assert (found.key, found.title, found.priority) == ("attempts_24h", "Unusual bolus demand", MEDIUM)
    assert found.since == NOW
    assert found.evidence["attempts_24h"] == 9
    assert found.evidence["usual_per_day"] == 2.02
    assert found.evidence["baseline_days"] == 25


def test_since_is_the_first_request_of_the_day() -> None:
    (found,) = bolus_demand(known(12), Policy(), NOW)
    assert found.since == ago(20)


def test_learning_and_silence_say_so() -> None:
    (learning,) = bolus_demand(known(12, TWO_A_DAY[:5]), Policy(), NOW)
    assert learning.explanation == "Still learning: 3 of 14 days are known."
    (silent,) = bolus_demand(known(None), Policy(), NOW)
    assert silent.explanation == "Nothing was heard in the last 24 h."


def test_a_shorter_baseline_of_the_policy_uses_the_newest_days_only() -> None:
    policy = Policy(bolus_demand=BolusDemandPolicy(baseline_days=10, minimum_days=7))
    (found,) = bolus_demand(known(13, (2,) * 9 + (12,) * 18), policy, NOW)
    assert (found.strength, found.evidence["usual_per_day"]) == (FULL, 2.07)


def test_three_days_together_may_be_rare_where_none_of_them_is() -> None:
    (found,) = bolus_demand(known(8, (7, 7, *TWO_A_DAY)), Policy(), NOW)
    assert (found.strength, found.evidence["span_days"], found.since) == (FULL, 3, ago(72))
    assert found.explanation.startswith("22 requests in 3 days, 8 requests in 24 h; usually 2")


def test_what_was_before_a_reprogramming_does_not_count() -> None:
    changed = replace(known(12), reprogrammed_at=ago(24 * 10))
    assert [each.strength for each in bolus_demand(changed, Policy(), NOW)] == [HOLDING]


def test_of_the_days_before_a_refill_only_some_count() -> None:
    refilled = replace(known(12, TWO_A_DAY * 4), refills=(refill(18, 24 * 10),))
    (found,) = bolus_demand(refilled, Policy(), NOW)
    assert found.evidence["baseline_days"] == 10 + 84 - 3


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(
            DayWindow(4, heard=True, requests=12, delivered=12), FULL, id="two deliveries are always two requests"
        ),
        pytest.param(
            DayWindow(4, heard=True, requests=12, delivered=4, refused=8), None, id="pressed again when refused"
        ),
    ],
)
def test_presses_within_minutes_are_one_request(day: DayWindow, expected: Strength | None) -> None:
    found = bolus_demand(facts(demand=demand(12), windows=(day, *windows(*TWO_A_DAY))), Policy(), NOW)
    assert [condition.strength for condition in found] == ([expected] if expected else [])
