"""PURE. The clinic's alerting policy: every threshold with its source (schemas/policy_file.py reads the file).

Guarantees: a policy that loads is complete (every field has a default), refers only to contacts it defines, and has
a `version` that names its exact content. Priorities and thresholds that docs/domain.md marks GK or INF are defaults
here, so a clinic can change them.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from schemas.events import AlarmCode
from schemas.line_text import LineText
from schemas.parts.languages import Language
from schemas.parts.paging import Channel, Contact, EscalationStep, PagingPolicy, QuietHours, Route
from schemas.parts.refills import DEFAULT_STABILITY, DrugName, DrugStability, ForecastBy, LowReservoirPolicy
from schemas.parts.subject import RuleOrSubject
from schemas.policy_part import Part, Priority

__all__ = [  # beside what is defined here
    "Channel",
    "Contact",
    "DrugStability",
    "EscalationStep",
    "ForecastBy",
    "Language",
    "LowReservoirPolicy",
    "PagingPolicy",
    "Policy",
    "Priority",
    "QuietHours",
    "Route",
]


_REPEAT_MINUTES: Final = {Priority.HIGH: 5.0, Priority.MEDIUM: 30.0}

DEFAULT_ALARM_PRIORITIES: Final[dict[AlarmCode, Priority]] = {
    AlarmCode.EMPTY_RESERVOIR: Priority.HIGH,
    AlarmCode.LOW_RESERVOIR: Priority.MEDIUM,
    AlarmCode.MOTOR_STALL: Priority.HIGH,
    AlarmCode.PUMP_STOPPED: Priority.HIGH,
    AlarmCode.END_OF_SERVICE: Priority.HIGH,
    AlarmCode.ELECTIVE_REPLACEMENT: Priority.MEDIUM,
    AlarmCode.LOW_BATTERY_RESET: Priority.HIGH,
    AlarmCode.CRITICAL_MEMORY_ERROR: Priority.HIGH,
    AlarmCode.MEMORY_ERROR: Priority.MEDIUM,
    AlarmCode.CATHETER_OCCLUSION: Priority.HIGH,
    AlarmCode.OTHER: Priority.MEDIUM,
}
"""docs/domain.md section 4, default priorities (INF). Codes that it does not name are placed here (INF)."""


class PumpAlarmPolicy(Part):
    """What time makes of a pump alarm that stands (docs/domain.md section 1, row "MRI" and row "ERI and EOS")."""

    stall_recovery_hours: Annotated[float, Field(gt=0, le=168)] = 24.0
    """A stall in an MRI scanner recovers within 2 to 24 h; one that has not by now needs an interrogation."""
    unrecovered_priority: Priority = Priority.HIGH
    stops_after_days: Annotated[int, Field(ge=1, le=365)] = 90
    """The pump stops so long after it announced its replacement."""
    replacement_lead_days: Annotated[int, Field(ge=0, le=365)] = 14
    """So long before it stops, the announcement becomes as urgent as the end of service."""
    explanted_priority: Priority = Priority.MEDIUM
    """Of a pump that calls out though it is in nobody by the registry, which may be wrong (GK)."""


class BolusDemandPolicy(Part):
    """When demand is unusual for this pump; no validated threshold was found: INF (docs/domain.md section 3)."""

    baseline_days: Annotated[int, Field(ge=7, le=180)] = 112
    """So many days back a pump's usual demand is learned. A rise over weeks needs at least 28 more than
    `drift_minimum_days`."""
    minimum_days: Annotated[int, Field(ge=3, le=90)] = 14
    """Below this many observed days the baseline is still learning and nothing is raised."""
    minimum_attempts: Annotated[int, Field(ge=1, le=200)] = 4
    """Fewer attempts in a window never raise, whatever the baseline."""
    tail_probability: Annotated[float, Field(gt=0, lt=0.5)] = 2e-4
    """Raise when the last one, two or three days would be rarer than this for this pump."""
    clear_probability: Annotated[float, Field(gt=0, lt=1)] = 1e-2
    """An open alert clears only when every one of these windows is at least this ordinary."""
    surge_over_likelihood: Annotated[float, Field(ge=2, le=1e6)] = 300.0
    """A surge that goes on is over when its last days are so many times likelier at the level that was usual."""
    drift_likelihood: Annotated[float, Field(gt=1, le=1e6)] = 20.0
    """Raise a drift when the last four weeks are so many times likelier if demand is rising than if it is as before."""
    drift_clear_likelihood: Annotated[float, Field(ge=1, le=1e6)] = 2.0
    """An open drift clears when a rise is less than so many times likelier."""
    drift_minimum_days: Annotated[int, Field(ge=14, le=90)] = 28
    """No drift is raised with fewer observed days before the last four weeks (docs/domain.md section 3 (b))."""
    priority: Priority = Priority.MEDIUM
    drift_priority: Priority = Priority.MEDIUM
    silence_probability: Annotated[float, Field(gt=0, lt=0.5)] = 1e-5
    """No request at all for so long that it would be rarer than this: demand has gone silent."""
    silence_minimum_hours: Annotated[int, Field(ge=24, le=720)] = 72
    silence_priority: Priority = Priority.MEDIUM

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.minimum_days > self.baseline_days:
            msg = f"minimum_days ({self.minimum_days}) must not exceed baseline_days ({self.baseline_days})"
            raise ValueError(msg)
        if self.clear_probability < self.tail_probability:
            msg = "clear_probability must be at least tail_probability, or an alert would clear while it holds"
            raise ValueError(msg)
        if self.drift_clear_likelihood > self.drift_likelihood:
            msg = "drift_clear_likelihood must be at most drift_likelihood, or an alert would clear while it holds"
            raise ValueError(msg)
        return self


class BolusLimitPolicy(Part):
    """Signs that dose, lockout or limit do not fit the patient; not validated, GK (docs/domain.md section 3)."""

    limit_days: Annotated[int, Field(ge=1, le=14)] = 5
    of_days: Annotated[int, Field(ge=1, le=14)] = 7
    """The limit refused a request on `limit_days` of the last `of_days`."""
    demand_per_delivery: Annotated[float, Field(gt=1, le=20)] = 3.0
    """Requests for each delivered bolus over `of_days`; the rule of thumb is more than 2-3 to 1."""
    minimum_attempts: Annotated[int, Field(ge=1, le=200)] = 14
    hold_days: Annotated[int, Field(ge=7, le=28)] = 28
    """An open alert is held by the last `hold_days`, so that one patient is one alert and not many..."""
    hold_limit_days: Annotated[int, Field(ge=1, le=28)] = 6
    """...while the limit refused a request on so many of them..."""
    hold_demand_per_delivery: Annotated[float, Field(gt=1, le=20)] = 1.5
    """...or there were so many requests for each delivered bolus..."""
    quiet_days: Annotated[int, Field(ge=1, le=28)] = 10
    """...and until none was refused on so many known days."""
    priority: Priority = Priority.LOW

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.limit_days > self.of_days:
            msg = f"limit_days ({self.limit_days}) must not exceed of_days ({self.of_days})"
            raise ValueError(msg)
        return self


class InfusionPolicy(Part):
    """When the pump gives more or less than programmed (docs/domain.md section 1, row "refill discrepancy",
    row "over-infusion", row "pocket fill" and row "measured accuracy").
    """

    discrepancy_ml: Annotated[float, Field(gt=0, le=20)] = 2.0
    discrepancy_percent: Annotated[float, Field(gt=0, le=100)] = 14.5
    minimum_delivery_ml: Annotated[float, Field(ge=1, le=40)] = 10.0
    """With less programmed since the last refill, the noise of a reading hides a percentage."""
    trend_refills: Annotated[int, Field(ge=2, le=3)] = 3
    trend_percent: Annotated[float, Field(gt=0, le=100)] = 6.5
    """Over the last `trend_refills` refills together: between a sound pump's 2.5 % and the 10 % to be found."""
    stays_days: Annotated[float, Field(gt=0, le=90)] = 14.0
    """How long after the refill or the reading it is news."""
    priority: Priority = Priority.MEDIUM
    rise_ml: Annotated[float, Field(gt=0, le=20)] = 2.0
    """A volume that rises by more than this without a refill: as much as a refill may differ (INF)."""
    overfill_ml: Annotated[float, Field(ge=0, le=10)] = 0.5
    """A volume that is more than the pump holds by more than this is told: the noise of a reading (GK)."""
    pocket_fill_small_ml: Annotated[float, Field(gt=0, le=20)] = 1.0
    """Missing after a refill of a pump of up to 20 mL: possibly filled into the pocket."""
    pocket_fill_large_ml: Annotated[float, Field(gt=0, le=20)] = 2.0
    """The same for a larger pump."""
    pocket_fill_priority: Priority = Priority.HIGH
    """Drug beside the pump is an emergency (GK)."""
    suspicion_priority: Priority = Priority.HIGH
    """Demand and residual point the same way (docs/domain.md section 3): delivery may be failing without any
    alarm (GK)."""


class DeviceSilentPolicy(Part):
    """When a device is silent against its own habit (docs/domain.md section 8 item 8; INF)."""

    factor: Annotated[float, Field(ge=1, le=20)] = 3.0
    """Silent for so many times its usual longest pause (the 90 % quantile of its pauses)."""
    minimum_hours: Annotated[float, Field(gt=0, le=720)] = 48.0
    learning_hours: Annotated[float, Field(gt=0, le=2160)] = 384.0
    """While fewer than five pauses of a device are known, it may be silent for so long, or for `factor` times its
    longest pause so far where that is longer: a device that uploads once a week and fails once is no news."""
    priority: Priority = Priority.LOW


class ClockPolicy(Part):
    """When the clock of a device is off by so much that somebody should set it (INF)."""

    ahead_minutes: Annotated[float, Field(ge=1, le=1440)] = 10.0
    behind_hours: Annotated[float, Field(ge=24, le=9600)] = 48.0
    """Less could be an upload that waited."""
    priority: Priority = Priority.LOW
    refused_priority: Priority = Priority.MEDIUM
    """The clock is so far off that what the device sends is refused: nobody watches that device."""
    alarm_stays_hours: Annotated[float, Field(gt=0, le=720)] = 72.0
    """An alarm that was refused for its date stands for so long after it came, unless its recovery is known before. Its
    priority is that of its code."""


class CertificatePolicy(Part):
    """When the certificate by which a device logs in ends, and somebody should renew it (INF)."""

    warn_days: Annotated[int, Field(ge=1, le=365)] = 30
    priority: Priority = Priority.LOW
    ended_priority: Priority = Priority.MEDIUM
    """It has ended: at its next connection the device is refused, and nobody watches it."""


class PatientReportPolicy(Part):
    """What a patient says with the handheld (docs/domain.md section 8 item 9). The priorities are GK."""

    severe_score: Annotated[int, Field(ge=0, le=10)] = 8
    priority: Priority = Priority.LOW
    severe_priority: Priority = Priority.MEDIUM
    """For a score from `severe_score` on, and for a pump alarm that the patient hears."""
    stays_hours: Annotated[float, Field(gt=0, le=720)] = 48.0


_Step = Annotated[LineText, Field(min_length=1, max_length=300)]


class Policy(Part):
    """One clinic's policy. `Policy()` is usable: every threshold at its default, nobody to tell.

    In these notes GK is general knowledge for which no source was found, INF an inference: a clinic should judge both.
    """

    clinic_id: Annotated[LineText, Field(min_length=1, max_length=64)] = "default"
    alarm_priorities: dict[AlarmCode, Priority] = Field(default_factory=lambda: dict(DEFAULT_ALARM_PRIORITIES))
    pump_alarms: PumpAlarmPolicy = PumpAlarmPolicy()
    low_reservoir: LowReservoirPolicy = LowReservoirPolicy()
    drug_stability: tuple[DrugStability, ...] = DEFAULT_STABILITY
    """For how many days a drug or a mixture is good in a pump (docs/domain.md section 1, row "drug in the pump"): told
    on the refill board. A list given here takes the place of this one."""
    bolus_demand: BolusDemandPolicy = BolusDemandPolicy()
    bolus_limit: BolusLimitPolicy = BolusLimitPolicy()
    infusion: InfusionPolicy = InfusionPolicy()
    device_silent: DeviceSilentPolicy = DeviceSilentPolicy()
    clock: ClockPolicy = ClockPolicy()
    certificate: CertificatePolicy = CertificatePolicy()
    patient_report: PatientReportPolicy = PatientReportPolicy()
    dangerous_to_stop: tuple[DrugName, ...] = ("baclofen",)
    """Drugs whose sudden stop can kill: of a pump that holds one, priorities are one step up
    (docs/domain.md section 5). Found as words in what the device says, whatever else stands there."""
    brand_names: dict[DrugName, DrugName] = Field(
        default_factory=lambda: {
            "lioresal": "baclofen",
            "gablofen": "baclofen",
            "infumorph": "morphine",
            "prialt": "ziconotide",
        }
    )
    """Which drug a brand name means (GK): a device may say either. A list given here takes the place of this one."""
    what_to_do: dict[RuleOrSubject, Annotated[tuple[_Step, ...], Field(max_length=12)]] = Field(default_factory=dict)
    """The clinic's own steps for alerts of a rule, or of one sign of a rule: they stand first on an alert's page."""
    contacts: tuple[Contact, ...] = ()
    routes: dict[Priority, Route] = Field(default_factory=dict)
    paging: PagingPolicy = PagingPolicy()
    acknowledgement_expires_hours: Annotated[float, Field(gt=0, le=168)] = 12.0
    """An acknowledged alert whose condition persists pages again after this long."""
    language: Language = Language.ENGLISH
    """In which the clinic's pages (the messages that are sent) are written. On the board each reader has their own."""
    include_patient_data: bool = False
    """False: a page carries the alert's id, priority and kind only, nothing of a patient (docs/domain.md section 6)."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [contact.name for contact in self.contacts]
        if len(names) != len(set(names)):
            msg = f"contacts must have different names; got {', '.join(names)}"
            raise ValueError(msg)
        for priority, route in self.routes.items():
            for step in route.steps:
                for name in step.contacts:
                    if name not in names:
                        known = ", ".join(names) or "none"
                        msg = f"routes.{priority}: contact {name!r} is not defined; defined are: {known}"
                        raise ValueError(msg)
        return self

    def priority_of(self, code: AlarmCode) -> Priority:
        """Priority of a pump alarm; a code that the file leaves out keeps its default."""
        return self.alarm_priorities.get(code, DEFAULT_ALARM_PRIORITIES[code])

    def repeat_minutes(self, priority: Priority) -> float | None:
        """How long after a page of this priority that nobody answers the next one goes out; None: never."""
        route = self.routes.get(priority)
        given = route.repeat_minutes if route else None
        return (_REPEAT_MINUTES.get(priority) if given is None else given) or None

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that name this exact content; stored with every alert."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
