"""PURE. The patient has come to ask for more than before, week after week.

Source: docs/domain.md section 3, recipe (e) (small shifts that persist): the last four weeks against the days
before them, as how many times likelier they are if demand has been rising for weeks than if it is as before
(services.alerts.rules.demand.baseline). A therapy-review signal.

Once a person has accepted the level, what was before it is counted at it, and nothing has risen.

An open alert is held while a rise is still `drift_clear_likelihood` times likelier, and where too little is known.

Failure modes: needs `drift_minimum_days` of baseline before the last four weeks, so nothing shows in the first eight
weeks of a prescription, and never where the policy's `baseline_days` are fewer than that; a rise that is slower than
a month moves the baseline along. It shows late in a rise, when it is two or three weeks old, whoever looks
(bench/results/detection.md).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.demand.baseline import DRIFT_DAYS, rise
from services.alerts.rules.demand.days import TOO_FEW, days_of
from services.alerts.rules.demand.negative_binomial import mean_of
from services.alerts.said.model import Number, Sentence, sentence

KEY: Final = "drift"
_AT_LEAST: Final = 7
"""Fewer requests in four weeks are no demand that rises."""
_WEEK: Final = 7
_WORTH_TELLING: Final = 1.1
"""From here on the newest week is told apart: the mean of four weeks makes a rise look smaller than it has become."""
_MOST_TOLD: Final = math.log(1e6)
"""Beyond this it makes no difference to anybody how much likelier it is."""


def demand_drift(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL for a likely rise, HOLDING while less likely or where nobody can tell."""
    rule = policy.bolus_demand
    days = days_of(facts, rule, now)
    earlier = days.known(DRIFT_DAYS, rule.drift_minimum_days)
    if len(earlier) < rule.drift_minimum_days:
        return (_condition(policy, now, Strength.HOLDING, TOO_FEW, {}),)
    found = rise(days.counts, earlier, _AT_LEAST)
    if found is None or found.log_times_likelier < math.log(rule.drift_clear_likelihood):
        return ()
    raised = found.log_times_likelier >= math.log(rule.drift_likelihood)
    recent, usual = found.attempts / found.known_days, mean_of(earlier)
    week = [count for count in days.counts[:_WEEK] if count is not None]
    higher = bool(week) and sum(week) / len(week) >= _WORTH_TELLING * recent
    return (
        _condition(
            policy,
            now - timedelta(days=DRIFT_DAYS),
            Strength.FULL if raised else Strength.HOLDING,
            _sentence(recent, usual, sum(week) / len(week) if higher else None),
            {
                "recent_per_day": round(recent, 2),
                "usual_per_day": round(usual, 2),
                "span_days": DRIFT_DAYS,
                "baseline_days": len(earlier),
                "times_likelier": float(f"{math.exp(min(_MOST_TOLD, found.log_times_likelier)):.2g}"),
            },
        ),
    )


def _sentence(recent: float, usual: float, newest: float | None) -> Sentence:
    if newest is None:
        return sentence(
            "%(recent)s requests a day over the last %(days)s days; %(usual)s a day before.",
            recent=Number(recent),
            days=DRIFT_DAYS,
            usual=Number(usual),
        )
    return sentence(
        "%(recent)s requests a day over the last %(days)s days and %(newest)s over the last %(week)s; "
        "%(usual)s a day before.",
        recent=Number(recent),
        days=DRIFT_DAYS,
        newest=Number(newest),
        week=_WEEK,
        usual=Number(usual),
    )


def _condition(
    policy: Policy, since: datetime, strength: Strength, said: Sentence, evidence: dict[str, str | int | float]
) -> Condition:
    return Condition(
        rule=RuleName.BOLUS_DEMAND,
        key=KEY,
        priority=policy.bolus_demand.drift_priority,
        strength=strength,
        since=since,
        title="Rising bolus demand",
        said=(said,),
        evidence=evidence,
    )
