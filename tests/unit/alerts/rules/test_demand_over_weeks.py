"""Rising demand, demand gone silent, the limit and refusals."""

from __future__ import annotations

import pytest

from schemas.policy import Policy
from services.alerts.facts.model import Contact, DayWindow, PumpFacts
from services.alerts.model import Strength
from services.alerts.rules.demand.bolus_limit import bolus_limit
from services.alerts.rules.demand.demand_drift import demand_drift
from services.alerts.rules.demand.demand_silent import demand_silent
from tests.unit.alerts.rules.builders import LOW, MEDIUM, NOW, ago, facts

FULL, HOLDING = Strength.FULL, Strength.HOLDING


def days(*runs: tuple[int, int | None]) -> PumpFacts:
    """Newest first: (how many days, attempts on each; None: nothing was heard)."""
    return facts(
        windows=tuple(
            DayWindow(attempts or 0, attempts is not None, attempts or 0)
            for many, attempts in runs
            for _ in range(many)
        )
    )


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(days((84, 3)), None, id="as ever"),
        pytest.param(days((28, 5), (56, 3)), FULL, id="four weeks of more"),
        pytest.param(days((28, 4), (56, 3)), HOLDING, id="four weeks of somewhat more"),
        pytest.param(days((7, 5), (77, 3)), None, id="one week of somewhat more"),
        pytest.param(days((7, 8), (77, 3)), FULL, id="one week of much more"),
        pytest.param(days((7, 6), (7, 5), (7, 4), (63, 3)), FULL, id="more each week"),
        pytest.param(days((7, 3), (7, 4), (7, 5), (7, 6), (56, 3)), HOLDING, id="a rise that is over"),
        pytest.param(days((28, 0), (56, 0)), None, id="never asked"),
        pytest.param(days((6, 1), (78, 0)), None, id="six requests are no demand that rises"),
        pytest.param(days((28, 2), (56, 3)), None, id="less is no rise"),
        pytest.param(days((28, 5), (27, 3)), HOLDING, id="too little is known before"),
        pytest.param(days((28, 5), (28, 3)), FULL, id="four weeks are known before"),
        pytest.param(days((28, 5), (30, None), (28, 3)), FULL, id="days without an upload are missing"),
        pytest.param(days((7, None), (21, 5), (56, 3)), FULL, id="and so are the newest"),
        pytest.param(days((28, None), (56, 3)), None, id="a month of nothing is no rise"),
    ],
)
def test_a_drift(known: PumpFacts, expected: Strength | None) -> None:
    found = demand_drift(known, Policy(), NOW)
    assert [each.strength for each in found] == ([expected] if expected else [])


def test_the_text_of_a_drift_tells_the_newest_week_where_it_is_higher() -> None:
    (found,) = demand_drift(days((7, 6), (7, 5), (7, 4), (63, 3)), Policy(), NOW)
    expected = "4.5 requests a day over the last 28 days and 6.0 over the last 7; 3.0 a day before."
    assert found.explanation == expected
    (found,) = demand_drift(days((7, None), (21, 5), (56, 3)), Policy(), NOW)
    assert found.explanation == "5.0 requests a day over the last 28 days; 3.0 a day before."


def test_the_text_of_a_drift() -> None:
    (found,) = demand_drift(days((28, 5), (56, 3)), Policy(), NOW)
    assert found.explanation == "5.0 requests a day over the last 28 days; 3.0 a day before."
    assert (found.key, found.priority, found.since) == ("drift", MEDIUM, ago(28 * 24))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(days((84, 3)), None, id="as ever"),
        pytest.param(days((7, 0), (77, 3)), FULL, id="a week without a request"),
        pytest.param(days((2, 0), (82, 8)), HOLDING, id="two days are too few, whatever was usual"),
        pytest.param(days((7, None), (77, 3)), HOLDING, id="a week of which nothing is known"),
        pytest.param(days((4, None), (7, 0), (73, 3)), FULL, id="known days count, the others do not"),
        pytest.param(days((7, 0), (70, 0)), HOLDING, id="never asked, as far as is known"),
        pytest.param(days((7, 0), (10, 3)), HOLDING, id="too little is known before"),
        pytest.param(days((7, 0), *((1, 1), (6, 0)) * 11), HOLDING, id="who asks once a week is silent often"),
        pytest.param(facts(), None, id="nothing is known at all"),
    ],
)
def test_a_silence(known: PumpFacts, expected: Strength | None) -> None:
    found = demand_silent(known, Policy(), NOW)
    assert [each.strength for each in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param((Contact("pump-1", (NOW,)), Contact("hand-1", (ago(2),))), FULL, id="the handheld is heard"),
        pytest.param((Contact("pump-1", (NOW,)), Contact("hand-1", (ago(150),))), HOLDING, id="it fell silent too"),
        pytest.param((Contact("hand-1", ()),), HOLDING, id="it was never heard"),
        pytest.param((Contact("pump-1", (NOW,)),), FULL, id="there is none"),
    ],
)
def test_a_handheld_that_is_lost_is_no_silent_patient(heard: tuple[Contact, ...], expected: Strength) -> None:
    known = facts(windows=days((7, 0), (77, 3)).windows, contacts=heard)
    assert [each.strength for each in demand_silent(known, Policy(), NOW)] == [expected]


def week(*each: tuple[int, int, int]) -> PumpFacts:
    """(delivered, refused, of them at the limit) of each day, newest first."""
    return facts(
        windows=tuple(
            DayWindow(delivered + refused, True, delivered + refused, delivered, refused, at_limit)
            for delivered, refused, at_limit in each
        )
    )


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(week(*((4, 0, 0),) * 7), [], id="never refused"),
        pytest.param(week(*((4, 1, 1),) * 5, *((4, 0, 0),) * 2), [("limit_days", FULL)], id="five of seven days"),
        pytest.param(week(*((4, 1, 1),) * 4, *((4, 0, 0),) * 3), [("limit_days", HOLDING)], id="four of seven days"),
        pytest.param(week(*((4, 1, 1),) * 3, *((4, 0, 0),) * 4), [], id="three of seven days"),
        pytest.param(week(*((1, 3, 0),) * 7), [("refused_share", FULL)], id="one of four delivered"),
        pytest.param(week(*((2, 3, 0),) * 7), [("refused_share", HOLDING)], id="two of five delivered"),
        pytest.param(week((0, 9, 0), *((0, 0, 0),) * 6), [], id="too few requests for a share"),
        pytest.param(
            week(*((0, 9, 1),) * 4), [("limit_days", HOLDING), ("refused_share", HOLDING)], id="four days known"
        ),
    ],
)
def test_limit_and_refusals(known: PumpFacts, expected: list[tuple[str, Strength]]) -> None:
    found = bolus_limit(known, Policy(), NOW)
    assert [(each.key, each.strength) for each in found] == expected
    assert all(each.priority is LOW for each in found)
