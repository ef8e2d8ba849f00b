"""PURE. The rules, one file each: facts of one pump, the policy and the time in, conditions out.

A rule keeps no state and never asks whether an alert is open: what would only keep one open it returns as
HOLDING. To add a rule, write its file and name it in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.certificate import certificate
from services.alerts.rules.clock import clock, days_are_known
from services.alerts.rules.demand.bolus_demand import KEY as ATTEMPTS_KEY
from services.alerts.rules.demand.bolus_demand import bolus_demand
from services.alerts.rules.demand.bolus_limit import LIMIT_KEY, REFUSED_KEY, bolus_limit
from services.alerts.rules.demand.demand_drift import KEY as DRIFT_KEY
from services.alerts.rules.demand.demand_drift import demand_drift
from services.alerts.rules.demand.demand_silent import KEY as SILENT_KEY
from services.alerts.rules.demand.demand_silent import demand_silent
from services.alerts.rules.device_silent import device_silent
from services.alerts.rules.drug_names import first_called
from services.alerts.rules.explanted_pump import explanted_pump
from services.alerts.rules.patient_report import patient_report
from services.alerts.rules.pump_alarm import pump_alarm
from services.alerts.rules.refused_alarm import refused_alarm
from services.alerts.rules.reservoir.beyond_size import beyond_size
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from services.alerts.rules.reservoir.refill_discrepancy import refill_discrepancy
from services.alerts.rules.reservoir.suspected_delivery import OVER_KEY, UNDER_KEY, suspected_delivery
from services.alerts.rules.reservoir.volume_fall import KEY as VOLUME_KEY
from services.alerts.rules.reservoir.volume_fall import volume_fall
from services.alerts.said.model import Said, sentence

Rule = Callable[[PumpFacts, Policy, datetime], tuple[Condition, ...]]

RULES: Final[tuple[Rule, ...]] = (
    pump_alarm,
    refused_alarm,
    low_reservoir,
    bolus_demand,
    demand_drift,
    demand_silent,
    bolus_limit,
    refill_discrepancy,
    volume_fall,
    beyond_size,
    suspected_delivery,
    device_silent,
    clock,
    certificate,
    patient_report,
)

CALM_FOR: Final[Mapping[tuple[str, str], timedelta]] = MappingProxyType(
    {(RuleName.BOLUS_DEMAND.value, ATTEMPTS_KEY): timedelta(hours=12)}
)
"""For how long a condition must be gone at every look before its alert ends.

Days are counted back from the moment of the look, so each look cuts the same requests into other days. Of a surge that
goes on, one cut or another soon shows days like the usual ones (docs/decisions/0018-a-surge-that-goes-on.md).
"""

_BY_DAYS: Final[frozenset[Rule]] = frozenset(
    {bolus_demand, demand_drift, demand_silent, bolus_limit, volume_fall, suspected_delivery}
)
"""What these say rests on which day things happened..."""
_KEYS_BY_DAYS: Final = (
    (RuleName.BOLUS_DEMAND, ATTEMPTS_KEY),
    (RuleName.BOLUS_DEMAND, DRIFT_KEY),
    (RuleName.BOLUS_DEMAND, SILENT_KEY),
    (RuleName.BOLUS_LIMIT, LIMIT_KEY),
    (RuleName.BOLUS_LIMIT, REFUSED_KEY),
    (RuleName.INFUSION, VOLUME_KEY),
    (RuleName.INFUSION, UNDER_KEY),
    (RuleName.INFUSION, OVER_KEY),
)
"""...and where a clock is behind, alerts with these keys stay as they are, and none is opened."""


def evaluate(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """Every condition that holds for one pump; at most one for each (rule, key).

    What is judged by days is held where the clock of a device is behind: nobody can tell.
    Where the pump holds a drug that is dangerous to stop, each is one step more urgent (docs/domain.md
    section 5). Of a pump that is in nobody, only that it speaks as if it were in somebody.
    """
    if not facts.implanted:
        return explanted_pump(facts, policy, now)
    rules = RULES if days_are_known(facts, policy) else tuple(rule for rule in RULES if rule not in _BY_DAYS)
    found = tuple(condition for rule in rules for condition in rule(facts, policy, now))
    if rules is not RULES:
        found += tuple(_held(rule, key, policy, now) for rule, key in _KEYS_BY_DAYS)
    if facts.therapy is None:
        return found
    dangerous = dangerous_drug(facts.therapy.drugs, policy)
    return found if dangerous is None else tuple(_more_urgent(condition, dangerous) for condition in found)


_NOBODY_CAN_TELL: Final[Said] = (sentence("The clock of a device is wrong, so nobody can tell."),)


def _held(rule: RuleName, key: str, policy: Policy, now: datetime) -> Condition:
    return Condition(rule, key, policy.clock.priority, Strength.HOLDING, now, "Not judged", _NOBODY_CAN_TELL, {})


def dangerous_drug(drugs: Iterable[str], policy: Policy) -> str | None:
    """Which of the policy's drugs that are dangerous to stop is among these; None: none.

    A device may say "Baclofen ", "baclofen 2000 mcg/mL" or a brand name: words count, not case, spacing or strength.
    """
    return first_called(drugs, policy.dangerous_to_stop, policy.brand_names)


def _more_urgent(condition: Condition, drug: str) -> Condition:
    return replace(
        condition,
        priority=condition.priority.one_step_up,
        said=(*condition.said, sentence("%(drug)s is dangerous to stop.", drug=drug.capitalize())),
        evidence={**condition.evidence, "dangerous_drug": drug},
    )
