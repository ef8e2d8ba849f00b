"""PURE. What the registry says of devices, as values. Moments are aware; EVER and FOREVER stand for the infinities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

DeviceKind = Literal["pump", "handheld"]

EVER: Final = datetime(1000, 1, 1, tzinfo=UTC)
"""As far back as anybody knows."""
FOREVER: Final = datetime(9000, 1, 1, tzinfo=UTC)


class RegistryError(ValueError):
    """The registry refuses; the message says what, why and what was expected."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the registry."""

    device_id: str
    kind: DeviceKind
    clinic_id: str
    enrolled_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pairing:
    """A handheld with a pump, from `since` (inclusive) until `until` (exclusive)."""

    pairing_id: int
    handheld_id: str
    pump_id: str
    since: datetime
    until: datetime

    @property
    def held(self) -> bool:
        """Whether it ever held; one that never did is kept because events may be stored by it."""
        return self.since < self.until

    @property
    def holds(self) -> bool:
        """Whether it has no end."""
        return self.held and self.until == FOREVER


@dataclass(frozen=True, slots=True)
class Implantation:
    """From `since` on a pump is in a patient, or in nobody, until the next one of the pump."""

    implantation_id: int
    since: datetime
    implanted: bool
    patient_ref: str | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A clinic looks after a pump, from `since` (inclusive) until `until` (exclusive)."""

    clinic_id: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list of devices."""

    device_id: str
    kind: DeviceKind
    clinic_id: str
    state: str
    """in use, explanted, unpaired or retired."""
    belongs_to: str | None
    """Of a handheld its pump, of a pump its patient's reference, where they are known."""
    last_heard_at: datetime | None
    certificate_ends_at: datetime | None
    """When the last of its certificates ends that was not revoked; None: it has none that is known."""
    open_alerts: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which devices a list shows; None: of any kind."""

    clinic_id: str | None = None
    kind: DeviceKind | None = None
    state: str | None = None
    retired_too: bool = False
    not_heard_since: datetime | None = None
    """Not heard since then, or never."""
    certificate_ends_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert that is open."""

    priority: str
    title: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Who changed the registry, when and how."""

    at: datetime
    actor: str
    login: str
    command: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that the registry says of one device."""

    device: Device
    pairings: tuple[Pairing, ...]
    implantations: tuple[Implantation, ...]
    memberships: tuple[Membership, ...]
    open_alerts: tuple[AlertLine, ...]
    changes: tuple[ChangeLine, ...]
