"""PURE. At a refill more or less was left than the pump had computed; or the drug may have gone beside the pump.

Source: docs/domain.md section 1, row "refill discrepancy": look into it beyond 2 mL [19]; over-infusion is
more than 14.5 % above programmed [15]; a single outlier may not come again, so smaller
discrepancies count over three refills together. A sound pump is within 2.5 % [17]. Pocket fill [20]: soon
after a refill more than 1 mL (20 mL pump) or 2 mL (larger) is missing of what was filled in.

A refill is news for `stays_days`, or until a person resolves its alert; the next one answers for itself.

Failure modes: what the pump expected is its own computation, so a wrong programme is not seen here; with
little programmed since the last refill only the 2 mL count; a reading error looks like a discrepancy.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts, Refill
from services.alerts.model import Condition, RuleName, Strength, key_of
from services.alerts.wording import moment

REFILL_KEY: Final = "refill"
POCKET_KEY: Final = "pocket_fill"
_DAY: Final = timedelta(days=1)
_SMALL_PUMP_ML: Final = 20.0


def refill_discrepancy(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """Up to two conditions: what was left at the newest refill, and what became of the filling."""
    if facts.refill is None or now - facts.refill.observed_at > timedelta(days=policy.infusion.stays_days):
        return ()
    return (*_left_over(facts.refills, policy, now), *_pocket_fill(facts, facts.refill, policy, now))


def programmed_ml(refills: tuple[Refill, ...], index: int) -> float | None:
    """What the pump computed to have given before this refill; None: the one before is not known."""
    return refills[index + 1].filled_ml - refills[index].expected_ml if index + 1 < len(refills) else None


def _left_over(refills: tuple[Refill, ...], policy: Policy, now: datetime) -> tuple[Condition, ...]:
    rule, newest = policy.infusion, refills[0]
    missing, given = newest.missing_ml, programmed_ml(refills, 0)
    percent = 100 * missing / given if given is not None and given >= rule.minimum_delivery_ml else None
    words = f"{newest.measured_ml:.1f} mL were left at the refill of {moment(newest.observed_at)}, "
    words += f"{abs(missing):.1f} mL {'less' if missing > 0 else 'more'} than expected"
    words += "." if percent is None else f" ({abs(percent):.0f} % of what was programmed)."
    single = abs(missing) > rule.discrepancy_ml or abs(percent or 0.0) > rule.discrepancy_percent
    trend = _trend(refills, policy)
    if not single and (trend is None or abs(trend) <= rule.trend_percent):
        return ()
    if trend is not None and not single:
        words += f" Over {rule.trend_refills} refills {abs(trend):.0f} %."
    over = missing > 0 if single or trend is None else trend > 0
    return (
        Condition(
            rule=RuleName.INFUSION,
            key=key_of(REFILL_KEY, newest.observed_at),
            priority=rule.priority,
            strength=Strength.FULL,
            since=min(now, newest.observed_at),
            title=f"Refill discrepancy: {'more' if over else 'less'} was infused than programmed",
            explanation=words,
            evidence={
                "expected_ml": newest.expected_ml,
                "measured_ml": newest.measured_ml,
                "percent": None if percent is None else round(percent, 1),
                "trend_percent": None if trend is None else round(trend, 1),
            },
        ),
    )


def _trend(refills: tuple[Refill, ...], policy: Policy) -> float | None:
    """Percent over the last refills together; None: too few, or too little was programmed."""
    wanted = policy.infusion.trend_refills
    given = [programmed_ml(refills, index) for index in range(wanted)]
    known = [each for each in given if each is not None]
    if len(known) < wanted or sum(known) < wanted * policy.infusion.minimum_delivery_ml:
        return None
    return 100 * sum(refill.missing_ml for refill in refills[:wanted]) / sum(known)


def _pocket_fill(facts: PumpFacts, refill: Refill, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    rule, reading = policy.infusion, facts.filled_reading
    if reading is None:
        return ()
    days = (reading.observed_at - refill.observed_at) / _DAY
    worst = facts.therapy.worst_daily_ml * days if facts.therapy else 0.0
    small = facts.therapy is not None and facts.therapy.size_ml <= _SMALL_PUMP_ML
    limit = rule.pocket_fill_small_ml if small else rule.pocket_fill_large_ml
    missing = refill.filled_ml - reading.volume_ml - worst
    if missing <= limit:
        return ()
    return (
        Condition(
            rule=RuleName.INFUSION,
            key=key_of(POCKET_KEY, refill.observed_at),
            priority=rule.pocket_fill_priority,
            strength=Strength.FULL,
            since=min(now, refill.observed_at),
            title="Possible pocket fill",
            explanation=f"{refill.filled_ml:.1f} mL were filled in, {reading.volume_ml:.1f} mL were measured "
            f"{moment(reading.observed_at)}: {missing:.1f} mL more is gone than the pump can have given.",
            evidence={"filled_ml": refill.filled_ml, "measured_ml": reading.volume_ml, "missing_ml": round(missing, 2)},
        ),
    )
