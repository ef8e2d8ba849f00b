"""A pump that the registry says is in nobody: nothing of it is judged, but what it calls out is told."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import Complaint
from schemas.policy import Policy, Priority
from services.alerts.facts.model import Demand, PumpFacts, Report
from services.alerts.rules import evaluate
from tests.unit.alerts.rules.builders import MEDIUM, NOW, ago, alarm, facts, reading


def of_nobody(**values: Any) -> PumpFacts:
    return facts(implanted=False, since=ago(100), reading=reading(0.1, 1), **values)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (
            {"alarms": [alarm("motor_stall raised", 2), alarm("empty_reservoir raised", 1)]},
            "empty reservoir, motor stall",
        ),
        ({"demand": Demand(delivered=1, first_at=ago(3))}, "requests for a bolus"),
        ({"reports": (Report(Complaint.PAIN, 7, ago(3)),)}, "a patient's report"),
    ],
)
def test_what_it_calls_out_is_one_condition_of_its_own_priority(known: dict[str, Any], said: str) -> None:
    [condition] = evaluate(of_nobody(**known), Policy(), NOW)
    assert (condition.rule, condition.key, condition.priority) == ("pump_alarm", "explanted", MEDIUM)
    assert condition.evidence == {"said": said}
    assert "By the registry it is in nobody since" in condition.explanation
    policy = Policy.model_validate({"pump_alarms": {"explanted_priority": "high"}})
    assert evaluate(of_nobody(**known), policy, NOW)[0].priority is Priority.HIGH


def test_all_that_it_says_stands_in_one_sentence() -> None:
    known = {
        "alarms": [alarm("motor_stall raised", 2)],
        "demand": Demand(delivered=1, first_at=ago(3)),
        "reports": (Report(Complaint.PAIN, 7, ago(5)),),
    }
    [condition] = evaluate(of_nobody(**known), Policy(), NOW)
    assert condition.explanation.startswith("It says motor stall, requests for a bolus and a patient's report. By")
    assert condition.since == ago(5)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"alarms": [alarm("motor_stall raised", 2), alarm("motor_stall cleared", 1)]},
        {"reports": (Report(Complaint.PAIN, 7, ago(25)),)},
    ],
)
def test_a_pump_in_a_drawer_is_nobody_s_concern(known: dict[str, Any]) -> None:
    assert evaluate(of_nobody(**known), Policy(), NOW) == ()


def test_it_may_be_in_nobody_since_ever() -> None:
    [condition] = evaluate(facts(implanted=False, alarms=[alarm("other raised", 2)]), Policy(), NOW)
    assert "it is in nobody; nothing else is judged" in condition.explanation
