"""PURE. The pump says that something is wrong with it.

Source: docs/domain.md section 1 (critical and non-critical causes), section 4 (default priorities, INF) and
section 8 item 1: codes of one cause are one alert that changes, so that a stall that becomes a stop is not two.
The reservoir's own alarms are services.alerts.rules.reservoir.low_reservoir's; what time makes of an alarm that stands
is services.alerts.rules.alarm_course's.

Failure modes: the pump cannot alarm on an occluded catheter in every make, nor on its own over-infusion
(section 1); a recovery that is never uploaded leaves the alert open, since a gap in the data clears
nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from schemas.events import AlarmCode
from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.active_alarms import ActiveAlarm, active_alarms
from services.alerts.rules.alarm_course import course
from services.alerts.rules.refused_alarm import stored_alarms
from services.alerts.said.model import Sentence, Word, sentence
from services.alerts.wording import ALARM_WORDS, capitalised

CODES_BY_KEY: Final[dict[str, tuple[AlarmCode, ...]]] = {
    "infusion": (AlarmCode.MOTOR_STALL, AlarmCode.PUMP_STOPPED),
    "replacement": (AlarmCode.ELECTIVE_REPLACEMENT, AlarmCode.END_OF_SERVICE),
    "memory": (AlarmCode.MEMORY_ERROR, AlarmCode.CRITICAL_MEMORY_ERROR),
    "battery": (AlarmCode.LOW_BATTERY_RESET,),
    "catheter": (AlarmCode.CATHETER_OCCLUSION,),
    "other": (AlarmCode.OTHER,),
}
"""The key of an alert, and the alarm codes of that cause in the order in which they usually follow."""


def pump_alarm(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """One condition for each cause of which an alarm stands; its priority is the highest of its codes."""
    standing = active_alarms(stored_alarms(facts, policy, now))
    conditions = []
    for key, codes in CODES_BY_KEY.items():
        alarms = [standing[code] for code in codes if code in standing]
        if alarms:
            conditions.append(_condition(key, alarms, policy, now))
    return tuple(conditions)


def _condition(key: str, alarms: list[ActiveAlarm], policy: Policy, now: datetime) -> Condition:
    names = [ALARM_WORDS[alarm.code] for alarm in alarms]
    end_of_service = policy.priority_of(AlarmCode.END_OF_SERVICE)
    courses = [course(alarm, policy.pump_alarms, end_of_service, now) for alarm in alarms]
    added = [each for each in courses if each is not None]
    priorities = [*(policy.priority_of(alarm.code) for alarm in alarms), *(each.priority for each in added)]
    return Condition(
        rule=RuleName.PUMP_ALARM,
        key=key,
        priority=max(priorities, key=lambda each: each.rank),
        strength=Strength.FULL,
        since=min(now, *(alarm.since for alarm in alarms)),
        title=capitalised(", ".join(names)),
        said=(*(_sentence(alarm) for alarm in alarms), *(each.said for each in added)),
        evidence={alarm.code.value: alarm.since.isoformat() for alarm in alarms},
    )


def _sentence(alarm: ActiveAlarm) -> Sentence:
    name = Word(ALARM_WORDS[alarm.code], capital=True)
    if alarm.detail:
        return sentence("%(alarm)s since %(at)s (%(detail)s).", alarm=name, at=alarm.since, detail=alarm.detail)
    return sentence("%(alarm)s since %(at)s.", alarm=name, at=alarm.since)
