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

_FAULTS_SHOWN: Final = 3
_VALUE_SHOWN: Final = 60

_DATE_TIME: Final = "a date and time with offset as RFC 3339 writes it, such as 2026-11-22T08:00:00+01:00"
_DATE: Final = "a date, such as 2026-12-29"

EXPECTED: Final[Mapping[str, str]] = {
    "date_from_datetime_parsing": _DATE,
    "datetime_from_date_parsing": _DATE_TIME,
    "enum": "one of {expected}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "model_type": "an object",
    "string_pattern_mismatch": "text without the character NUL",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "timezone_aware": _DATE_TIME,
    "too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "tuple_type": "an array",
    "uuid_parsing": "a UUID, such as 0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c01",
    "uuid_type": "a UUID, such as 0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c01",
    "zero_or_at_least": "0, or at least {least}",
}
"""By pydantic's type of error, what was expected. The models give no other, which a test tries."""

_ANYTHING_ELSE: Final = "what docs/devices.md says of this field"
"""Of a type of error that no release has been seen to give."""

_AS_TEXT: Final[Mapping[str, str]] = {
    "observed_at": _DATE_TIME,
    "refill_due": _DATE,
    "end_of_service": _DATE,
    "from": "a time of day, such as 07:30",
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
        case "missing":
            return f"{place}is missing"
        case "union_tag_not_found":
            return f"kind: is missing: in a batch every event names its kind: expected one of {kinds}"
        case "union_tag_invalid":
            return f"kind: expected one of {kinds}; got {fault['ctx']['tag']}"
        case "literal_error":
            return f"kind: expected {kind}, as the topic says; got {shown(fault['input'])}"
        case "value_error":  # one of the models' own, which says all of it
            return f"{place}{fault['ctx']['error']}"
        case other:
            return f"{place}expected {_expected(other, levels, fault.get('ctx', {}))}; got {shown(fault['input'])}"


def _expected(error_type: str, levels: tuple[int | str, ...], context: Mapping[str, Any]) -> str:
    name = levels[-1] if levels else ""
    if error_type in {"string_type", "string_pattern_mismatch"} and name in _AS_TEXT:
        return _AS_TEXT[str(name)]
    whole = {key: int(value) for key, value in context.items() if isinstance(value, float) and value.is_integer()}
    return EXPECTED.get(error_type, _ANYTHING_ELSE).format_map({**context, **whole})


def shown(value: Any) -> str:
    """Show a value as JSON writes it, cut short; a lone surrogate and the like are escaped."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return "what is too long to show"  # a number of more than 4,300 digits, for one
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _VALUE_SHOWN else text[:_VALUE_SHOWN] + "..."


def _event_id(item: dict[str, Any]) -> UUID | None:
    value = item.get("event_id")
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
