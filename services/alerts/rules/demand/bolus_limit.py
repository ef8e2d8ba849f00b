"""PURE. Dose, lockout or limit do not fit the patient: the limit is reached day after day, or most is refused.

Source: docs/domain.md section 3: the limit reached on k of n days (recipe (f)), and the demand-to-delivery ratio,
whose rule of thumb (more than 2-3 to 1) is GK and not validated; both are therapy-review signals [32].

The limit counts as reached on a day on which it refused a request. Days of which nothing is known count
neither way; while fewer than k days of the last n are known, an open alert is held.

Failure modes: a patient who knows the limit and stops asking never meets a refusal; handhelds that show no
refusal invite repeated presses, which raises the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import DayWindow, PumpFacts
from services.alerts.model import Condition, EvidenceValue, RuleName, Strength

LIMIT_KEY: Final = "limit_days"
REFUSED_KEY: Final = "refused_share"
_HELD_SHARE: Final = 0.8
"""An open alert is held down to this part of the ratio."""


def bolus_limit(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """Up to two conditions, one for each sign."""
    rule = policy.bolus_limit
    known = [window for window in facts.windows[: rule.of_days] if window.heard]
    if len(known) < rule.limit_days:
        words = "Too few days are known to tell."
        return tuple(
            _condition(key, title, Strength.HOLDING, policy, now, words, {})
            for key, title in ((LIMIT_KEY, _LIMIT_TITLE), (REFUSED_KEY, _REFUSED_TITLE))
        )
    return (*_limit_reached(known, policy, now), *_mostly_refused(known, policy, now))


_LIMIT_TITLE: Final = "Bolus limit reached day after day"
_REFUSED_TITLE: Final = "Most bolus requests refused"


def _limit_reached(known: Sequence[DayWindow], policy: Policy, now: datetime) -> tuple[Condition, ...]:
    rule = policy.bolus_limit
    reached = sum(window.refused_at_limit > 0 for window in known)
    if reached < rule.limit_days - 1 or reached == 0:
        return ()
    strength = Strength.FULL if reached >= rule.limit_days else Strength.HOLDING
    words = f"The limit refused requests on {reached} of the last {rule.of_days} days."
    return (_condition(LIMIT_KEY, _LIMIT_TITLE, strength, policy, now, words, {"limit_days": reached}),)


def _mostly_refused(known: Sequence[DayWindow], policy: Policy, now: datetime) -> tuple[Condition, ...]:
    rule = policy.bolus_limit
    requests = sum(window.delivered + window.refused for window in known)
    delivered = sum(window.delivered for window in known)
    ratio = requests / max(1, delivered)
    if requests < rule.minimum_attempts or ratio < rule.demand_per_delivery * _HELD_SHARE:
        return ()
    strength = Strength.FULL if ratio >= rule.demand_per_delivery else Strength.HOLDING
    words = f"{delivered} of {requests} requests were delivered in the last {rule.of_days} days."
    evidence = {"requests": requests, "delivered": delivered, "demand_per_delivery": round(ratio, 1)}
    return (_condition(REFUSED_KEY, _REFUSED_TITLE, strength, policy, now, words, evidence),)


def _condition(
    key: str,
    title: str,
    strength: Strength,
    policy: Policy,
    now: datetime,
    explanation: str,
    evidence: dict[str, EvidenceValue] | dict[str, int | float] | dict[str, int],
) -> Condition:
    return Condition(
        rule=RuleName.BOLUS_LIMIT,
        key=key,
        priority=policy.bolus_limit.priority,
        strength=strength,
        since=now - timedelta(days=policy.bolus_limit.of_days),
        title=title,
        explanation=explanation,
        evidence={**evidence},
    )
