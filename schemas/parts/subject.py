"""PURE. What an alert can be about, by the names under which a clinic's policy says what to do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field


class Subject(StrEnum):
    """What an alert is about: its rule, and the sign that the rule saw."""

    INFUSION_STOPPED = "pump_alarm/infusion"
    REPLACEMENT = "pump_alarm/replacement"
    MEMORY = "pump_alarm/memory"
    BATTERY = "pump_alarm/battery"
    CATHETER = "pump_alarm/catheter"
    OTHER_ALARM = "pump_alarm/other"
    EXPLANTED = "pump_alarm/explanted"
    LOW_RESERVOIR = "low_reservoir/reservoir"
    DEMAND_UP = "bolus_demand/attempts_24h"
    DEMAND_RISING = "bolus_demand/drift"
    DEMAND_GONE = "bolus_demand/silent"
    LIMIT_REACHED = "bolus_limit/limit_days"
    MOSTLY_REFUSED = "bolus_limit/refused_share"
    REFILL_DISCREPANCY = "infusion/refill"
    POCKET_FILL = "infusion/pocket_fill"
    REFILL_BEYOND_SIZE = "infusion/beyond_size"
    READING_BEYOND_SIZE = "infusion/reading_beyond_size"
    VOLUME = "infusion/volume"
    UNDER_DELIVERY = "infusion/under_delivery"
    OVER_DELIVERY = "infusion/over_delivery"
    DEVICE_SILENT = "device_silent/device"
    WRONG_CLOCK = "clock/device"
    ALARM_WITH_WRONG_CLOCK = "clock/alarm"
    CERTIFICATE = "certificate/device"
    PATIENT_REPORT = "patient_report/report"
    UNJUDGED = "pump_unjudged/evaluation"

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.partition("/")[0]


_NAMES: Final = tuple(sorted({each.rule for each in Subject} | set(Subject)))


def _is_known(name: str) -> str:
    if name not in _NAMES:
        msg = f"{name!r} is no rule and no sign of one; expected one of: {', '.join(_NAMES)}"
        raise ValueError(msg)
    return name


RuleOrSubject = Annotated[str, AfterValidator(_is_known), Field(json_schema_extra={"enum": list(_NAMES)})]
"""A rule ("infusion"), or one of its signs alone ("infusion/pocket_fill")."""
