"""PURE. The patient asks for far more boluses than this pump's own habit lets expect, for one to three days.

Source: docs/domain.md section 3. No validated threshold exists (INF, configurable), so each pump is held against
its own last weeks (services.alerts.rules.demand.baseline): presses within minutes are one episode, and nothing is
raised while the baseline is learning. It is a therapy-review signal, not an emergency.

Windows are the 24 hours before `now`, the 24 hours before that, and so on, so the answer does not depend on
midnight. An open alert is held while the days are still rarer than `clear_probability`, while the surge goes on
(services.alerts.rules.demand.surge: it does not become its own baseline), and while nothing was heard for a day or the
baseline is too thin to tell: silence is no proof of calm. A person who knows why may accept the level as the new one;
it is then what is usual.

Failure modes: at one request a day a threefold surge is found only now and then, by anybody (an
oracle finds 24 to 42 %: bench/results/detection.md); a slow rise is demand_drift's; a surge that is over and inside
the baseline makes the next one look more ordinary.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import Demand, PumpFacts
from services.alerts.model import Condition, EvidenceValue, RuleName, Strength
from services.alerts.rules.demand.baseline import SURGE_SPANS, Span, rarest
from services.alerts.rules.demand.days import asked, days_of
from services.alerts.rules.demand.negative_binomial import mean_of
from services.alerts.rules.demand.surge import dated, going_on
from services.alerts.said.model import Number, Said, Sentence, Words, plural_sentence, sentence
from services.texts.model import msgid

KEY: Final = "attempts_24h"
_TITLE: Final = "Unusual bolus demand"
_NOTHING_HEARD: Final[Said] = (sentence("Nothing was heard in the last 24 h."),)
_FIRST_REFUSED: Final = (
    msgid("%(number)s of them refused in lockout"),
    msgid("%(number)s of them refused at the limit"),
    msgid("%(number)s of them refused for another reason"),
    msgid("%(number)s of them of unknown outcome"),
)
_ALSO_REFUSED: Final = (
    msgid("%(number)s refused in lockout"),
    msgid("%(number)s refused at the limit"),
    msgid("%(number)s refused for another reason"),
    msgid("%(number)s of unknown outcome"),
)


def bolus_demand(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL for rare days, HOLDING while less rare or where nobody can tell."""
    rule = policy.bolus_demand
    if not facts.windows or not facts.windows[0].heard:
        return (_condition(Strength.HOLDING, facts, policy, now, _NOTHING_HEARD),)
    days = days_of(facts, rule, now)
    newest = days.counts[: SURGE_SPANS[-1]]
    earlier = days.known(SURGE_SPANS[-1], rule.minimum_days)
    span = None
    if sum(asked(window) for window in facts.windows[: SURGE_SPANS[-1]]) >= rule.minimum_attempts:
        if len(earlier) < rule.minimum_days:
            learning = sentence(
                "Still learning: %(known)s of %(days)s days are known.", known=len(earlier), days=rule.minimum_days
            )
            return (_condition(Strength.HOLDING, facts, policy, now, (learning,)),)
        span = rarest(newest, earlier, rule.minimum_attempts)
    surge = going_on(days, rule)
    if span is not None and span.probability < rule.clear_probability:
        strength = Strength.FULL if span.probability <= rule.tail_probability else Strength.HOLDING
        surge = surge and dated(surge, days, span.days, rule)
        usual = mean_of(earlier) if surge is None else surge.usual_per_day
        known = len(earlier) if surge is None else surge.baseline_days
        said: Said = (
            sentence(
                "%(requests)s; usually %(usual)s a day.", requests=_requests(facts.demand, span), usual=Number(usual)
            ),
        )
        if surge is not None and surge.days > SURGE_SPANS[-1]:
            said += (
                sentence(
                    "It has gone on for %(days)s days, with %(number)s a day.",
                    days=surge.days,
                    number=Number(surge.per_day),
                ),
            )
        evidence: dict[str, EvidenceValue] = {
            "usual_per_day": round(usual, 2),
            "baseline_days": known,
            "span_days": span.days,
            "span_attempts": span.attempts,
            "tail_probability": float(f"{span.probability:.2g}"),
        }
        days_ago = max(span.days, surge.days if surge else 0)
        return (_condition(strength, facts, policy, now, said, evidence, days_ago),)
    if surge is None:
        return ()
    surge = dated(surge, days, 0, rule) or surge
    words = plural_sentence(
        "%(number)s requests a day for %(count)s day; usually %(usual)s a day before.",
        "%(number)s requests a day for %(count)s days; usually %(usual)s a day before.",
        surge.days,
        number=Number(surge.per_day),
        usual=Number(surge.usual_per_day),
    )
    evidence = {"usual_per_day": round(surge.usual_per_day, 2), "baseline_days": surge.baseline_days}
    return (_condition(Strength.HOLDING, facts, policy, now, (words,), evidence, surge.days),)


_COMPARED: Final = ("usual_per_day", "baseline_days", "span_days", "span_attempts", "tail_probability")


def _condition(
    strength: Strength,
    facts: PumpFacts,
    policy: Policy,
    now: datetime,
    said: Said,
    compared: Mapping[str, EvidenceValue] = MappingProxyType({}),
    days: int = 1,
) -> Condition:
    demand = facts.demand
    began = demand.first_at or now
    if days > 1:
        began = min(began, now - timedelta(days=days))
    evidence: dict[str, EvidenceValue] = {
        "attempts_24h": demand.attempts,
        "delivered": demand.delivered,
        "denied_lockout": demand.denied_lockout,
        "denied_limit": demand.denied_limit,
        "denied_other": demand.denied_other,
        "comm_failure": demand.comm_failure,
        **dict.fromkeys(_COMPARED),
        **compared,
    }
    return Condition(
        rule=RuleName.BOLUS_DEMAND,
        key=KEY,
        priority=policy.bolus_demand.priority,
        strength=strength,
        since=min(now, began),
        title=_TITLE,
        said=said,
        evidence=evidence,
    )


def _requests(demand: Demand, span: Span) -> Sentence:
    counts = (demand.denied_lockout, demand.denied_limit, demand.denied_other, demand.comm_failure)
    refused = [place for place, count in enumerate(counts) if count]
    parts = [
        sentence((_ALSO_REFUSED if index else _FIRST_REFUSED)[place], number=counts[place])
        for index, place in enumerate(refused)
    ]
    if parts:
        newest = plural_sentence(
            "%(count)s request in 24 h, %(parts)s",
            "%(count)s requests in 24 h, %(parts)s",
            demand.attempts,
            parts=Words(tuple(parts)),
        )
    else:
        newest = plural_sentence("%(count)s request in 24 h", "%(count)s requests in 24 h", demand.attempts)
    if span.days <= 1:
        return newest
    return plural_sentence(
        "%(count)s request in %(days)s days, %(newest)s",
        "%(count)s requests in %(days)s days, %(newest)s",
        span.attempts,
        days=span.days,
        newest=newest,
    )
