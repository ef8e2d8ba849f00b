"""The clinic's alerting policy: one YAML file per clinic, every threshold with its source.

Guarantees: a policy that loads is complete (every field has a default from DOMAIN.md), refers only to contacts
it defines, and has a `version` that names its exact content. Facts marked GK or INF in DOMAIN.md are defaults
here and nowhere else, so a clinic can change every one of them.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.events import AlarmCode


class PolicyError(ValueError):
    """The policy file cannot be used; the message names each fault and what was expected."""


class Priority(StrEnum):
    """Urgency of an alert, after IEC 60601-1-8 (DOMAIN.md section 4)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info to 3 for high, so that priorities can be compared."""
        return _RANK[self]


_RANK: Final = {Priority.INFO: 0, Priority.LOW: 1, Priority.MEDIUM: 2, Priority.HIGH: 3}

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
"""DOMAIN.md section 4, "INF default mapping"."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LowReservoirPolicy(_Part):
    """When a reservoir counts as low (DOMAIN.md section 1, row "low-reservoir setting")."""

    level_ml: Annotated[float, Field(gt=0, le=40, allow_inf_nan=False)] = 2.0
    """Used where the therapy programs no level: 2 mL is the manufacturer's recommendation."""
    hysteresis_ml: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 1.0
    """An open alert clears only at level + hysteresis, so that reading noise does not re-page (GK)."""
    priority: Priority = Priority.MEDIUM
    empty_priority: Priority = Priority.HIGH


class BolusDemandPolicy(_Part):
    """When demand is unusual for this pump (DOMAIN.md section 3: no validated threshold exists; INF)."""

    baseline_days: Annotated[int, Field(ge=7, le=90)] = 28
    minimum_days: Annotated[int, Field(ge=3, le=90)] = 14
    """Below this many observed days the baseline is still learning and nothing is raised."""
    minimum_attempts: Annotated[int, Field(ge=1, le=200)] = 6
    """Fewer attempts in 24 h never raise, whatever the baseline."""
    tail_probability: Annotated[float, Field(gt=0, lt=0.5)] = 1e-4
    """Raise when a day like this would be rarer than this for this pump."""
    clear_probability: Annotated[float, Field(gt=0, lt=1)] = 1e-2
    """An open alert clears only when the day is at least this ordinary."""
    priority: Priority = Priority.MEDIUM

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.minimum_days > self.baseline_days:
            msg = f"minimum_days ({self.minimum_days}) must not exceed baseline_days ({self.baseline_days})"
            raise ValueError(msg)
        if self.clear_probability < self.tail_probability:
            msg = "clear_probability must be at least tail_probability, or an alert would clear while it holds"
            raise ValueError(msg)
        return self


class Channel(_Part):
    """One way to reach a contact: an Apprise URL, or `env:NAME` for a URL kept out of the file."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    url: Annotated[str, Field(min_length=3, max_length=500)]

    @field_validator("url")
    @classmethod
    def _has_a_scheme(cls, url: str) -> str:
        if not url.startswith("env:") and "://" not in url:
            msg = "expected an Apprise URL such as 'mailto://...' or 'env:NAME_OF_A_VARIABLE'"
            raise ValueError(msg)
        return url


class Contact(_Part):
    """A person or a rota who can be told."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]


class EscalationStep(_Part):
    """Who is told when an alert has been unacknowledged for this long."""

    after_minutes: Annotated[float, Field(ge=0, le=1440)]
    contacts: Annotated[tuple[str, ...], Field(min_length=1)]


class Route(_Part):
    """What happens to alerts of one priority: steps in order, the first usually after 0 minutes."""

    steps: tuple[EscalationStep, ...] = ()


class Policy(_Part):
    """One clinic's policy. `Policy()` is usable: every threshold at its default, nobody to tell."""

    clinic_id: Annotated[str, Field(min_length=1, max_length=64)] = "default"
    alarm_priorities: dict[AlarmCode, Priority] = Field(default_factory=lambda: dict(DEFAULT_ALARM_PRIORITIES))
    low_reservoir: LowReservoirPolicy = LowReservoirPolicy()
    bolus_demand: BolusDemandPolicy = BolusDemandPolicy()
    contacts: tuple[Contact, ...] = ()
    routes: dict[Priority, Route] = Field(default_factory=dict)
    acknowledgement_expires_hours: Annotated[float, Field(gt=0, le=168)] = 12.0
    """An acknowledged alert whose condition persists pages again after this long."""
    include_patient_data: bool = False
    """False: a page carries the alert's id, priority and kind only (DOMAIN.md section 6, PHI-free)."""

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

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that name this exact content; stored with every alert."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def load_policy(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        PolicyError: The file cannot be read, is no YAML, or breaks a rule; each fault with its place.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise PolicyError(msg) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path}: is not valid YAML: {error}"
        raise PolicyError(msg) from error
    try:
        return Policy.model_validate(raw or {})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(level) for level in fault['loc']) or 'file'}: {fault['msg']}" for fault in error.errors()
        )
        msg = f"{path}: {faults}"
        raise PolicyError(msg) from error
