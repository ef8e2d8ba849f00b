"""Low and empty reservoirs: level, hysteresis, the pump's own alarms, and refills."""

from __future__ import annotations

import pytest

from schemas.events import AlarmCode
from schemas.policy import LowReservoirPolicy, Policy, Priority
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, Strength
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from tests.unit.alerts.rules.builders import HIGH, MEDIUM, NOW, ago, alarm, facts, reading, refill

FULL, HOLDING = Strength.FULL, Strength.HOLDING
LOW_RAISED, LOW_CLEARED = alarm("low_reservoir raised", 5), alarm("low_reservoir cleared", 1)
EMPTY_RAISED = alarm("empty_reservoir raised", 2)


def only(known: PumpFacts, policy: Policy | None = None) -> Condition | None:
    found = low_reservoir(known, policy or Policy(), NOW)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(facts(), (HOLDING, MEDIUM), id="nothing is known"),
        pytest.param(facts(reading=reading(2.01)), (HOLDING, MEDIUM), id="just above the level"),
        pytest.param(facts(reading=reading(2.0)), (FULL, MEDIUM), id="at the level"),
        pytest.param(facts(reading=reading(2.99)), (HOLDING, MEDIUM), id="inside the hysteresis"),
        pytest.param(facts(reading=reading(3.0)), None, id="at level and hysteresis"),
        pytest.param(facts(reading=reading(0.0)), (FULL, HIGH), id="a reading of nothing is empty"),
        pytest.param(facts(reading=reading(1.0, basis="measured")), (FULL, MEDIUM), id="measured counts as well"),
        pytest.param(
            facts(reading=reading(3.5), programmed_low_ml=4.0), (FULL, MEDIUM), id="the programmed level counts"
        ),
        pytest.param(
            facts(reading=reading(1.5), programmed_low_ml=0.0), None, id="programmed to zero, above hysteresis"
        ),
        pytest.param(facts(reading=reading(15), alarms=(LOW_RAISED,)), (FULL, MEDIUM), id="the pump says low"),
        pytest.param(facts(alarms=(LOW_RAISED,)), (FULL, MEDIUM), id="the pump says low, no reading"),
        pytest.param(facts(reading=reading(15), alarms=(LOW_RAISED, LOW_CLEARED)), None, id="cleared again"),
        pytest.param(facts(alarms=(LOW_RAISED, EMPTY_RAISED)), (FULL, HIGH), id="low becomes empty"),
        pytest.param(facts(reading=reading(1, 9), refill=refill(18, 1)), None, id="refilled after the reading"),
        pytest.param(facts(reading=reading(1, 1), refill=refill(18, 9)), (FULL, MEDIUM), id="reading after the refill"),
        pytest.param(facts(reading=reading(1, 1), refill=refill(18, 1)), None, id="same instant: the refill counts"),
        pytest.param(
            facts(refill=refill(18, 1), alarms=(LOW_RAISED, EMPTY_RAISED)), None, id="a refill ends both alarms"
        ),
        pytest.param(
            facts(refill=refill(18, 3), alarms=(LOW_RAISED, EMPTY_RAISED)), (FULL, HIGH), id="empty after the refill"
        ),
        pytest.param(
            facts(refill=refill(18, 2), alarms=(LOW_RAISED, EMPTY_RAISED)), (FULL, HIGH), id="same instant: it stands"
        ),
        pytest.param(facts(refill=refill(2.5, 1)), None, id="a small refill clears"),
        pytest.param(facts(refill=refill(1.5, 1)), (FULL, MEDIUM), id="a refill that leaves it low does not"),
        pytest.param(facts(alarms=(alarm("motor_stall raised", 1),), reading=reading(9)), None, id="another alarm"),
    ],
)
def test_the_condition(known: PumpFacts, expected: tuple[Strength, Priority] | None) -> None:
    found = only(known)
    assert (found and (found.strength, found.priority)) == expected


def test_the_text_of_a_low_level() -> None:
    found = only(facts(reading=reading(1.84, 3)))
    assert found is not None
    assert found.title == "Low reservoir"
    assert (
        found.explanation
        == "1.8 mL left, computed by the pump 22 Nov 2026 09:00 UTC; at or below the alarm level of 2.0 mL."
    )
    assert found.evidence == {"limit_ml": 2.0, "volume_ml": 1.84, "basis": "computed"}
    assert (found.key, found.since) == ("reservoir", ago(3))


def test_the_text_of_an_empty_alarm_with_a_level_that_contradicts_it() -> None:
    found = only(facts(reading=reading(9, 1), alarms=(EMPTY_RAISED,)))
    assert found is not None
    assert found.title == "Empty reservoir"
    assert found.explanation == (
        "9.0 mL left, computed by the pump 22 Nov 2026 11:00 UTC; above the alarm level of 2.0 mL. "
        "The pump alarms: empty reservoir since 22 Nov 2026 10:00 UTC."
    )
    assert found.since == ago(2)


def test_the_text_of_a_level_that_is_the_limit_to_the_digit_shown() -> None:
    found = only(facts(reading=reading(2.04)))
    assert found is not None
    assert "2.0 mL left, " in found.explanation
    assert found.explanation.endswith("; just above the alarm level of 2.0 mL.")


def test_the_text_when_nothing_is_known() -> None:
    found = only(facts())
    assert found is not None
    assert found.explanation == "No reading of the reservoir is known."


def test_a_clock_that_is_ahead_does_not_put_the_beginning_into_the_future() -> None:
    found = only(facts(reading=reading(1, -2)))
    assert found is not None
    assert found.since == NOW


@pytest.mark.parametrize(
    ("rule", "codes", "expected"),
    [
        (LowReservoirPolicy(priority=Priority.LOW), {AlarmCode.LOW_RESERVOIR: Priority.INFO}, Priority.LOW),
        (LowReservoirPolicy(priority=Priority.LOW), {AlarmCode.LOW_RESERVOIR: HIGH}, HIGH),
        (LowReservoirPolicy(priority=HIGH), {AlarmCode.LOW_RESERVOIR: Priority.INFO}, HIGH),
    ],
)
def test_the_higher_of_the_two_priorities_counts(
    rule: LowReservoirPolicy, codes: dict[AlarmCode, Priority], expected: Priority
) -> None:
    found = only(facts(alarms=(LOW_RAISED,)), Policy(low_reservoir=rule, alarm_priorities=codes))
    assert found is not None
    assert found.priority is expected
