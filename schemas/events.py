"""PURE. Wire events, version 1: what a device may publish, one frozen model per kind.

Guarantees: a value that passes is finite, in range and carries its unit in its name; unknown fields are
ignored (a newer device may say more), unknown enum values are refused (an older server must not guess).
Ranges are wide enough for every pump in docs/domain.md section 1 and narrow enough to catch a wrong unit, and a number
that a device has for "never" or "nothing": what something is divided by is 0 or large enough to be real.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

MAX_BATCH_EVENTS: Final = 500
"""The most events that one message may carry (docs/devices.md, section 4)."""

MAX_PAYLOAD_BYTES: Final = 262_144
"""The largest payload that is decoded: 500 events of 500 bytes, and the broker's own limit."""


class EventKind(StrEnum):
    """The kinds of event; also the last level of the topic."""

    RESERVOIR = "reservoir"
    BOLUS = "bolus"
    ALARM = "alarm"
    THERAPY = "therapy"
    REFILL = "refill"
    STATUS = "status"
    REPORT = "report"


class ReadingBasis(StrEnum):
    """Where a reservoir volume comes from; the two are never mixed (docs/domain.md section 1, INF)."""

    COMPUTED = "computed"
    MEASURED = "measured"


class BolusOutcome(StrEnum):
    """What became of a request for a bolus (docs/domain.md section 2).

    `comm_failure` is of unknown delivery: it counts neither as delivered nor as nothing.
    """

    DELIVERED = "delivered"
    DENIED_LOCKOUT = "denied_lockout"
    DENIED_LIMIT = "denied_limit"
    DENIED_OTHER = "denied_other"
    COMM_FAILURE = "comm_failure"


class AlarmCode(StrEnum):
    """Pump alarms (docs/domain.md section 1, row "non-critical causes" and row "critical causes")."""

    EMPTY_RESERVOIR = "empty_reservoir"
    LOW_RESERVOIR = "low_reservoir"
    MOTOR_STALL = "motor_stall"
    PUMP_STOPPED = "pump_stopped"
    END_OF_SERVICE = "end_of_service"
    ELECTIVE_REPLACEMENT = "elective_replacement"
    LOW_BATTERY_RESET = "low_battery_reset"
    CRITICAL_MEMORY_ERROR = "critical_memory_error"
    MEMORY_ERROR = "memory_error"
    CATHETER_OCCLUSION = "catheter_occlusion"
    OTHER = "other"


class AlarmState(StrEnum):
    """Whether the alarm began or ended at `observed_at`."""

    RAISED = "raised"
    CLEARED = "cleared"


class Complaint(StrEnum):
    """What a patient reports with the handheld."""

    PAIN = "pain"
    SIDE_EFFECT = "side_effect"
    ALARM_HEARD = "alarm_heard"
    MORE_THERAPY = "more_therapy"


LEAST_RATE_ML_PER_DAY: Final = 0.001
"""The slowest flow that is not 0. The slowest pump does about 0.048 mL a day (docs/domain.md section 1, GK)."""

LEAST_DOSE_MCG: Final = 0.001
"""The smallest dose that is not 0: far below what any drug is given in (GK)."""

LEAST_CONCENTRATION_MCG_PER_ML: Final = 0.01
"""The thinnest mixture: far below what any drug is given at, and enough to divide by (GK)."""


def _zero_or_at_least(least: float) -> AfterValidator:
    def check(value: float) -> float:
        if 0 < value < least:
            raise PydanticCustomError("zero_or_at_least", "expected 0, or at least {least}", {"least": least})
        return value

    return AfterValidator(check)


def _published(least: float) -> dict[str, Any]:
    """What the published schema says of a number that is 0 or at least `least`."""
    return {"anyOf": [{"const": 0}, {"minimum": least}]}


VolumeMl = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
"""A volume in millilitres. The largest reservoir is 40 mL (docs/domain.md section 1)."""

ReservoirSizeMl = Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]
"""The size of a reservoir in millilitres. The smallest in use hold 10 (GK)."""

RateMlPerDay = Annotated[
    float,
    Field(ge=0, le=50, allow_inf_nan=False, json_schema_extra=_published(LEAST_RATE_ML_PER_DAY)),
    _zero_or_at_least(LEAST_RATE_ML_PER_DAY),
]
"""A flow in millilitres a day. The fastest pump does about 28.8 (docs/domain.md section 1, GK)."""

DoseMcg = Annotated[
    float,
    Field(ge=0, le=1_000_000, allow_inf_nan=False, json_schema_extra=_published(LEAST_DOSE_MCG)),
    _zero_or_at_least(LEAST_DOSE_MCG),
]
"""A dose in micrograms."""

ConcentrationMcgPerMl = Annotated[float, Field(ge=LEAST_CONCENTRATION_MCG_PER_ML, le=1_000_000, allow_inf_nan=False)]
"""How much of a drug a millilitre holds, in micrograms."""

EARLIEST_DATE: Final = date(2000, 1, 1)
LATEST_DATE: Final = date(2100, 12, 31)


def _written_as(pattern: str) -> GetPydanticSchema:
    """Text of another form is refused; pydantic would take a text of digits for seconds since 1970."""

    def from_text(source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        strict = handler(source)
        value: Any = {**strict, "strict": False}
        text = core_schema.str_schema(pattern=pattern, strict=True)
        return core_schema.json_or_python_schema(core_schema.chain_schema([text, value]), strict)

    def published(schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(cast("core_schema.JsonOrPythonSchema", schema)["python_schema"])

    return GetPydanticSchema(from_text, published)


CalendarDate = Annotated[date, Field(ge=EARLIEST_DATE, le=LATEST_DATE), _written_as(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
"""A day that a pump's programme may name. A device that has none leaves the field out: "never" is no date."""

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day on the pump's own clock, "HH:MM"."""

ShortText = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
"""Text that a person may read; PostgreSQL cannot hold a NUL."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class WireEvent(_Wire):
    """What every event carries, whatever its kind."""

    event_id: Annotated[UUID, Field(description="Made once by the device; a re-send carries the same one.")]
    observed_at: Annotated[
        AwareDatetime,
        _written_as("^[0-9]{4}-"),
        Field(description="The device's clock, RFC 3339 with offset; the same on a re-send."),
    ]
    seq: Annotated[
        int | None,
        Field(default=None, ge=0, le=2**53, description="The device's own counter; a gap shows a lost event."),
    ] = None


Replaces = Annotated[
    UUID | None,
    Field(description="The event_id of an entry of this kind that this one corrects; that one no longer counts."),
]


class Reservoir(WireEvent):
    """How much drug the reservoir holds."""

    kind: Literal[EventKind.RESERVOIR] = EventKind.RESERVOIR
    volume_ml: VolumeMl
    basis: ReadingBasis = ReadingBasis.COMPUTED


class Bolus(WireEvent):
    """A patient asked for a bolus, and what came of it."""

    kind: Literal[EventKind.BOLUS] = EventKind.BOLUS
    outcome: BolusOutcome
    dose_mcg: DoseMcg | None = None


class Alarm(WireEvent):
    """A pump alarm began or ended."""

    kind: Literal[EventKind.ALARM] = EventKind.ALARM
    code: AlarmCode
    state: AlarmState
    detail: ShortText | None = None


class Drug(_Wire):
    """One drug of the mixture in the reservoir."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
    concentration_mcg_per_ml: ConcentrationMcgPerMl


class ProfileStep(_Wire):
    """The programmed flow from a time of day until the next step."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, validate_by_name=True, serialize_by_alias=True)

    from_time: Annotated[ClockTime, Field(alias="from")]
    rate_ml_per_day: RateMlPerDay


class BolusPrescription(_Wire):
    """What the handheld may give: dose, minimum wait and daily limit (docs/domain.md section 2)."""

    dose_mcg: DoseMcg
    lockout_minutes: Annotated[int, Field(ge=0, le=10_080)]
    limit_per_24h: Annotated[int, Field(ge=0, le=96)]


class Therapy(WireEvent):
    """What was programmed; holds until the next one."""

    kind: Literal[EventKind.THERAPY] = EventKind.THERAPY
    drugs: Annotated[tuple[Drug, ...], Field(min_length=1, max_length=8)]
    profile: Annotated[tuple[ProfileStep, ...], Field(min_length=1, max_length=48)]
    bolus: BolusPrescription | None = None
    reservoir_size_ml: ReservoirSizeMl
    low_reservoir_ml: VolumeMl | None = None
    refill_due: CalendarDate | None = None
    replaces: Replaces = None

    @model_validator(mode="after")
    def _alarm_level_is_in_the_reservoir(self) -> Self:
        if self.low_reservoir_ml is not None and self.low_reservoir_ml >= self.reservoir_size_ml:
            size, level = self.reservoir_size_ml, self.low_reservoir_ml
            msg = f"expected low_reservoir_ml to be less than reservoir_size_ml, which is {size:g}; got {level:g}"
            raise ValueError(msg)
        return self

    @field_validator("profile")
    @classmethod
    def _ascending(cls, profile: tuple[ProfileStep, ...]) -> tuple[ProfileStep, ...]:
        starts = [step.from_time for step in profile]
        if starts != sorted(set(starts)):
            msg = f"expected steps at ascending times of day, each once; got {', '.join(starts)}"
            raise ValueError(msg)
        return profile


class Refill(WireEvent):
    """A refill: what should have been left, what was left, and what was put in."""

    kind: Literal[EventKind.REFILL] = EventKind.REFILL
    expected_ml: VolumeMl
    measured_ml: VolumeMl
    filled_ml: VolumeMl
    replaces: Replaces = None


class Status(WireEvent):
    """A heartbeat of a pump or a handheld."""

    kind: Literal[EventKind.STATUS] = EventKind.STATUS
    battery_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    firmware: Annotated[str, StringConstraints(max_length=60, pattern=r"^[^\x00]*$")] | None = None
    end_of_service: CalendarDate | None = None


class Report(WireEvent):
    """What a patient says with the handheld."""

    kind: Literal[EventKind.REPORT] = EventKind.REPORT
    complaint: Complaint
    score: Annotated[int, Field(ge=0, le=10)] | None = None


Event = Reservoir | Bolus | Alarm | Therapy | Refill | Status | Report
"""Any event. Use `AnyEvent` to parse one whose kind stands in the payload."""

MODEL_BY_KIND: Final[dict[EventKind, type[Event]]] = {
    EventKind.RESERVOIR: Reservoir,
    EventKind.BOLUS: Bolus,
    EventKind.ALARM: Alarm,
    EventKind.THERAPY: Therapy,
    EventKind.REFILL: Refill,
    EventKind.STATUS: Status,
    EventKind.REPORT: Report,
}

AnyEvent: Final[TypeAdapter[Event]] = TypeAdapter(
    Annotated[Event, Field(discriminator="kind")], config=ConfigDict(title="Event")
)
"""Parses an event of any kind by its own `kind` (as in a `batch`)."""


class RejectionReason(StrEnum):
    """Why a message or one event of it was not stored. A closed vocabulary: receipts, tables and metrics use it."""

    BAD_TOPIC = "bad_topic"
    UNKNOWN_DEVICE = "unknown_device"
    UNPAIRED_DEVICE = "unpaired_device"
    NOT_PAIRED_THEN = "not_paired_then"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_JSON = "not_json"
    NOT_AN_EVENT = "not_an_event"
    BATCH_TOO_LONG = "batch_too_long"
    KIND_MISSING = "kind_missing"
    KIND_MISMATCH = "kind_mismatch"
    UNKNOWN_KIND = "unknown_kind"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_VALUE = "unknown_value"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    REFUSED_BY_DATABASE = "refused_by_database"
    INTERNAL_ERROR = "internal_error"


class RejectedEvent(_Wire):
    """One refused event of a message, as its receipt reports it."""

    index: Annotated[int | None, Field(description="Place in the array, from 0; null: the whole message.")] = None
    event_id: UUID | None = None
    reason: RejectionReason
    detail: Annotated[
        str,
        Field(description="For a person; cut short, or empty, where the receipt would be too large for the broker."),
    ]


class Receipt(_Wire):
    """Sent to the Response Topic after the commit, with the message's Correlation Data.

    `stored` + `duplicates` + the number of `rejected` events + `not_listed` is the number of events in the message.
    A device may forget an event that its receipt counts, whichever of these it is.
    """

    stored: Annotated[int, Field(ge=0)]
    duplicates: Annotated[int, Field(ge=0)]
    rejected: tuple[RejectedEvent, ...] = ()
    not_listed: Annotated[
        int,
        Field(
            ge=0,
            exclude_if=lambda count: count == 0,
            description="How many more were rejected and are not in the list, which would be too large for the broker; "
            "left out where it is 0. Sent again in smaller messages, each of them is named.",
        ),
    ] = 0
