"""PURE. The patient asks for far more boluses than this pump's own habit lets expect.

Source: DOMAIN.md section 3. No validated threshold exists (INF, configurable), so each pump is held against
its own last days: attempts, not deliveries (recipe a); nothing is raised while the baseline is learning
(b); a day on which nothing was heard of the pump is missing, not zero (c); a spike by the negative-binomial
tail (e; formula in services.alerts.negative_binomial). It is a therapy-review signal, not an emergency.

Windows are the 24 hours before `now`, the 24 hours before that, and so on, so the answer does not depend on
midnight. An open alert is held while the day is still rarer than `clear_probability`, and while nothing was
heard for a day or the baseline is too thin to tell: silence is no proof of calm.

Failure modes: bursts of presses are partly an artefact of handhelds that show no refusal; a slow drift
moves the baseline along and is not seen here; a surge inside the baseline makes the next one look more
ordinary.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from schemas.policy import Policy
from services.alerts.model import Condition, Demand, PumpFacts, RuleName, Strength
from services.alerts.negative_binomial import predict, tail
from services.alerts.words import listed

KEY: Final = "attempts_24h"
_TITLE: Final = "Unusual bolus demand"


def bolus_demand(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL for a rare day, LINGERING while less rare or where nobody can tell."""
    rule = policy.bolus_demand
    today, earlier = facts.windows[:1], facts.windows[1 : rule.baseline_days]
    attempts = facts.demand.attempts
    if not today or not today[0].heard:
        return (_condition(Strength.LINGERING, facts, policy, now, "Nothing was heard in the last 24 h."),)
    if attempts < rule.minimum_attempts:
        return ()
    counts = [window.attempts for window in earlier if window.heard]
    if len(counts) < rule.minimum_days:
        learning = f"Still learning: {len(counts)} of {rule.minimum_days} days are known."
        return (_condition(Strength.LINGERING, facts, policy, now, learning),)
    probability = tail(predict(counts), attempts)
    usual = sum(counts) / len(counts)
    if probability <= rule.tail_probability:
        strength = Strength.FULL
    elif probability < rule.clear_probability:
        strength = Strength.LINGERING
    else:
        return ()
    explanation = f"{_requests(facts.demand)}; usually {usual:.1f} a day."
    return (
        _condition(strength, facts, policy, now, explanation, usual=usual, days=len(counts), probability=probability),
    )


def _condition(
    strength: Strength,
    facts: PumpFacts,
    policy: Policy,
    now: datetime,
    explanation: str,
    *,
    usual: float | None = None,
    days: int | None = None,
    probability: float | None = None,
) -> Condition:
    demand = facts.demand
    return Condition(
        rule=RuleName.BOLUS_DEMAND,
        key=KEY,
        priority=policy.bolus_demand.priority,
        strength=strength,
        since=min(now, demand.first_at or now),
        title=_TITLE,
        explanation=explanation,
        evidence={
            "attempts_24h": demand.attempts,
            "delivered": demand.delivered,
            "denied_lockout": demand.denied_lockout,
            "denied_limit": demand.denied_limit,
            "denied_other": demand.denied_other,
            "comm_failure": demand.comm_failure,
            "usual_per_day": None if usual is None else round(usual, 2),
            "baseline_days": days,
            "tail_probability": None if probability is None else float(f"{probability:.2g}"),
        },
    )


def _requests(demand: Demand) -> str:
    parts = [
        f"{count}{' of them' if place == 0 else ''} {words}"
        for place, (count, words) in enumerate(
            (count, words)
            for count, words in (
                (demand.denied_lockout, "refused in lockout"),
                (demand.denied_limit, "refused at the limit"),
                (demand.denied_other, "refused for another reason"),
                (demand.comm_failure, "of unknown outcome"),
            )
            if count
        )
    ]
    return f"{demand.attempts} requests in 24 h" + (f", {listed(parts)}" if parts else "")
