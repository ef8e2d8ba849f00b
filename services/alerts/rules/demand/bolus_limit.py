"""PURE. Dose, lockout or limit do not fit the patient: the limit is reached day after day, or most is refused.

Source: docs/domain.md section 3: the limit reached on k of n days (recipe (f)), and the demand-to-delivery ratio,
whose rule of thumb (more than 2-3 to 1) is GK and not validated; both are therapy-review signals [32].

The limit counts as reached on a day on which it refused a request. Days of which nothing is known count
neither way; while fewer than k days of the last n are known, an open alert is held.

Days of one patient differ, so an open alert is held by four weeks and not by one (the policy's `hold_days`): at a
steady share of refusals it opens about once in half a year, where one week alone opened it up to ten times
(bench/results/detection.md). It closes when those weeks have become ordinary, or when nothing was refused on
`quiet_days` known days, whichever comes first. What opens it is one week.

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
from services.alerts.rules.demand.days import TOO_FEW
from services.alerts.said.model import Sentence, plural_sentence

LIMIT_KEY: Final = "limit_days"
REFUSED_KEY: Final = "refused_share"
_HELD_SHARE: Final = 0.8
"""An open alert is held down to this part of the ratio within `of_days`, too."""


def bolus_limit(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """Up to two conditions, one for each sign."""
    rule = policy.bolus_limit
    known = [window for window in facts.windows[: rule.of_days] if window.heard]
    held = [window for window in facts.windows[: rule.hold_days] if window.heard]
    if len(known) < rule.limit_days:
        return tuple(
            _condition(key, title, Strength.HOLDING, policy, now, TOO_FEW, {})
            for key, title in ((LIMIT_KEY, _LIMIT_TITLE), (REFUSED_KEY, _REFUSED_TITLE))
        )
    return (*_limit_reached(known, held, policy, now), *_mostly_refused(known, held, policy, now))


_LIMIT_TITLE: Final = "Bolus limit reached day after day"
_REFUSED_TITLE: Final = "Most bolus requests refused"


def _limit_reached(
    known: Sequence[DayWindow], held: Sequence[DayWindow], policy: Policy, now: datetime
) -> tuple[Condition, ...]:
    rule = policy.bolus_limit
    reached, longer = _reached(known), _reached(held)
    if reached >= max(1, rule.limit_days - 1):
        strength = Strength.FULL if reached >= rule.limit_days else Strength.HOLDING
        said = _refused_on(reached, rule.of_days)
    elif longer >= rule.hold_limit_days and _reached(held[: rule.quiet_days]):
        strength = Strength.HOLDING
        said = _refused_on(longer, rule.hold_days)
    else:
        return ()
    return (_condition(LIMIT_KEY, _LIMIT_TITLE, strength, policy, now, said, {"limit_days": reached}),)


def _refused_on(days: int, of_days: int) -> Sentence:
    return plural_sentence(
        "The limit refused requests on %(refused)s of the last %(count)s day.",
        "The limit refused requests on %(refused)s of the last %(count)s days.",
        of_days,
        refused=days,
    )


def _reached(days: Sequence[DayWindow]) -> int:
    """On how many of these days the limit refused a request."""
    return sum(window.refused_at_limit > 0 for window in days)


def _mostly_refused(
    known: Sequence[DayWindow], held: Sequence[DayWindow], policy: Policy, now: datetime
) -> tuple[Condition, ...]:
    rule = policy.bolus_limit
    delivered, requests, ratio = _per_delivery(known)
    days, strength = rule.of_days, Strength.HOLDING
    if requests < rule.minimum_attempts or ratio < rule.demand_per_delivery * _HELD_SHARE:
        if not any(window.refused for window in held[: rule.quiet_days]):
            return ()
        days = rule.hold_days
        delivered, requests, ratio = _per_delivery(held)
        if requests < rule.minimum_attempts or ratio < rule.hold_demand_per_delivery:
            return ()
    elif ratio >= rule.demand_per_delivery:
        strength = Strength.FULL
    said = plural_sentence(
        "%(delivered)s of %(requests)s requests were delivered in the last %(count)s day.",
        "%(delivered)s of %(requests)s requests were delivered in the last %(count)s days.",
        days,
        delivered=delivered,
        requests=requests,
    )
    evidence = {"requests": requests, "delivered": delivered, "demand_per_delivery": round(ratio, 1)}
    return (_condition(REFUSED_KEY, _REFUSED_TITLE, strength, policy, now, said, evidence),)


def _per_delivery(days: Sequence[DayWindow]) -> tuple[int, int, float]:
    """How many were delivered of how many requests, and the requests for each delivery."""
    delivered = sum(window.delivered for window in days)
    requests = delivered + sum(window.refused for window in days)
    return delivered, requests, requests / max(1, delivered)


def _condition(
    key: str,
    title: str,
    strength: Strength,
    policy: Policy,
    now: datetime,
    said: Sentence,
    evidence: dict[str, EvidenceValue] | dict[str, int | float] | dict[str, int],
) -> Condition:
    return Condition(
        rule=RuleName.BOLUS_LIMIT,
        key=key,
        priority=policy.bolus_limit.priority,
        strength=strength,
        since=now - timedelta(days=policy.bolus_limit.of_days),
        title=title,
        said=(said,),
        evidence={**evidence},
    )
