"""PURE. Ids of resources: what FHIR takes as one is 1 to 64 of A-Z a-z 0-9 - and the full stop."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN: Final = re.compile(r"[A-Za-z0-9.-]{1,48}")
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_EVENT: Final = re.compile(r"(?P<kind>[a-z])\.(?P<micros>\d{1,16})\.(?P<event_id>[0-9a-f-]{36})")
_METRIC: Final = re.compile(r"(?P<device>.+)\.(?P<metric>reservoir|battery)")
METRICS: Final = ("battery", "reservoir")


@dataclass(frozen=True, slots=True)
class EventId:
    """Which event an Observation is."""

    kind: str
    observed_at: datetime
    event_id: UUID

    def __str__(self) -> str:
        return f"{self.kind}.{(self.observed_at - _EPOCH) // timedelta(microseconds=1)}.{self.event_id}"


def is_id(text: str) -> bool:
    """Whether FHIR takes it as an id."""
    return _ID.fullmatch(text) is not None


def device_id_as_fhir(device_id: str) -> str:
    """A device's id as an id of FHIR; the SQL function `fhir_id` says the same."""
    if _PLAIN.fullmatch(device_id) and not device_id.startswith("x-"):
        return device_id
    return f"x-{hashlib.sha256(device_id.encode()).hexdigest()[:40]}"


def event_in(text: str) -> EventId | None:
    """Which event an Observation's id names; None: none."""
    found = _EVENT.fullmatch(text)
    if found is None:
        return None
    try:
        event_id = UUID(found["event_id"])
    except ValueError:
        return None
    moment = _EPOCH + timedelta(microseconds=int(found["micros"]))
    return EventId(found["kind"], moment, event_id)


def metric_in(text: str) -> tuple[str, str] | None:
    """The device (as FHIR says it) and the metric that a DeviceMetric's id names; None: none."""
    found = _METRIC.fullmatch(text)
    return (found["device"], found["metric"]) if found else None


def uuid_in(text: str) -> UUID | None:
    """The UUID that an id is, as it is written here; None: it is none."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
