"""PURE. Reading a message that is not in order: JSON as it came, and the two things in it that need a closer look.

A lone surrogate (U+D800 to U+DFFF) is JSON and no text that can be stored: it is found by its place, so that it costs
its own event and not the message. A leap second (23:59:60) is a moment that no clock of ours has: it becomes the second
after it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic_core import from_json

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89abcdefABCDEF][0-9a-fA-F]{2}")
_POSITION: Final = re.compile(r"at line \d+ column \d+$")
_LEAP_SECOND: Final = re.compile(r"^(.{10}[Tt_ ][0-9]{2}:[0-9]{2}:)60([.,][0-9]+)?(.*)$")
_PLACE_SHOWN: Final = 60


class NotJsonError(ValueError):
    """Not JSON; the text says what was expected, and where something else stands."""


def parse(payload: bytes) -> Any:
    """Read JSON, text with lone surrogates included.

    Raises:
        NotJsonError: It is not.
    """
    escaped = _ESCAPED_SURROGATE.sub(rb"\\ufffd", payload)  # as long; pydantic-core takes no lone surrogate
    try:
        parsed = from_json(escaped)
    except ValueError as error:
        said = str(error)
    else:
        return parsed if escaped == payload else json.loads(payload.decode())
    if "recursion" in said:
        msg = "payload is not JSON of ours: expected at most 200 levels of nesting; got more"
    else:
        where = _POSITION.search(said)
        msg = f"payload is not JSON: expected JSON in UTF-8; got something else {where[0] if where else 'in it'}"
    raise NotJsonError(msg)


def place_of_lone_surrogate(item: Any) -> str | None:
    """Where in an event a text stands that is no Unicode; None: nowhere."""
    if isinstance(item, str):
        return "" if _SURROGATE.search(item) else None
    if isinstance(item, dict):
        for name, value in item.items():
            if _SURROGATE.search(name):
                return _printable(name)
            if (place := place_of_lone_surrogate(value)) is not None:
                return f"{_printable(name)}.{place}".rstrip(".")
    if isinstance(item, list):
        for index, value in enumerate(item):
            if (place := place_of_lone_surrogate(value)) is not None:
                return f"{index}.{place}".rstrip(".")
    return None


def with_leap_second_moved(item: Any) -> Any | None:
    """Give the event with its `observed_at`, a leap second, as the second after; None where it is none.

    A leap second is 23:59:60 in UTC; 23:59:60 by the device's own clock is taken for one, too.
    """
    text = item.get("observed_at") if isinstance(item, dict) else None
    parts = _LEAP_SECOND.match(text) if isinstance(text, str) else None
    if parts is None:
        return None
    minute, fraction, offset = parts.groups()
    try:
        before = datetime.fromisoformat(f"{minute}59{fraction or ''}{offset}".upper())
        in_utc, after = before.astimezone(UTC), before + timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    is_one = before.tzinfo is not None and any((at.hour, at.minute) == (23, 59) for at in (before, in_utc))
    return {**item, "observed_at": after.isoformat()} if is_one else None


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()[:_PLACE_SHOWN]
