"""PURE. The rules, one file each: facts of one pump, the policy and the time in, conditions out.

A rule keeps no state and never asks whether an alert is open: what would only keep one open it returns as
LINGERING. To add a rule, write its file and name it in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from schemas.policy import Policy
from services.alerts.model import Condition, PumpFacts
from services.alerts.rules.bolus_demand import bolus_demand
from services.alerts.rules.low_reservoir import low_reservoir
from services.alerts.rules.pump_alarm import pump_alarm

Rule = Callable[[PumpFacts, Policy, datetime], tuple[Condition, ...]]

RULES: Final[tuple[Rule, ...]] = (pump_alarm, low_reservoir, bolus_demand)


def evaluate(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """Every condition that holds for one pump; at most one for each (rule, key)."""
    return tuple(condition for rule in RULES for condition in rule(facts, policy, now))
