"""PURE. A pump that the registry says is in nobody calls out, or somebody asks it for a bolus.

Either the registry is wrong, and a patient has a pump that nobody judges; or the pump was explanted and has not been
switched off. From here the two look the same, so somebody is told, until the registry says which it is: by `pumpwatch
devices explant --undo` in the first case, `retire` in the second (docs/decisions/0019-identity-has-periods.md).

Failure modes: a pump that is silent after it was explanted by mistake is not missed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.active_alarms import active_alarms
from services.alerts.wording import ALARM_WORDS, listed, moment

_LATELY: Final = timedelta(days=1)


def explanted_pump(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """One condition while an alarm stands that was raised since, or a patient asked or reported within 24 hours."""
    alarms = active_alarms(facts.alarms).values()
    reports = [report.observed_at for report in facts.reports if report.observed_at > now - _LATELY]
    said = sorted(ALARM_WORDS[alarm.code] for alarm in alarms)
    if facts.demand.first_at is not None:
        said.append("requests for a bolus")
    if reports:
        said.append("a patient's report")
    if not said:
        return ()
    asked_at = [] if facts.demand.first_at is None else [facts.demand.first_at]
    explanted = "" if facts.since is None else f" since {moment(facts.since)}"
    return (
        Condition(
            rule=RuleName.PUMP_ALARM,
            key="explanted",
            priority=policy.pump_alarms.explanted_priority,
            strength=Strength.FULL,
            since=min([now, *(alarm.since for alarm in alarms), *reports, *asked_at]),
            title="An explanted pump calls out",
            explanation=f"It says {listed(said)}. By the registry it is in nobody{explanted}; nothing else is judged. "
            "If a patient has it, have the registry put right at once; if nobody has, have the pump retired.",
            evidence={"said": ", ".join(said)},
        ),
    )
