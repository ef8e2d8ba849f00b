"""PURE. What is wrong with an event, in words that a device maker can act on.

Guarantees: a detail says what was expected and what was there, as JSON writes it, and never in a library's words;
whatever it shows can be stored and sent as UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.events import EventKind, RejectionReason
from schemas.faults.expectations import DATE, DATE_TIME, TIME_OF_DAY, sentence, shown

_FAULTS_SHOWN: Final = 3
_ANYTHING_ELSE: Final = "what docs/devices.md says of this field"
"""Of a type of error that no release has been seen to give."""

_AS_TEXT: Final[Mapping[str, str]] = {
    "observed_at": DATE_TIME,
    "refill_due": DATE,
    "end_of_service": DATE,
    "from": TIME_OF_DAY,
}
"""Fields whose text has a form of its own."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event was refused; `item` holds its bytes where it stood in an array."""

    reason: RejectionReason
    detail: str
    event_id: UUID | None = None
    item: bytes | None = None


@lru_cache(maxsize=8)
def digest_of(topic: str, payload: bytes) -> bytes:
    """SHA-256 of a message, by which the same one is known; once for all the faults of an array, which may be 500."""
    return hashlib.sha256(topic.encode() + b"\0" + payload).digest()


def explain(error: ValidationError, item: Any, kind: EventKind | None) -> Fault:
    """Turn what pydantic-core found into one reason and a sentence.

    Args:
        error: What validation of `item` raised.
        item: The event as parsed JSON, to find its id.
        kind: What the topic says, or None on a `batch`.
    """
    if not isinstance(item, dict):
        detail = f"expected a JSON object, or an array of them; got {shown(item)}"
        return Fault(RejectionReason.NOT_AN_EVENT, detail)
    faults = error.errors(include_url=False)
    detail = "; ".join(_sentence(fault, kind) for fault in faults[:_FAULTS_SHOWN])
    if len(faults) > _FAULTS_SHOWN:
        detail += f"; and {len(faults) - _FAULTS_SHOWN} more"
    return Fault(_reason(faults[0]), detail, _event_id(item))


def surrogate_fault(item: Any, place: str) -> Fault:
    """Refuse an event of which a text, at `place`, is no Unicode; its bytes keep it as an escape."""
    event_id = _event_id(item) if isinstance(item, dict) else None
    detail = f"{place}: " if place else ""
    detail += "expected text in Unicode; got a surrogate (\\ud800 to \\udfff) without its other half"
    reason = RejectionReason.INVALID_FIELD if isinstance(item, dict) else RejectionReason.NOT_AN_EVENT
    return Fault(reason, detail, event_id, json.dumps(item).encode())


def _reason(fault: ErrorDetails) -> RejectionReason:
    match fault["type"]:
        case "missing":
            return RejectionReason.MISSING_FIELD
        case "union_tag_not_found":
            return RejectionReason.KIND_MISSING
        case "union_tag_invalid":
            return RejectionReason.UNKNOWN_KIND
        case "literal_error":
            return RejectionReason.KIND_MISMATCH
        case "enum":
            return RejectionReason.UNKNOWN_VALUE
        case _:
            return RejectionReason.INVALID_FIELD


def _sentence(fault: ErrorDetails, kind: EventKind | None) -> str:
    # In a `batch` the first level of the place is the kind, which the device did not write.
    levels = fault["loc"][1 if kind is None else 0 :]
    place = f"{'.'.join(str(level) for level in levels)}: " if levels else ""
    kinds = ", ".join(EventKind)
    match fault["type"]:
        case "union_tag_not_found":
            return f"kind: is missing: in a batch every event names its kind: expected one of {kinds}"
        case "union_tag_invalid":
            return f"kind: expected one of {kinds}; got {fault['ctx']['tag']}"
        case "literal_error":
            return f"kind: expected {kind}, as the topic says; got {shown(fault['input'])}"
        case "string_type" if levels and levels[-1] in _AS_TEXT:
            return f"{place}expected {_AS_TEXT[str(levels[-1])]}; got {shown(fault['input'])}"
        case _:
            return f"{place}{sentence(fault, shows=True, otherwise=_ANYTHING_ELSE)}"


def _event_id(item: dict[str, Any]) -> UUID | None:
    value = item.get("event_id")
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
