"""PURE. What a rule said, as it is stored: JSON, beside the English explanation (docs/decisions/0060-explanations.md).

Guarantees: what is written can be read again and says the same; what cannot be written or read is None, whatever it is,
and then the English explanation is said. Nothing here raises.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, assert_never

from services.alerts.said.model import (
    LongSpan,
    Number,
    Said,
    Sentence,
    Shortest,
    Value,
    Volume,
    Word,
    Words,
)

_DEEPEST: Final = 8
"""A sentence stands in a sentence; nothing that is said is deeper than this."""
_GREATEST: Final = 10**18
"""Of a whole number: no count and no span of time is more."""
_MOST_DIGITS: Final = 10
_MICROSECOND: Final = timedelta(microseconds=1)
_YEARS: Final = range(2, 9_999)
"""Beyond these a moment may have no date in another zone."""


class _NotUnderstoodError(ValueError):
    """It is not what this release writes."""


def written(said: Iterable[Sentence]) -> str | None:
    """It as JSON; None: it has a number that JSON has not."""
    found = tuple(said)
    try:
        return json.dumps([_sentence_written(each) for each in found], allow_nan=False) if found else None
    except ValueError:
        return None


def read(stored: object) -> Said | None:
    """What was said, of its JSON or of what that holds. None: nothing was stored, or this release cannot read it."""
    try:
        found = json.loads(stored) if isinstance(stored, str) else stored
        return tuple(_sentence_read(each, 0) for each in found) or None if isinstance(found, list) else None
    except (ValueError, RecursionError):
        return None


def _sentence_written(said: Sentence) -> dict[str, Any]:
    plural = {} if said.many is None else {"many": said.many}
    return {"text": said.text, **plural, "values": {name: _written(value) for name, value in said.values.items()}}


def _written(value: Value) -> Any:
    match value:
        case str() | int():
            return value
        case datetime():
            return {"moment": value.isoformat()}
        case date():
            return {"day": value.isoformat()}
        case timedelta():
            return {"span_us": value // _MICROSECOND}
        case Volume():
            return {"ml": value.ml}
        case Number():
            return {"number": value.value, "digits": value.digits}
        case Shortest():
            return {"shortest": value.value}
        case LongSpan():
            return {"long_span_us": value.span // _MICROSECOND}
        case Word():
            return {"word": value.text, "capital": value.capital}
        case Words():
            return {"words": [_written(each) for each in value.parts]}
        case Sentence():
            return _sentence_written(value)
        case never:
            assert_never(never)


def _sentence_read(found: object, depth: int) -> Sentence:
    if depth >= _DEEPEST or not isinstance(found, dict):
        raise _NotUnderstoodError
    text, values, many = found.get("text"), found.get("values"), found.get("many")
    if not (isinstance(text, str) and isinstance(values, dict)):
        raise _NotUnderstoodError
    read = {name: _read(value, depth + 1) for name, value in values.items()}
    if many is None:
        return Sentence(text, read)
    if not (isinstance(many, str) and isinstance(read.get("count"), int)):
        raise _NotUnderstoodError
    return Sentence(text, read, many)


def _read(found: object, depth: int) -> Value:
    if isinstance(found, str):
        return found
    if isinstance(found, int):
        return _whole(found)
    if isinstance(found, dict):
        if "text" in found:
            return _sentence_read(found, depth)
        for name, kind in _KINDS.items():
            if name in found:
                return kind(found, depth)
    raise _NotUnderstoodError


def _whole(found: object) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or abs(found) > _GREATEST:
        raise _NotUnderstoodError
    return found


def _number(found: object) -> float:
    if not isinstance(found, float):
        return _whole(found)
    if not math.isfinite(found):
        raise _NotUnderstoodError
    return found


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise _NotUnderstoodError
    return found


def _moment(found: Mapping[str, object], _depth: int) -> datetime:
    at = datetime.fromisoformat(_text(found["moment"]))
    if at.tzinfo is None or at.year not in _YEARS:
        raise _NotUnderstoodError
    return at


def _span(found: object) -> timedelta:
    return _whole(found) * _MICROSECOND


def _digits(found: object) -> int:
    if _whole(found) not in range(_MOST_DIGITS + 1):
        raise _NotUnderstoodError
    return _whole(found)


def _words(found: Mapping[str, object], depth: int) -> Words:
    parts = found["words"]
    if not isinstance(parts, list) or depth >= _DEEPEST:
        raise _NotUnderstoodError
    return Words(tuple(_read(each, depth + 1) for each in parts))


_KINDS: Final[Mapping[str, Callable[[Mapping[str, object], int], Value]]] = MappingProxyType(
    {
        "moment": _moment,
        "day": lambda found, _: date.fromisoformat(_text(found["day"])),
        "span_us": lambda found, _: _span(found["span_us"]),
        "ml": lambda found, _: Volume(_number(found["ml"])),
        "number": lambda found, _: Number(_number(found["number"]), _digits(found.get("digits"))),
        "shortest": lambda found, _: Shortest(_number(found["shortest"])),
        "long_span_us": lambda found, _: LongSpan(_span(found["long_span_us"])),
        "word": lambda found, _: Word(_text(found["word"]), found.get("capital") is True),
        "words": _words,
    }
)
"""By what names a kind of value: how it is read."""
