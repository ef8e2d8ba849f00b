"""PURE. What is wrong with an event, in words that a device maker can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.events import EventKind, RejectionReason

_FAULTS_SHOWN: Final = 3
_VALUE_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event was refused; `item` holds its bytes where it stood in an array."""

    reason: RejectionReason
    detail: str
    event_id: UUID | None = None
    item: bytes | None = None


def explain(error: ValidationError, item: Any, kind: EventKind | None) -> Fault:
    """Turn what pydantic-core found into one reason and a sentence.

    Args:
        error: What validation of `item` raised.
        item: The event as parsed JSON, to find its id.
        kind: What the topic says, or None on a `batch`.
    """
    if not isinstance(item, dict):
        detail = f"expected a JSON object, or an array of them; got {_shown(item)}"
        return Fault(RejectionReason.NOT_AN_EVENT, detail)
    faults = error.errors(include_url=False)
    detail = "; ".join(_sentence(fault, kind) for fault in faults[:_FAULTS_SHOWN])
    if len(faults) > _FAULTS_SHOWN:
        detail += f"; and {len(faults) - _FAULTS_SHOWN} more"
    return Fault(_reason(faults[0]), detail, _event_id(item))


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
    place = ".".join(str(level) for level in fault["loc"][1 if kind is None else 0 :])
    expected = ", ".join(EventKind)
    match fault["type"]:
        case "missing":
            return f"{place}: is missing"
        case "union_tag_not_found":
            return f"kind: is missing: in a batch every event names its kind: expected one of {expected}"
        case "union_tag_invalid":
            return f"kind: unknown: expected one of {expected}"
        case "literal_error":
            return f"kind: is {_shown(fault['input'])}, but the topic says {kind}"
        case _:
            return f"{place}: {_lower(fault['msg'])}; got {_shown(fault['input'])}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE_SHOWN else text[:_VALUE_SHOWN] + "..."


def _event_id(item: dict[str, Any]) -> UUID | None:
    value = item.get("event_id")
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
