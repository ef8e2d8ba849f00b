"""PURE. What time makes of a pump alarm that stands; pump_alarm puts it into that alert, so nobody is paged twice.

Source: docs/domain.md section 1, row "MRI": a motor that stalls in the scanner should recover, within 2 to 24 h
[22], and if it does not, infusion may stay off until somebody interrogates the pump [21]; row "ERI and EOS": the
pump stops 90 days after it announces its replacement [12]; section 8 items 1 and 2.

Failure modes: a recovery that is not uploaded looks like none, so the text asks for an interrogation; the 90
days count from when the alarm was first known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.events import AlarmCode
from schemas.policy import Priority, PumpAlarmPolicy
from services.alerts.rules.active_alarms import ActiveAlarm
from services.alerts.said.model import Sentence, Shortest, sentence


@dataclass(frozen=True, slots=True)
class Course:
    """What is added to the alert: a sentence for its explanation, and the least priority."""

    said: Sentence
    priority: Priority


def course(alarm: ActiveAlarm, rule: PumpAlarmPolicy, end_of_service: Priority, now: datetime) -> Course | None:
    """What has become of one standing alarm by now; None: nothing yet."""
    stands = now - alarm.since
    if alarm.code is AlarmCode.MOTOR_STALL and stands >= timedelta(hours=rule.stall_recovery_hours):
        return Course(
            sentence(
                "It has not recovered within %(hours)s h: the pump must be interrogated.",
                hours=Shortest(rule.stall_recovery_hours),
            ),
            rule.unrecovered_priority,
        )
    if alarm.code is AlarmCode.ELECTIVE_REPLACEMENT:
        stops_at = alarm.since + timedelta(days=rule.stops_after_days)
        near = now >= stops_at - timedelta(days=rule.replacement_lead_days)
        said = sentence("The pump stops about %(at)s.", at=stops_at)
        return Course(said, end_of_service if near else Priority.INFO)
    return None
