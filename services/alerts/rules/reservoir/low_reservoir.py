"""PURE. The reservoir is low or empty, by its level or because the pump says so, or will be before the refill.

All that is one alert: a forecast becomes a low level, and a low level an empty one.

Source: docs/domain.md section 1, row "low-reservoir setting" (2 mL is the manufacturer's recommendation; a therapy
may program another) and row "low-reservoir alarm" (computed, not sensed): an over-infusing pump does not sound it, so
a measured level counts against computed ones until a refill (services.alerts.rules.reservoir.level).
Section 8 item 1: low, then empty is one alert that changes.

A refill counts as a reading of what was filled in, up to what the pump holds, and ends every reservoir alarm that was
last raised before it. An open alert is held up to level + hysteresis, and for as long as nothing at all is known of
the level.

The priority is the policy's for a low or an empty reservoir; where the policy gives the pump's own alarm
code a higher one, that.

Failure modes: between two readings of an over-infusing pump nothing shows; a refill that nobody reports
leaves the pump's own alarm standing until the pump clears it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from schemas.events import AlarmCode
from schemas.policy import Policy, Priority
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, EvidenceValue, RuleName, Strength
from services.alerts.rules.active_alarms import ActiveAlarm, active_alarms
from services.alerts.rules.refused_alarm import RESERVOIR_CODES, stored_alarms
from services.alerts.rules.reservoir.level import Level, level_of
from services.alerts.rules.reservoir.refill_forecast import Forecast, forecast
from services.alerts.said.model import Said, Sentence, Volume, Word, sentence
from services.alerts.wording import ALARM_WORDS, capitalised, millilitres
from services.texts.model import msgid

KEY: Final = "reservoir"
_CODES: Final = RESERVOIR_CODES
_AT_OR_BELOW: Final = msgid("%(level)s; at or below the alarm level of %(limit)s.")
_JUST_ABOVE: Final = msgid("%(level)s; just above the alarm level of %(limit)s.")
_ABOVE: Final = msgid("%(level)s; above the alarm level of %(limit)s.")
_CORRECT: Final = sentence("If more was filled in, correct the entry.")
_NO_READING: Final[Said] = (sentence("No reading of the reservoir is known."),)


def low_reservoir(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: FULL when low or empty, HOLDING within hysteresis or with no level known."""
    limit_ml = policy.low_reservoir.level_ml if facts.programmed_low_ml is None else facts.programmed_low_ml
    level = level_of(facts, now)
    alarms = _alarms(facts, policy, now)
    is_low = level is not None and level.volume_ml <= limit_ml
    if alarms or is_low:
        return (_condition(Strength.FULL, level, limit_ml, alarms, policy, now, is_low=is_low),)
    ahead = _forecast(facts, level, limit_ml, policy, now)
    if level is not None and ahead is not None:
        return (_ahead(ahead, level, limit_ml, now),)
    refilled = level is not None and level.basis == "refill"
    within = level is None or level.volume_ml < limit_ml + policy.low_reservoir.hysteresis_ml
    if within and not refilled:
        return (_condition(Strength.HOLDING, level, limit_ml, alarms, policy, now, is_low=False),)
    return ()


def _forecast(facts: PumpFacts, level: Level | None, limit_ml: float, policy: Policy, now: datetime) -> Forecast | None:
    if level is None:
        return None
    return forecast(level.volume_ml, level.at, limit_ml, facts, policy.low_reservoir, now)


def _ahead(ahead: Forecast, level: Level, limit_ml: float, now: datetime) -> Condition:
    low_at = ahead.low_at
    return Condition(
        rule=RuleName.LOW_RESERVOIR,
        key=KEY,
        priority=ahead.priority,
        strength=ahead.strength,
        since=min(now, level.told_at),
        title="Refill overdue" if low_at is None else "Reservoir may be low before the refill",
        said=(*_level_said(level, limit_ml, is_low=False), *ahead.said),
        evidence={
            "limit_ml": limit_ml,
            **level.evidence,
            "refill_due": ahead.visit.on.isoformat(),
            "low_at": low_at.isoformat() if low_at else None,
        },
    )


def _alarms(facts: PumpFacts, policy: Policy, now: datetime) -> list[ActiveAlarm]:
    standing = active_alarms(stored_alarms(facts, policy, now))
    return [
        standing[code]
        for code in _CODES
        if code in standing and (facts.refill is None or standing[code].last_raised_at >= facts.refill.observed_at)
    ]


def _condition(
    strength: Strength,
    level: Level | None,
    limit_ml: float,
    alarms: list[ActiveAlarm],
    policy: Policy,
    now: datetime,
    *,
    is_low: bool,
) -> Condition:
    empty = (level is not None and level.volume_ml <= 0) or any(
        alarm.code is AlarmCode.EMPTY_RESERVOIR for alarm in alarms
    )
    rule = policy.low_reservoir
    priority = rule.empty_priority if empty else rule.priority
    moments = [alarm.since for alarm in alarms]
    said: Said = tuple(_alarm_said(alarm) for alarm in alarms)
    evidence: dict[str, EvidenceValue] = {"limit_ml": limit_ml}
    evidence |= {alarm.code.value: alarm.since.isoformat() for alarm in alarms}
    if level is not None:
        evidence |= level.evidence
        said = (*_level_said(level, limit_ml, is_low=is_low), *said)
    if level is not None and is_low:
        moments.append(level.told_at if level.told_ml <= limit_ml else level.at)
    return Condition(
        rule=RuleName.LOW_RESERVOIR,
        key=KEY,
        priority=_highest([priority, *(policy.priority_of(alarm.code) for alarm in alarms)]),
        strength=strength,
        since=min([now, *moments]),
        title=capitalised(ALARM_WORDS[AlarmCode.EMPTY_RESERVOIR if empty else AlarmCode.LOW_RESERVOIR]),
        said=said or _NO_READING,
        evidence=evidence,
    )


def _alarm_said(alarm: ActiveAlarm) -> Sentence:
    return sentence("The pump alarms: %(alarm)s since %(at)s.", alarm=Word(ALARM_WORDS[alarm.code]), at=alarm.since)


def _level_said(level: Level, limit_ml: float, *, is_low: bool) -> Said:
    alike = millilitres(level.volume_ml) == millilitres(limit_ml)
    relation = _AT_OR_BELOW if is_low else _JUST_ABOVE if alike else _ABOVE
    slip = (_CORRECT,) if is_low and level.basis == "refill" else ()
    return (sentence(relation, level=level.said, limit=Volume(limit_ml)), *level.other_said, *slip)


def _highest(priorities: Iterable[Priority]) -> Priority:
    return max(priorities, key=lambda each: each.rank)
