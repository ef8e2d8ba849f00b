"""PURE. What an alert was judged by: each setting of the clinic's policy that decides, its value, and its source.

A source is a number of docs/domain.md, or says plainly that none was found. Who reads an alert can see from this
whether a limit is a manufacturer's, somebody's rule of thumb, or their own clinic's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas.events import AlarmCode
from schemas.parts.subject import Subject
from schemas.policy import Policy
from services.alerts.wording import priority_words
from services.texts.model import ENGLISH, Texts, msgid

_NO_SOURCE: Final = msgid("general knowledge, no source was found: for your clinic to judge")
_INFERRED: Final = msgid("inferred by Pumpwatch, not validated: for your clinic to judge")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the policy: its path, what it decides with `%(value)s` where that stands, and its source."""

    path: str
    words: str
    source: str = _INFERRED


@dataclass(frozen=True, slots=True)
class Threshold:
    """What was compared, by which setting, and where its value comes from."""

    words: str
    path: str
    source: str


_SETTINGS: Final[dict[Subject, tuple[Setting, ...]]] = {
    Subject.INFUSION_STOPPED: (
        Setting("alarm_priorities.motor_stall", msgid("A motor stall is of %(value)s priority")),
        Setting("alarm_priorities.pump_stopped", msgid("A stopped pump is of %(value)s priority")),
        Setting(
            "pump_alarms.stall_recovery_hours",
            msgid("A stall should recover within %(value)s h"),
            msgid("[22], after MRI scans"),
        ),
    ),
    Subject.REPLACEMENT: (
        Setting("pump_alarms.stops_after_days", msgid("The pump stops %(value)s days after its announcement"), "[12]"),
        Setting("pump_alarms.replacement_lead_days", msgid("It becomes urgent %(value)s days before that")),
    ),
    Subject.MEMORY: (
        Setting("alarm_priorities.critical_memory_error", msgid("A critical memory error is of %(value)s priority")),
        Setting("alarm_priorities.memory_error", msgid("Any other is of %(value)s priority")),
    ),
    Subject.BATTERY: (
        Setting("alarm_priorities.low_battery_reset", msgid("A low-battery reset is of %(value)s priority")),
    ),
    Subject.CATHETER: (
        Setting("alarm_priorities.catheter_occlusion", msgid("A blocked catheter is of %(value)s priority")),
    ),
    Subject.OTHER_ALARM: (Setting("alarm_priorities.other", msgid("Any other alarm is of %(value)s priority")),),
    Subject.EXPLANTED: (
        Setting(
            "pump_alarms.explanted_priority",
            msgid("An explanted pump that calls out is of %(value)s priority"),
            _NO_SOURCE,
        ),
    ),
    Subject.LOW_RESERVOIR: (
        Setting(
            "low_reservoir.level_ml",
            msgid("The alarm level is the one programmed in the pump and, where none is, %(value)s mL"),
            msgid("the manufacturer's recommendation is 2 mL; some patients had withdrawal above it [10]"),
        ),
        Setting(
            "low_reservoir.hysteresis_ml",
            msgid("An open alert ends from %(value)s mL above the alarm level on"),
            _NO_SOURCE,
        ),
        Setting("low_reservoir.forecast_by", msgid("Whether it lasts until the refill goes by %(value)s")),
        Setting("low_reservoir.forecast_probability", msgid("as surely as %(value)s, where it goes by own_use")),
        Setting("low_reservoir.warn_ahead_days", msgid("and is not warned of more than %(value)s days ahead")),
        Setting(
            "low_reservoir.overdue_days", msgid("A refill is overdue %(value)s days after the booked day"), _NO_SOURCE
        ),
    ),
    Subject.DEMAND_UP: (
        Setting(
            "bolus_demand.tail_probability",
            msgid("One to three days are unusual if rarer than %(value)s for this patient"),
        ),
        Setting("bolus_demand.minimum_attempts", msgid("Fewer than %(value)s requests are never unusual")),
        Setting(
            "bolus_demand.minimum_days",
            msgid("At least %(value)s earlier days must be known"),
            msgid("14 to 28 days, section 3 (b)"),
        ),
    ),
    Subject.DEMAND_RISING: (
        Setting("bolus_demand.drift_likelihood", msgid("A rise must be %(value)s times likelier than days as before")),
        Setting("bolus_demand.drift_minimum_days", msgid("At least %(value)s earlier days must be known")),
    ),
    Subject.DEMAND_GONE: (
        Setting(
            "bolus_demand.silence_probability",
            msgid("No request for so long must be rarer than %(value)s for this patient"),
        ),
        Setting("bolus_demand.silence_minimum_hours", msgid("It counts from %(value)s h on")),
    ),
    Subject.LIMIT_REACHED: (
        Setting("bolus_limit.limit_days", msgid("The limit refused a request on %(value)s days"), _NO_SOURCE),
        Setting("bolus_limit.of_days", msgid("of the last %(value)s"), _NO_SOURCE),
    ),
    Subject.MOSTLY_REFUSED: (
        Setting(
            "bolus_limit.demand_per_delivery",
            msgid("At least %(value)s requests for each delivered bolus"),
            msgid(
                "a rule of thumb is more than 2 to 3; general knowledge, no source was found: for your clinic to judge"
            ),
        ),
        Setting("bolus_limit.minimum_attempts", msgid("Fewer than %(value)s requests are never too many"), _NO_SOURCE),
    ),
    Subject.REFILL_DISCREPANCY: (
        Setting("infusion.discrepancy_ml", msgid("More than %(value)s mL differ at one refill"), "[19]"),
        Setting(
            "infusion.discrepancy_percent",
            msgid("or more than %(value)s %% of what was programmed"),
            msgid("over-infusion [15]"),
        ),
        Setting("infusion.trend_percent", msgid("or more than %(value)s %% over three refills together")),
    ),
    Subject.POCKET_FILL: (
        Setting(
            "infusion.pocket_fill_small_ml",
            msgid("More than %(value)s mL are missing in a pump of up to 20 mL"),
            "[20]",
        ),
        Setting("infusion.pocket_fill_large_ml", msgid("or more than %(value)s mL in a larger one"), "[20]"),
    ),
    Subject.REFILL_BEYOND_SIZE: (
        Setting("infusion.overfill_ml", msgid("More than %(value)s mL above what the pump holds"), _NO_SOURCE),
    ),
    Subject.READING_BEYOND_SIZE: (
        Setting("infusion.overfill_ml", msgid("More than %(value)s mL above what the pump holds"), _NO_SOURCE),
    ),
    Subject.VOLUME: (
        Setting(
            "infusion.discrepancy_percent",
            msgid("It fell by %(value)s %% more or less than programmed"),
            msgid("over-infusion [15]"),
        ),
        Setting("infusion.rise_ml", msgid("or it rose by more than %(value)s mL")),
    ),
    Subject.UNDER_DELIVERY: (
        Setting("infusion.discrepancy_ml", msgid("Three quarters of %(value)s mL more were left"), "[19]"),
        Setting(
            "infusion.suspicion_priority", msgid("Together with more demand that is of %(value)s priority"), _NO_SOURCE
        ),
    ),
    Subject.OVER_DELIVERY: (
        Setting("infusion.discrepancy_ml", msgid("Three quarters of %(value)s mL less were left"), "[19]"),
        Setting(
            "infusion.suspicion_priority", msgid("Together with no demand that is of %(value)s priority"), _NO_SOURCE
        ),
    ),
    Subject.DEVICE_SILENT: (
        Setting("device_silent.factor", msgid("Silent for %(value)s times its usual longest pause")),
        Setting("device_silent.minimum_hours", msgid("and for at least %(value)s h")),
        Setting("device_silent.learning_hours", msgid("or for %(value)s h, while few pauses are known")),
    ),
    Subject.WRONG_CLOCK: (
        Setting("clock.ahead_minutes", msgid("The clock is more than %(value)s min ahead")),
        Setting("clock.behind_hours", msgid("or more than %(value)s h behind")),
    ),
    Subject.ALARM_WITH_WRONG_CLOCK: (
        Setting(
            "clock.alarm_stays_hours", msgid("Such an alarm stands for %(value)s h, unless its end is known before")
        ),
    ),
    Subject.CERTIFICATE: (
        Setting("certificate.warn_days", msgid("It is told %(value)s days before the certificate ends")),
    ),
    Subject.PATIENT_REPORT: (
        Setting("patient_report.severe_score", msgid("A score of %(value)s or more is severe"), _NO_SOURCE),
        Setting("patient_report.stays_hours", msgid("A report is news for %(value)s h"), _NO_SOURCE),
    ),
    Subject.UNJUDGED: (),
}


def thresholds_of(subject: Subject, policy: Policy, texts: Texts = ENGLISH) -> tuple[Threshold, ...]:
    """What an alert about this is judged by under a policy."""
    return tuple(_threshold(setting, policy, texts) for setting in _SETTINGS[subject])


_DEFAULTS: Final = Policy()


def _threshold(setting: Setting, policy: Policy, texts: Texts) -> Threshold:
    value, default = _value(policy, setting.path), _value(_DEFAULTS, setting.path)
    source = texts.say(setting.source)
    if value != default:
        source = texts.say("set by your clinic; Pumpwatch's default is %(value)s", value=_shown(default, texts))
    return Threshold(texts.say(setting.words, value=_shown(value, texts)), setting.path, source)


def _value(policy: Policy, path: str) -> float | str:
    part, name = path.split(".")
    if part == "alarm_priorities":
        return policy.priority_of(AlarmCode(name)).value
    found: float | str = getattr(getattr(policy, part), name)
    return found


def _shown(value: float | str, texts: Texts) -> str:
    """A priority by its name, a choice as the policy has it, and a probability as people say it: "1 in 5,000"."""
    if isinstance(value, str):
        return priority_words(value, texts)
    if value >= _RARE or value <= 0:
        return texts.shortest(value)
    return texts.say("1 in %(count)s", count=texts.number(round(1 / value)))


_RARE: Final = 0.02
