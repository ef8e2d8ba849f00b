"""PURE. Demand and residual point the same way: delivery may be failing though the pump alarms on nothing.

Source: docs/domain.md section 3: demand up and more left than expected suggests under-delivery (stall, catheter),
demand down and less left suggests over-infusion; section 8 item 5. Either sign alone is ordinary
enough; together they are urgent (GK).

Demand counts as up when the surge or the drift rule raises, and as down when the silence rule does. The
residual counts from three quarters of the discrepancy of the refill rule, for as long as that refill is news.

Failure modes: shows only after a refill; a catheter that leaks leaves the residual as expected.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.demand.bolus_demand import bolus_demand
from services.alerts.rules.demand.demand_drift import demand_drift
from services.alerts.rules.demand.demand_silent import demand_silent
from services.alerts.rules.reservoir.refill_discrepancy import programmed_ml
from services.alerts.said.model import Volume, sentence
from services.texts.model import msgid

UNDER_KEY: Final = "under_delivery"
OVER_KEY: Final = "over_delivery"
_LESS: Final = msgid("%(missing)s less than expected were left at the refill of %(at)s.")
_MORE: Final = msgid("%(missing)s more than expected were left at the refill of %(at)s.")
_NOTABLE: Final = 0.75
"""Half the discrepancy raised 0.13 times in 1,000 days of sound pumps (bench.detection): too often for a high page."""


def suspected_delivery(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition."""
    refill, rule = facts.refill, policy.infusion
    if refill is None or now - refill.observed_at > timedelta(days=rule.stays_days):
        return ()
    missing, given = refill.missing_ml, programmed_ml(facts, 0)
    notable = abs(missing) > rule.discrepancy_ml * _NOTABLE or (
        given is not None
        and given >= rule.minimum_delivery_ml
        and 100 * abs(missing) / given > rule.discrepancy_percent * _NOTABLE
    )
    if not notable:
        return ()
    signs = (demand_silent,) if missing > 0 else (bolus_demand, demand_drift)
    shown = [each for sign in signs for each in sign(facts, policy, now) if each.strength is Strength.FULL]
    if not shown:
        return ()
    left = sentence(_LESS if missing > 0 else _MORE, missing=Volume(abs(missing)), at=refill.observed_at)
    return (
        Condition(
            rule=RuleName.INFUSION,
            key=OVER_KEY if missing > 0 else UNDER_KEY,
            priority=rule.suspicion_priority,
            strength=Strength.FULL,
            since=min(now, refill.observed_at, *(each.since for each in shown)),
            title="Suspected over-infusion" if missing > 0 else "Suspected under-delivery",
            said=(left, *(each_sentence for each in shown for each_sentence in each.said)),
            evidence={"missing_ml": round(missing, 2), "demand": ", ".join(each.key for each in shown)},
        ),
    )
