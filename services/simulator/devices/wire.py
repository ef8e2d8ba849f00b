"""PURE. Events as bytes: the JSON that `schemas.events` describes.

Guarantees: pure; the same event gives the same bytes. One event goes to the topic of its kind, several to `batch`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import to_json

from schemas.topics import event_topic
from services.simulator.patients.model import Event


def event_fields(event: Event) -> dict[str, object]:
    """The fields of one event, as they stand in its JSON object."""
    return {
        "kind": event.kind,
        "event_id": event.event_id,
        "observed_at": event.observed_at,
        "seq": event.seq,
        **event.payload,
    }


def encode(device_id: str, events: Sequence[Event]) -> tuple[str, bytes]:
    """Build the topic and the payload of a message; `events` holds at least one."""
    if len(events) == 1:
        return event_topic(device_id, events[0].kind), to_json(event_fields(events[0]))
    return event_topic(device_id, None), to_json([event_fields(event) for event in events])
