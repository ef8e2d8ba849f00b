"""PURE. The patient has come to ask for more than before, week after week.

Source: DOMAIN.md section 3, recipe e (CUSUM for small persistent shifts): the last 7, 14, 21 and 28 days
against the days before those 28 (services.alerts.baseline). A therapy-review signal.

An open alert is held while the days are rarer than `drift_clear_probability`, and where too little is known.

Failure modes: needs `minimum_days` of baseline before the last four weeks, so nothing shows in the first six
weeks of a prescription; a rise that is slower than a month moves the baseline along.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.baseline import DRIFT_SPANS, habit, rarest
from services.alerts.model import Condition, PumpFacts, RuleName, Strength

KEY: Final = "drift"


def demand_drift(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL for rare weeks, LINGERING while less rare or where nobody can tell."""
    rule = policy.bolus_demand
    usual = habit(facts, rule, now, DRIFT_SPANS[-1])
    if usual is None:
        return (_condition(policy, now, Strength.LINGERING, "Too few days are known to tell.", {}),)
    span = rarest(facts.windows, usual, DRIFT_SPANS, DRIFT_SPANS[0])
    if span.probability >= rule.drift_clear_probability:
        return ()
    strength = Strength.FULL if span.probability <= rule.drift_probability else Strength.LINGERING
    recent = span.attempts / span.known_days
    return (
        _condition(
            policy,
            now - timedelta(days=span.days),
            strength,
            f"{recent:.1f} requests a day over the last {span.days} days; {usual.mean:.1f} a day before.",
            {
                "recent_per_day": round(recent, 2),
                "usual_per_day": round(usual.mean, 2),
                "span_days": span.days,
                "baseline_days": usual.days,
                "tail_probability": float(f"{span.probability:.2g}"),
            },
        ),
    )


def _condition(
    policy: Policy, since: datetime, strength: Strength, explanation: str, evidence: dict[str, str | int | float]
) -> Condition:
    return Condition(
        rule=RuleName.BOLUS_DEMAND,
        key=KEY,
        priority=policy.bolus_demand.drift_priority,
        strength=strength,
        since=since,
        title="Rising bolus demand",
        explanation=explanation,
        evidence=evidence,
    )
