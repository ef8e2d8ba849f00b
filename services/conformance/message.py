"""PURE. A device's message, read exactly as ingest reads it: its events, and what would be rejected.

Guarantee: never raises, whatever a device sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from schemas.events import Event, EventKind, RejectionReason
from services.ingest.messages.decode import WHOLE_MESSAGE, ClockLimits, Rejection, decode, events_of
from services.ingest.messages.faults import Fault
from services.ingest.messages.whose import Enrolment

CLOCK: Final = ClockLimits(ahead=timedelta(hours=24), behind=timedelta(days=400))
"""What ingest takes unless an installation sets other limits."""

_FOR_THE_DATE: Final = frozenset({RejectionReason.CLOCK_AHEAD, RejectionReason.CLOCK_BEHIND})


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event of a message, as far as a run needs it."""

    event_id: UUID
    observed_at: datetime
    kind: EventKind
    seq: int | None
    content: Mapping[str, str]
    """The fields that version 1 knows, and `seq`, each as JSON; for comparing, and never shown."""
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What ingest would make of a message."""

    events: tuple[SentEvent, ...]
    """Those that are understood, also if their date is refused."""
    rejections: tuple[Rejection, ...]
    is_array: bool

    @property
    def event_ids(self) -> frozenset[UUID]:
        """The ids of all its events, as far as they can be read."""
        refused = {each.event_id for each in self.rejections if each.event_id is not None}
        return frozenset({event.event_id for event in self.events} | refused)


@dataclass(frozen=True, slots=True)
class _Came:
    topic: str
    payload: bytes


@lru_cache(maxsize=65_536)
def read_message(device_id: str, topic: str, payload: bytes, *, now: datetime) -> Message:
    """Read a message of a device that is enrolled as a pump; kept, as a run looks at each many times.

    Args:
        device_id: Whose events are expected; a topic of another device is that of one that is not known.
        topic: As it stood on the wire.
        payload: Its bytes.
        now: By which clocks are judged.
    """
    message = _Came(topic, payload)
    rejections = decode([message], {device_id: Enrolment("bench", device_id)}, now=now, clock=CLOCK).rejections
    unread = any(each.event_index == WHOLE_MESSAGE and each.reason not in _FOR_THE_DATE for each in rejections)
    found = () if unread else events_of(message)
    events = tuple(_sent(each) for each in found if not isinstance(each, Fault))
    return Message(events, tuple(rejections), payload.lstrip()[:1] == b"[")


def _sent(event: Event) -> SentEvent:
    fields: dict[str, Any] = event.model_dump(mode="json", by_alias=True)
    content = {
        name: to_json(value).decode() for name, value in fields.items() if name not in {"event_id", "observed_at"}
    }
    replaces = getattr(event, "replaces", None)
    return SentEvent(event.event_id, event.observed_at.astimezone(UTC), event.kind, event.seq, content, replaces)
