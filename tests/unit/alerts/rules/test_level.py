"""Which of the numbers of a reservoir counts, what is beyond its size, and a volume that rises."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import ReadingBasis
from schemas.policy import InfusionPolicy, Policy
from services.alerts.facts.model import DayWindow, Flow, PumpFacts, Reading, Refill, Therapy
from services.alerts.model import Condition, key_of
from services.alerts.rules.reservoir.beyond_size import beyond_size
from services.alerts.rules.reservoir.level import level_of
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from services.alerts.rules.reservoir.refill_discrepancy import refill_discrepancy
from services.alerts.rules.reservoir.volume_fall import volume_fall
from tests.unit.alerts.rules.builders import MEDIUM, NOW, ago, facts, reading, refill

DAY = 24.0
CONSTANT = Therapy(ago(60 * DAY), daily_ml=0.4)
THERAPY = Therapy(ago(60 * DAY), daily_ml=0.4, bolus_ml=0.1, bolus_limit=4)


def measured(volume_ml: float, hours: float = 1) -> Reading:
    return Reading(volume_ml, ReadingBasis.MEASURED, ago(hours))


def known(of: Reading, computed: Reading | None = None, **values: Any) -> PumpFacts:
    """A measured level, and what the pump computed since."""
    given: dict[str, Any] = {"therapy": THERAPY, "measured_reading": of, "reading": computed or of} | values
    return facts(**given)


def level_ml(found: PumpFacts) -> tuple[float, str] | None:
    level = level_of(found, NOW)
    return None if level is None else (round(level.volume_ml, 3), level.basis)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(facts(), None, id="nothing is known"),
        pytest.param(facts(reading=reading(9.9)), (9.9, "computed"), id="a computed one alone"),
        pytest.param(known(measured(1.0, 24)), (0.6, "measured"), id="a measured one, less a day's flow"),
        pytest.param(known(measured(1.0, 24), therapy=None), (1.0, "measured"), id="nobody knows what flows"),
        pytest.param(known(measured(1.0, 24), reading(9.9)), (0.6, "measured"), id="it holds against a computed one"),
        pytest.param(known(measured(9.0, 24), reading(1.5)), (1.5, "computed"), id="a computed one that is lower"),
        pytest.param(known(measured(0.2, 24), reading(9.9)), (0.0, "measured"), id="no less than nothing"),
        pytest.param(known(measured(83, 24), reading(83)), (39.6, "measured"), id="no more than the pump holds"),
        pytest.param(facts(reading=reading(83)), (40.0, "computed"), id="nor a computed one"),
        pytest.param(facts(refill=refill(83, 1)), (40.0, "refill"), id="nor a filling"),
        pytest.param(
            facts(refill=refill(83, 1), therapy=Therapy(NOW, 0.4, size_ml=20)), (20.0, "refill"), id="of 20 mL"
        ),
        pytest.param(
            facts(reading=reading(9), therapy=Therapy(NOW, 0.4, size_ml=0.0)), (9.0, "computed"), id="of no size"
        ),
        pytest.param(
            facts(refill=refill(18, 1), reading=measured(1.9, 0.8)), (18.0, "refill"), id="what was drawn off"
        ),
        pytest.param(
            known(measured(1.9, 0.5), refill=refill(18, 1), therapy=None), (1.9, "measured"), id="found after it"
        ),
        pytest.param(facts(refill=refill(18, 1), reading=reading(17, 0.9)), (17.0, "computed"), id="computed after it"),
        pytest.param(
            known(measured(9.0, 48), windows=(DayWindow(0, heard=True, delivered=3),) * 4),
            (7.6, "measured"),
            id="with the boluses of two days",
        ),
        pytest.param(
            known(measured(9.0, 36), windows=(DayWindow(0, heard=True, delivered=4),) * 4),
            (7.8, "measured"),
            id="of half a day half",
        ),
        pytest.param(
            known(measured(9.0, 240), earlier_flows=(Flow(ago(90 * DAY), 9.0),)), (5.0, "measured"), id="one programme"
        ),
        pytest.param(
            known(
                measured(9.0, 240),
                therapy=Therapy(ago(2 * DAY), daily_ml=1.0),
                earlier_flows=(Flow(ago(5 * DAY), 0.5), Flow(ago(30 * DAY), 0.2), Flow(ago(31 * DAY), 7.0)),
            ),
            (4.5, "measured"),
            id="each programme in its time",
        ),
        pytest.param(
            known(measured(9.0, 96), therapy=Therapy(ago(DAY), daily_ml=0.5), earlier_flows=(Flow(ago(2 * DAY), 1.0),)),
            (5.5, "measured"),
            id="before the first that is known, the fastest",
        ),
    ],
)
def test_the_level_that_counts(found: PumpFacts, expected: tuple[float, str] | None) -> None:
    assert level_ml(found) == expected


def told(found: PumpFacts) -> str:
    (condition,) = low_reservoir(found, Policy(), NOW)
    return condition.explanation


def test_the_page_says_both_numbers_and_which_one_counts() -> None:
    assert told(known(measured(1.0, 24), reading(9.9))) == (
        "0.6 mL left: 1.0 mL measured 21 Nov 2026 12:00 UTC, less 0.4 mL programmed to flow since; at or below the "
        "alarm level of 2.0 mL. The pump computed 9.9 mL 22 Nov 2026 11:00 UTC; what was measured counts until a "
        "refill."
    )
    assert told(known(measured(9.0, 24), reading(1.5))) == (
        "1.5 mL left, computed by the pump 22 Nov 2026 11:00 UTC; at or below the alarm level of 2.0 mL. By what was "
        "measured it is more (8.6 mL left: 9.0 mL measured 21 Nov 2026 12:00 UTC, less 0.4 mL programmed to flow "
        "since); the lower counts."
    )
    assert told(known(measured(1.0, 0.5), reading(9.9, 0.2))).startswith(
        "1.0 mL left, measured 22 Nov 2026 11:30 UTC; "
    )
    assert told(facts(refill=refill(1.8, 1))).endswith("If more was filled in, correct the entry.")


def test_the_evidence_has_both_numbers_and_does_not_change_by_the_minute() -> None:
    (condition,) = low_reservoir(known(measured(1.96, 24.2), reading(9.9)), Policy(), NOW)
    assert dict(condition.evidence) == {
        "limit_ml": 2.0,
        "volume_ml": 1.6,
        "basis": "measured",
        "measured_ml": 1.96,
        "computed_ml": 9.9,
    }
    assert condition.since == ago(24.2)


def test_a_level_that_sinks_below_the_limit_is_low_from_then_on() -> None:
    (condition,) = low_reservoir(known(measured(2.2, 24), reading(9.9)), Policy(), NOW)
    assert condition.since == NOW


def beyond(found: PumpFacts) -> list[tuple[str, str, str]]:
    policy = Policy()
    return [(each.key, each.title, each.explanation) for each in beyond_size(found, policy, NOW)]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Refill(83, ago(2), 2, 2), "83.0 mL were entered as filled in at the refill of 22 Nov 2026 10:00 UTC"),
        (Refill(38, ago(2), 2, 83), "83.0 mL were entered as found at the refill of 22 Nov 2026 10:00 UTC"),
        (Refill(38, ago(2), 83, 2), "83.0 mL were entered as expected at the refill of 22 Nov 2026 10:00 UTC"),
    ],
)
def test_an_entry_of_more_than_the_pump_holds(entry: Refill, words: str) -> None:
    found = facts(refill=entry, therapy=THERAPY, reading=reading(83))
    assert beyond(found) == [
        (
            key_of("beyond_size", ago(2)),
            "83 mL were entered into a pump of 40 mL",
            f"{words}, and the pump holds 40 mL. Until that is corrected, it counts as 40 mL.",
        )
    ]


def test_a_reading_of_more_than_the_pump_holds() -> None:
    assert beyond(facts(reading=reading(83))) == [
        (
            "reading_beyond_size",
            "83 mL were told of a pump of 40 mL",
            "83.0 mL were computed 22 Nov 2026 11:00 UTC, and the pump holds at most 40 mL. "
            "Until that is corrected, it counts as 40 mL.",
        )
    ]


@pytest.mark.parametrize(
    "found",
    [
        facts(),
        facts(refill=Refill(40.5, ago(2)), reading=reading(40.5)),
        facts(refill=Refill(83, ago(15 * DAY)), reading=reading(39)),
        facts(reading=reading(83, 15 * DAY)),
    ],
)
def test_what_the_pump_holds_and_what_is_no_news(found: PumpFacts) -> None:
    assert beyond(found) == []


def rise(newest: float, first: float, days: float = 2, **values: Any) -> PumpFacts:
    computed = Reading(first, ReadingBasis.COMPUTED, ago(days * DAY))
    given: dict[str, Any] = {"therapy": THERAPY, "reading": reading(newest, 0), "earlier_reading": computed} | values
    return facts(**given)


ROSE = "Volume rose; no refill is recorded"


@pytest.mark.parametrize(
    ("found", "title"),
    [
        pytest.param(rise(26, 10), ROSE, id="by 16 mL"),
        pytest.param(rise(26, 10, therapy=None), ROSE, id="whatever is programmed"),
        pytest.param(rise(12.1, 10, 0.01), ROSE, id="by more than 2 mL"),
        pytest.param(rise(11.9, 10, 0.01), None, id="by less"),
        pytest.param(rise(11.4, 10), ROSE, id="by less than 2 mL, though 0.8 mL have flowed"),
        pytest.param(rise(10.4, 10), None, id="the noise of a reading"),
        pytest.param(rise(26, 10, 16, reading=reading(26, 15 * DAY)), None, id="no news"),
        pytest.param(rise(20, 10, reading=measured(20, 0)), None, id="a measured one is no computed one"),
        pytest.param(
            rise(17, 17, earlier_reading=None, first_reading=reading(3, 24)), ROSE, id="a therapy does not hide it"
        ),
        pytest.param(rise(21, 21, refill=Refill(18, ago(5 * DAY))), ROSE, id="more than was filled in"),
        pytest.param(rise(21, 21, refill=Refill(18, NOW)), None, id="a reading of before the refill"),
        pytest.param(rise(19.9, 20, refill=Refill(18, ago(5 * DAY))), None, id="about what was filled in"),
    ],
)
def test_a_volume_that_rises(found: PumpFacts, title: str | None) -> None:
    assert [each.title for each in volume_fall(found, Policy(), NOW)] == ([title] if title else [])


def test_how_much_a_volume_may_rise_is_the_policys() -> None:
    policy = Policy(infusion=InfusionPolicy(rise_ml=17))
    assert volume_fall(rise(26, 10), policy, NOW) == ()


def only(found: tuple[Condition, ...]) -> Condition:
    (condition,) = found
    return condition


def test_the_text_of_a_rise() -> None:
    found = only(volume_fall(rise(26, 10), Policy(), NOW))
    assert found.explanation == (
        "16.0 mL more than 20 Nov 2026 12:00 UTC. If the pump was refilled, enter the refill; if not, ask which "
        "volume it was told."
    )
    assert (found.priority, found.key, dict(found.evidence)) == (MEDIUM, "volume", {"rose_ml": 16.0})


def test_what_was_measured_is_not_undone_by_computed_ones() -> None:
    found = known(
        measured(1.0, 2),
        reading(9.9),
        therapy=CONSTANT,
        refill=Refill(18, ago(20 * DAY)),
        earlier_reading=reading(12.6, 7 * DAY),
    )
    assert only(volume_fall(found, Policy(), NOW)).title == "Reservoir falls faster than programmed"


def test_a_reservoir_that_is_found_empty_too_early_fell_faster() -> None:
    found = known(measured(0.0, 2), therapy=CONSTANT, refill=Refill(18, ago(20 * DAY)))
    assert only(volume_fall(found, Policy(), NOW)).title == "Reservoir falls faster than programmed"
    due = known(measured(0.0, 2), therapy=CONSTANT, refill=Refill(18, ago(45 * DAY)))
    assert volume_fall(due, Policy(), NOW) == ()


def test_nothing_is_written_as_less_than_nothing() -> None:
    found = facts(
        therapy=Therapy(ago(60 * DAY), daily_ml=1.0),
        reading=reading(10.04, 0),
        earlier_reading=Reading(10.0, ReadingBasis.COMPUTED, ago(6 * DAY)),
    )
    assert only(volume_fall(found, Policy(), NOW)).explanation.startswith("0.0 mL more since")
    assert told(facts(reading=reading(-0.0))).startswith("0.0 mL left")


def test_a_first_measured_volume_that_a_newer_one_corrects_is_no_pocket_fill() -> None:
    first: dict[str, Any] = {"refill": Refill(18, ago(DAY)), "filled_reading": measured(5, 20)}
    assert [each.title for each in refill_discrepancy(facts(**first), Policy(), NOW)] == ["Possible pocket fill"]
    for newer, titles in (
        (measured(17.9, 1), []),
        (measured(4.8, 1), ["Possible pocket fill"]),
        (Reading(17.9, ReadingBasis.MEASURED, ago(-3 * DAY)), ["Possible pocket fill"]),
    ):
        found = refill_discrepancy(facts(**first, measured_reading=newer), Policy(), NOW)
        assert [each.title for each in found] == titles


def visits(*told: tuple[float, float], filled: float = 38.0) -> tuple[Refill, ...]:
    """(expected, measured) of refills a month apart, the oldest first."""
    count = len(told)
    return tuple(Refill(filled, ago((count - 1 - n) * 30 * DAY), *each) for n, each in enumerate(told))[::-1]


def titles(*told: tuple[float, float]) -> list[str]:
    return [each.title for each in refill_discrepancy(facts(refills=visits(*told)[:4]), Policy(), NOW)]


MORE = "Refill discrepancy: more was infused than programmed"


@pytest.mark.parametrize(
    ("told", "raises"),
    [
        pytest.param([(12, 12)] * 3 + [(12, 1.2)], True, id="a slip"),
        pytest.param([(12, 12), (12, 12), (12, 1.2), (12, 12)], False, id="the refill after it"),
        pytest.param([(12, 12), (12, 1.2), (12, 12), (12, 12)], False, id="the second after it"),
        pytest.param([(12, 12), (12, 1.2), (12, 11.4), (12, 11.4)], False, id="a sound pump's noise after it"),
        pytest.param([(12, 12), (12, 10), (12, 10), (12, 10)], True, id="three agree"),
        pytest.param([(12, 12), (12, 10), (12, 12), (12, 10)], False, id="two of 7.7 %, and one of nothing"),
        pytest.param([(12, 12), (12, 13.5), (12, 10), (12, 10.2)], False, id="not of one sign"),
        pytest.param([(37, 37), (38, 37.5), (38, 37.5), (38, 37.5)], False, id="too little was programmed"),
    ],
)
def test_one_slip_is_no_trend(told: list[tuple[float, float]], raises: bool) -> None:
    assert titles(*told) == ([MORE] if raises else [])


def test_a_misplaced_point_is_named() -> None:
    (found,) = refill_discrepancy(facts(refills=visits((12, 12), (12, 1.2))), Policy(), NOW)
    assert found.explanation.endswith("One is about ten times the other: if that is a slip, correct the entry.")
    (found,) = refill_discrepancy(facts(refills=visits((12, 12), (12, 0.0))), Policy(), NOW)
    assert "slip" not in found.explanation
