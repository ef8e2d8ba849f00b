"""PURE. What was expected where a value was refused: in our words, and never in a library's.

Guarantee: a device, a clinic's file, a request and a setting that break the same rule are told so in the same words.
Every type of error that our models give has them (tests/unit/schemas/test_expectations.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

DATE_TIME: Final = "a date and time with offset as RFC 3339 writes it, such as 2026-11-22T08:00:00+01:00"
DATE: Final = "a date, such as 2026-12-29"
TIME_OF_DAY: Final = "a time of day, such as 07:30"
_UUID: Final = "a UUID, such as 0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c01"
_YES_OR_NO: Final = "true or false"
_VALUE_SHOWN: Final = 60

EXPECTED: Final[Mapping[str, str]] = {
    "bool_parsing": _YES_OR_NO,
    "bool_type": _YES_OR_NO,
    "date_from_datetime_inexact": DATE,
    "date_from_datetime_parsing": DATE,
    "date_type": DATE,
    "datetime_from_date_parsing": DATE_TIME,
    "datetime_type": DATE_TIME,
    "dict_type": "an object",
    "enum": "one of {expected}",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "an array",
    "literal_error": "one of {expected}",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "string_unicode": "text in Unicode",
    "time_parsing": TIME_OF_DAY,
    "time_type": TIME_OF_DAY,
    "timezone_aware": DATE_TIME,
    "too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "tuple_type": "an array",
    "uuid_parsing": _UUID,
    "uuid_type": _UUID,
    "zero_or_at_least": "0, or at least {least}",
}
"""By Pydantic's type of error, what was expected; of a text by its form, `TEXT_FORMS` says it."""

TEXT_FORMS: Final[Mapping[str, str]] = {
    r"^[^\x00]*$": "text without the character NUL",
    r"^[0-9]{4}-": DATE_TIME,
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": DATE,
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": TIME_OF_DAY,
    r"[^\W\d_]": "text with a letter in it",
    r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$": "one line without control characters",
    r"^(?:[^\x00-\x1f\x7f-\x9f]|[\t\r\n])*$": "text without control characters",
}
"""By the pattern that a text has to match, what it was expected to be."""

_OWN: Final = "Value error, "
"""What Pydantic puts before words of our own."""


def sentence(
    fault: Mapping[str, Any], *, shows: bool = False, otherwise: str = "", words: Mapping[str, str] = EXPECTED
) -> str:
    """What is wrong with a value, without its place.

    Args:
        fault: One of a `ValidationError`.
        shows: Whether to say what was there: only where it is no secret and nobody's data.
        otherwise: What is said of a type of error that has no words; empty: what the library says.
        words: By type of error, where they are not `EXPECTED`.
    """
    match fault["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "there is no such field"
        case "value_error":  # one of the models' own, which says all of it
            return str(fault["msg"]).removeprefix(_OWN)
        case other:
            expected = _words_of(other, fault.get("ctx") or {}, words) or otherwise
            if not expected:
                return str(fault["msg"])
            return f"expected {expected}; got {shown(fault['input'])}" if shows else f"expected {expected}"


def first_of(error: ValidationError) -> str:
    """The first fault of several, with its place; what was there is not told."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(level) for level in fault["loc"])
    return f"{place}: {sentence(fault)}" if place else sentence(fault)


def setting_faults(error: ValidationError, prefix: str) -> list[str]:
    """Each fault of settings by the name of its variable; what was there is not told, as it may be a secret.

    Args:
        error: What validation of the settings raised.
        prefix: Of their variables.
    """
    faults = error.errors(include_url=False, include_input=False)
    names = ["__".join(str(level) for level in fault["loc"]).upper() for fault in faults]
    return [
        f"{prefix}{name}: {sentence(fault)}" if name else sentence(fault)
        for name, fault in zip(names, faults, strict=True)
    ]


def shown(value: Any) -> str:
    """Show a value as JSON writes it, cut short; a lone surrogate and the like are escaped."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return "what is too long to show"  # a number of more than 4,300 digits, for one
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _VALUE_SHOWN else text[:_VALUE_SHOWN] + "..."


def _words_of(error_type: str, context: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if error_type == "string_pattern_mismatch":
        return TEXT_FORMS.get(context["pattern"], f"text of the form {context['pattern']}")
    whole = {key: int(value) for key, value in context.items() if isinstance(value, float) and value.is_integer()}
    said = words.get(error_type, "").format_map({**context, **whole})
    return said.removesuffix("s") if said.endswith(" 1 characters") else said
