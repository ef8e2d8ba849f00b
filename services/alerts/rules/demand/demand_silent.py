"""PURE. A patient who usually asks for boluses has stopped asking, though the device is heard.

Source: docs/domain.md section 3, recipe (f), no request at all any more (lost communication, sedation, over-infusion).
No request for so long that it would be rarer than `silence_probability` for this pump. Only days count of
which something was heard, and where a handheld is paired, only those until it was last heard: a handheld
that is lost or flat is device_silent's, not a patient who asks for nothing. Requests that have just come and are dated
days ago are no silence while the clocks are not all known.

Once a person has accepted that nothing is asked for, the same silence is over for this rule; one that begins after the
next request is another.

Failure modes: a patient who asks less than about once in two days is silent too often to tell; after a
reprogramming that ends boluses the baseline begins anew, and nothing is raised.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.demand.days import TOO_FEW, accepted_level, days_of
from services.alerts.rules.demand.negative_binomial import learn
from services.alerts.said.model import Number, Sentence, plural_sentence

KEY: Final = "silent"
_DAY: Final = timedelta(days=1)


def demand_silent(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL for a rare silence, HOLDING while nobody can tell."""
    rule = policy.bolus_demand
    quiet = _quiet_windows(facts)
    if quiet == 0:
        return ()
    accepted = accepted_level(facts)
    if accepted is not None and now - accepted.at < quiet * _DAY:
        return ()
    earlier = days_of(facts, rule, now).known(quiet, rule.minimum_days)
    if len(earlier) < rule.minimum_days:
        return (_condition(policy, now, Strength.HOLDING, TOO_FEW),)
    usual = learn(earlier)
    unseen = _unseen_windows(facts, now)
    days = sum(window.heard for window in facts.windows[unseen:quiet])
    probability = usual.over(days).zero_probability if days else 1.0
    rare = probability <= rule.silence_probability and days * 24 >= rule.silence_minimum_hours
    if _came_late(facts, policy, now, quiet):
        rare = False
    said = plural_sentence(
        "No request on %(count)s day on which the device was heard; usually %(usual)s a day.",
        "No request on %(count)s days on which the device was heard; usually %(usual)s a day.",
        days,
        usual=Number(usual.mean),
    )
    strength = Strength.FULL if rare else Strength.HOLDING
    return (_condition(policy, now - quiet * _DAY, strength, said, days=days, usual=usual.mean),)


def _came_late(facts: PumpFacts, policy: Policy, now: datetime, quiet: int) -> bool:
    """Whether the newest request came so long after its date that a clock may be behind.

    Where the clocks of those who tell of requests are known, it was only late, and the days since are what they are.
    """
    heard_at = facts.requests_heard_at
    tellers = [contact for contact in facts.contacts if contact.device_id != facts.pump_id] or facts.contacts
    if heard_at is None or all(contact.clock is not None for contact in tellers):
        return False
    least = timedelta(hours=policy.bolus_demand.silence_minimum_hours)
    return now - heard_at < least <= quiet * _DAY


def _quiet_windows(facts: PumpFacts) -> int:
    """How many of the newest windows hold no request."""
    for index, window in enumerate(facts.windows):
        if window.requests or window.attempts:
            return index
    return len(facts.windows)


def _unseen_windows(facts: PumpFacts, now: datetime) -> int:
    """How many of the newest windows began before the handhelds were last heard, if there are any."""
    handhelds = [contact.last_at for contact in facts.contacts if contact.device_id != facts.pump_id]
    if not handhelds:
        return 0
    last = max((at for at in handhelds if at is not None), default=None)
    return len(facts.windows) if last is None else max(0, -((last - now) // _DAY) - 1)


def _condition(
    policy: Policy,
    since: datetime,
    strength: Strength,
    said: Sentence,
    *,
    days: int | None = None,
    usual: float | None = None,
) -> Condition:
    return Condition(
        rule=RuleName.BOLUS_DEMAND,
        key=KEY,
        priority=policy.bolus_demand.silence_priority,
        strength=strength,
        since=since,
        title="No bolus requests any more",
        said=(said,),
        evidence={"quiet_days": days, "usual_per_day": None if usual is None else round(usual, 2)},
    )
