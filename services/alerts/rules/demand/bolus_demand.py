"""PURE. The patient asks for far more boluses than this pump's own habit lets expect, for one to three days.

Source: docs/domain.md section 3. No validated threshold exists (INF, configurable), so each pump is held against
its own last weeks (services.alerts.rules.demand.baseline): presses within minutes are one episode, and nothing is
raised while the baseline is learning. It is a therapy-review signal, not an emergency.

Windows are the 24 hours before `now`, the 24 hours before that, and so on, so the answer does not depend on
midnight. An open alert is held while the days are still rarer than `clear_probability`, and while nothing
was heard for a day or the baseline is too thin to tell: silence is no proof of calm.

Failure modes: at one request a day a threefold surge is found only now and then, by anybody (an
oracle finds 24 to 42 %: bench/results/detection.md); a slow rise is demand_drift's; a surge inside the
baseline makes the next one look more ordinary.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import Demand, PumpFacts
from services.alerts.model import Condition, EvidenceValue, RuleName, Strength
from services.alerts.rules.demand.baseline import SURGE_SPANS, Span, asked, known_before, rarest
from services.alerts.rules.demand.negative_binomial import mean_of
from services.alerts.wording import listed

KEY: Final = "attempts_24h"
_TITLE: Final = "Unusual bolus demand"


def bolus_demand(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL for rare days, HOLDING while less rare or where nobody can tell."""
    rule = policy.bolus_demand
    windows = facts.windows[: SURGE_SPANS[-1]]
    if not windows or not windows[0].heard:
        return (_condition(Strength.HOLDING, facts, policy, now, "Nothing was heard in the last 24 h."),)
    if sum(asked(window) for window in windows) < rule.minimum_attempts:
        return ()
    earlier = known_before(facts, rule, now, SURGE_SPANS[-1])
    if len(earlier) < rule.minimum_days:
        learning = f"Still learning: {len(earlier)} of {rule.minimum_days} days are known."
        return (_condition(Strength.HOLDING, facts, policy, now, learning),)
    span = rarest(windows, earlier, rule.minimum_attempts)
    if span is None or span.probability >= rule.clear_probability:
        return ()
    strength = Strength.FULL if span.probability <= rule.tail_probability else Strength.HOLDING
    explanation = f"{_requests(facts.demand, span)}; usually {mean_of(earlier):.1f} a day."
    return (_condition(strength, facts, policy, now, explanation, earlier=earlier, span=span),)


def _condition(
    strength: Strength,
    facts: PumpFacts,
    policy: Policy,
    now: datetime,
    explanation: str,
    *,
    earlier: Sequence[int] | None = None,
    span: Span | None = None,
) -> Condition:
    demand = facts.demand
    began = demand.first_at or now
    if span is not None and span.days > 1:
        began = min(began, now - timedelta(days=span.days))
    evidence: dict[str, EvidenceValue] = {
        "attempts_24h": demand.attempts,
        "delivered": demand.delivered,
        "denied_lockout": demand.denied_lockout,
        "denied_limit": demand.denied_limit,
        "denied_other": demand.denied_other,
        "comm_failure": demand.comm_failure,
        "usual_per_day": None if earlier is None else round(mean_of(earlier), 2),
        "baseline_days": None if earlier is None else len(earlier),
        "span_days": None if span is None else span.days,
        "span_attempts": None if span is None else span.attempts,
        "tail_probability": None if span is None else float(f"{span.probability:.2g}"),
    }
    return Condition(
        rule=RuleName.BOLUS_DEMAND,
        key=KEY,
        priority=policy.bolus_demand.priority,
        strength=strength,
        since=min(now, began),
        title=_TITLE,
        explanation=explanation,
        evidence=evidence,
    )


def _requests(demand: Demand, span: Span) -> str:
    parts = [
        f"{count}{' of them' if index == 0 else ''} {words}"
        for index, (count, words) in enumerate(
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
    longer = f"{span.attempts} requests in {span.days} days, " if span.days > 1 else ""
    return f"{longer}{demand.attempts} requests in 24 h" + (f", {listed(parts)}" if parts else "")
