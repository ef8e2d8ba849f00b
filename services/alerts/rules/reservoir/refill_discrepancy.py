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
from services.alerts.facts.model import FILLED_FOR, PumpFacts, Refill
from services.alerts.model import Condition, RuleName, Strength, key_of
from services.alerts.rules.reservoir.level import held_ml
from services.alerts.said.model import Number, Sentence, Volume, sentence
from services.texts.model import msgid

REFILL_KEY: Final = "refill"
POCKET_KEY: Final = "pocket_fill"
_DAY: Final = timedelta(days=1)
_AGREEING: Final = 0.75
"""The others show at least so much of what a trend needs."""
_SMALL_PUMP_ML: Final = 20.0
_LEFT: Final = {
    (True, False): msgid("%(left)s were left at the refill of %(at)s, %(missing)s less than expected."),
    (False, False): msgid("%(left)s were left at the refill of %(at)s, %(missing)s more than expected."),
    (True, True): msgid(
        "%(left)s were left at the refill of %(at)s, %(missing)s less than expected "
        "(%(percent)s %% of what was programmed)."
    ),
    (False, True): msgid(
        "%(left)s were left at the refill of %(at)s, %(missing)s more than expected "
        "(%(percent)s %% of what was programmed)."
    ),
}
"""By whether less was left than expected, and whether it is known what part that is."""
_TENFOLD: Final = sentence("One is about ten times the other: if that is a slip, correct the entry.")


def refill_discrepancy(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """Up to two conditions: what was left at the newest refill, and what became of the filling."""
    if facts.refill is None or now - facts.refill.observed_at > timedelta(days=policy.infusion.stays_days):
        return ()
    return (*_left_over(facts, facts.refill, policy, now), *_pocket_fill(facts, facts.refill, policy, now))


def programmed_ml(facts: PumpFacts, index: int) -> float | None:
    """What the pump computed to have given before this refill; None: the one before is not known."""
    if index + 1 >= len(facts.refills):
        return None
    return held_ml(facts.refills[index + 1].filled_ml, facts) - facts.refills[index].expected_ml


def _left_over(facts: PumpFacts, newest: Refill, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    rule = policy.infusion
    missing, given = newest.missing_ml, programmed_ml(facts, 0)
    percent = 100 * missing / given if given is not None and given >= rule.minimum_delivery_ml else None
    said = [_left_said(newest, percent)]
    single = abs(missing) > rule.discrepancy_ml or abs(percent or 0.0) > rule.discrepancy_percent
    trend = _trend(facts, policy)
    if not single and (trend is None or abs(trend) <= rule.trend_percent):
        return ()
    if single and _is_tenfold(newest, rule.discrepancy_ml):
        said.append(_TENFOLD)
    if trend is not None and not single:
        said.append(
            sentence(
                "Over %(refills)s refills %(percent)s %%.", refills=rule.trend_refills, percent=Number(abs(trend), 0)
            )
        )
    over = missing > 0 if single or trend is None else trend > 0
    return (
        Condition(
            rule=RuleName.INFUSION,
            key=key_of(REFILL_KEY, newest.observed_at),
            priority=rule.priority,
            strength=Strength.FULL,
            since=min(now, newest.observed_at),
            title=f"Refill discrepancy: {'more' if over else 'less'} was infused than programmed",
            said=tuple(said),
            evidence={
                "expected_ml": newest.expected_ml,
                "measured_ml": newest.measured_ml,
                "percent": None if percent is None else round(percent, 1),
                "trend_percent": None if trend is None else round(trend, 1),
            },
        ),
    )


def _left_said(newest: Refill, percent: float | None) -> Sentence:
    share = {} if percent is None else {"percent": Number(abs(percent), 0)}
    return sentence(
        _LEFT[newest.missing_ml > 0, percent is not None],
        left=Volume(newest.measured_ml),
        at=newest.observed_at,
        missing=Volume(abs(newest.missing_ml)),
        **share,
    )


def _trend(facts: PumpFacts, policy: Policy) -> float | None:
    """Percent over the last refills together; None: too few, too little was programmed, or they do not agree.

    They agree when they say much the same without the one that stands out the most: one slip is no trend.
    """
    wanted, least_ml = policy.infusion.trend_refills, policy.infusion.minimum_delivery_ml
    told = [
        (refill.missing_ml, given)
        for index, refill in enumerate(facts.refills[:wanted])
        if (given := programmed_ml(facts, index)) is not None and given > 0
    ]
    if len(told) < wanted or sum(given for _, given in told) < wanted * least_ml:
        return None
    together = _percent(told)
    told.remove(max(told, key=lambda each: abs(each[0] / each[1])))
    others = _percent(told)
    return together if others * together > 0 and abs(others) > policy.infusion.trend_percent * _AGREEING else None


def _percent(told: list[tuple[float, float]]) -> float:
    return 100 * sum(missing for missing, _ in told) / sum(given for _, given in told)


def _is_tenfold(refill: Refill, near_ml: float) -> bool:
    """Tell whether a misplaced point would explain what is missing."""
    less, more = sorted((refill.expected_ml, refill.measured_ml))
    return less > 0 and abs(10 * less - more) <= near_ml


def _pocket_fill(facts: PumpFacts, refill: Refill, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    rule, reading = policy.infusion, facts.filled_reading
    if reading is None:
        return ()
    newest = facts.measured_reading
    if (
        newest is not None
        and newest.observed_at - refill.observed_at <= FILLED_FOR
        and newest.volume_ml > reading.volume_ml
    ):
        reading = newest  # what is gone does not come back: the first was read wrong
    days = (reading.observed_at - refill.observed_at) / _DAY
    worst = facts.therapy.worst_daily_ml * days if facts.therapy else 0.0
    small = facts.size_ml <= _SMALL_PUMP_ML
    limit = rule.pocket_fill_small_ml if small else rule.pocket_fill_large_ml
    filled = held_ml(refill.filled_ml, facts)
    missing = filled - reading.volume_ml - worst
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
            said=(
                sentence(
                    "%(filled)s were filled in, %(measured)s were measured %(at)s: %(missing)s more is gone than the "
                    "pump can have given.",
                    filled=Volume(filled),
                    measured=Volume(reading.volume_ml),
                    at=reading.observed_at,
                    missing=Volume(missing),
                ),
            ),
            evidence={"filled_ml": filled, "measured_ml": reading.volume_ml, "missing_ml": round(missing, 2)},
        ),
    )
