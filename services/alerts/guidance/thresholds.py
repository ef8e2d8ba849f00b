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

_NO_SOURCE: Final = "general knowledge, no source was found: for your clinic to judge"
_INFERRED: Final = "inferred by Pumpwatch, not validated: for your clinic to judge"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the policy: its path, what it decides with `{}` where its value stands, and its source."""

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
        Setting("alarm_priorities.motor_stall", "A motor stall is of {} priority"),
        Setting("alarm_priorities.pump_stopped", "A stopped pump is of {} priority"),
        Setting("pump_alarms.stall_recovery_hours", "A stall should recover within {} h", "[22], after MRI scans"),
    ),
    Subject.REPLACEMENT: (
        Setting("pump_alarms.stops_after_days", "The pump stops {} days after its announcement", "[12]"),
        Setting("pump_alarms.replacement_lead_days", "It becomes urgent {} days before that"),
    ),
    Subject.MEMORY: (
        Setting("alarm_priorities.critical_memory_error", "A critical memory error is of {} priority"),
        Setting("alarm_priorities.memory_error", "Any other is of {} priority"),
    ),
    Subject.BATTERY: (Setting("alarm_priorities.low_battery_reset", "A low-battery reset is of {} priority"),),
    Subject.CATHETER: (Setting("alarm_priorities.catheter_occlusion", "A blocked catheter is of {} priority"),),
    Subject.OTHER_ALARM: (Setting("alarm_priorities.other", "Any other alarm is of {} priority"),),
    Subject.EXPLANTED: (
        Setting("pump_alarms.explanted_priority", "An explanted pump that calls out is of {} priority", _NO_SOURCE),
    ),
    Subject.LOW_RESERVOIR: (
        Setting(
            "low_reservoir.level_ml",
            "The alarm level is the one programmed in the pump and, where none is, {} mL",
            "the manufacturer's recommendation is 2 mL; some patients had withdrawal above it [10]",
        ),
        Setting("low_reservoir.hysteresis_ml", "An open alert ends from {} mL above the alarm level on", _NO_SOURCE),
        Setting("low_reservoir.forecast_by", "Whether it lasts until the refill goes by {}"),
        Setting("low_reservoir.forecast_probability", "as surely as {}, where it goes by own_use"),
        Setting("low_reservoir.warn_ahead_days", "and is not warned of more than {} days ahead"),
        Setting("low_reservoir.overdue_days", "A refill is overdue {} days after the booked day", _NO_SOURCE),
    ),
    Subject.DEMAND_UP: (
        Setting("bolus_demand.tail_probability", "One to three days are unusual if rarer than {} for this patient"),
        Setting("bolus_demand.minimum_attempts", "Fewer than {} requests are never unusual"),
        Setting("bolus_demand.minimum_days", "At least {} earlier days must be known", "14 to 28 days, section 3 (b)"),
    ),
    Subject.DEMAND_RISING: (
        Setting("bolus_demand.drift_likelihood", "A rise must be {} times likelier than days as before"),
        Setting("bolus_demand.drift_minimum_days", "At least {} earlier days must be known"),
    ),
    Subject.DEMAND_GONE: (
        Setting("bolus_demand.silence_probability", "No request for so long must be rarer than {} for this patient"),
        Setting("bolus_demand.silence_minimum_hours", "It counts from {} h on"),
    ),
    Subject.LIMIT_REACHED: (
        Setting("bolus_limit.limit_days", "The limit refused a request on {} days", _NO_SOURCE),
        Setting("bolus_limit.of_days", "of the last {}", _NO_SOURCE),
    ),
    Subject.MOSTLY_REFUSED: (
        Setting(
            "bolus_limit.demand_per_delivery",
            "At least {} requests for each delivered bolus",
            "a rule of thumb is more than 2 to 3; " + _NO_SOURCE,
        ),
        Setting("bolus_limit.minimum_attempts", "Fewer than {} requests are never too many", _NO_SOURCE),
    ),
    Subject.REFILL_DISCREPANCY: (
        Setting("infusion.discrepancy_ml", "More than {} mL differ at one refill", "[19]"),
        Setting("infusion.discrepancy_percent", "or more than {} % of what was programmed", "over-infusion [15]"),
        Setting("infusion.trend_percent", "or more than {} % over three refills together"),
    ),
    Subject.POCKET_FILL: (
        Setting("infusion.pocket_fill_small_ml", "More than {} mL are missing in a pump of up to 20 mL", "[20]"),
        Setting("infusion.pocket_fill_large_ml", "or more than {} mL in a larger one", "[20]"),
    ),
    Subject.REFILL_BEYOND_SIZE: (
        Setting("infusion.overfill_ml", "More than {} mL above what the pump holds", _NO_SOURCE),
    ),
    Subject.READING_BEYOND_SIZE: (
        Setting("infusion.overfill_ml", "More than {} mL above what the pump holds", _NO_SOURCE),
    ),
    Subject.VOLUME: (
        Setting("infusion.discrepancy_percent", "It fell by {} % more or less than programmed", "over-infusion [15]"),
        Setting("infusion.rise_ml", "or it rose by more than {} mL"),
    ),
    Subject.UNDER_DELIVERY: (
        Setting("infusion.discrepancy_ml", "Three quarters of {} mL more were left", "[19]"),
        Setting("infusion.suspicion_priority", "Together with more demand that is of {} priority", _NO_SOURCE),
    ),
    Subject.OVER_DELIVERY: (
        Setting("infusion.discrepancy_ml", "Three quarters of {} mL less were left", "[19]"),
        Setting("infusion.suspicion_priority", "Together with no demand that is of {} priority", _NO_SOURCE),
    ),
    Subject.DEVICE_SILENT: (
        Setting("device_silent.factor", "Silent for {} times its usual longest pause"),
        Setting("device_silent.minimum_hours", "and for at least {} h"),
        Setting("device_silent.learning_hours", "or for {} h, while few pauses are known"),
    ),
    Subject.WRONG_CLOCK: (
        Setting("clock.ahead_minutes", "The clock is more than {} min ahead"),
        Setting("clock.behind_hours", "or more than {} h behind"),
    ),
    Subject.ALARM_WITH_WRONG_CLOCK: (
        Setting("clock.alarm_stays_hours", "Such an alarm stands for {} h, unless its end is known before"),
    ),
    Subject.CERTIFICATE: (Setting("certificate.warn_days", "It is told {} days before the certificate ends"),),
    Subject.PATIENT_REPORT: (
        Setting("patient_report.severe_score", "A score of {} or more is severe", _NO_SOURCE),
        Setting("patient_report.stays_hours", "A report is news for {} h", _NO_SOURCE),
    ),
    Subject.UNJUDGED: (),
}


def thresholds_of(subject: Subject, policy: Policy) -> tuple[Threshold, ...]:
    """What an alert about this is judged by under a policy."""
    return tuple(_threshold(setting, policy) for setting in _SETTINGS[subject])


_DEFAULTS: Final = Policy()


def _threshold(setting: Setting, policy: Policy) -> Threshold:
    value, default = _value(policy, setting.path), _value(_DEFAULTS, setting.path)
    source = setting.source if value == default else f"set by your clinic; Pumpwatch's default is {_shown(default)}"
    return Threshold(setting.words.format(_shown(value)), setting.path, source)


def _value(policy: Policy, path: str) -> float | str:
    part, name = path.split(".")
    if part == "alarm_priorities":
        return policy.priority_of(AlarmCode(name)).value
    found: float | str = getattr(getattr(policy, part), name)
    return found


def _shown(value: float | str) -> str:
    """A probability as people say it: "1 in 5,000"."""
    if isinstance(value, str):
        return value
    return f"{value:g}" if value >= _RARE or value <= 0 else f"1 in {round(1 / value):,}"


_RARE: Final = 0.02
