"""PURE. What a search asks for: the parameters of FHIR R4 that are understood, and what is wrong with the others."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.alerts.web.fhir.ids import is_id

MOST: Final = 200
USUAL: Final = 50
EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_OF_ALL: Final = ("_id", "_count", "_cursor", "_format")
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Device": ("identifier", "type"),
    "DeviceMetric": ("source",),
    "Observation": ("device", "code", "date"),
    "DetectedIssue": ("implicated", "identified", "_lastUpdated"),
    "Flag": ("author", "date"),
    "Communication": ("sent",),
}
"""By resource, what may be asked beside `_id`, `_count` and `_format`."""
NEEDED: Final[Mapping[str, str]] = {"Observation": "device"}
_DEVICES: Final = ("device", "source", "implicated", "author")
_DATES: Final = ("date", "identified", "sent", "_lastUpdated")
_DATE: Final = re.compile(
    r"(?P<prefix>eq|ge|gt|le|lt)?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
_COUNT: Final = re.compile(r"\d{1,6}")
_FORMATS: Final = ("json", "application/json", "application/fhir+json")


class SearchError(ValueError):
    """A search that is not understood; the message names the parameter, what it was and what was expected."""


@dataclass(frozen=True, slots=True)
class Search:
    """One page of one search."""

    ids: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    """As FHIR says their ids."""
    codes: tuple[tuple[str | None, str], ...] | None = None
    """Each with its system; None: of any."""
    kinds: tuple[str, ...] | None = None
    """Of devices."""
    since: datetime = EARLIEST
    """Inclusive."""
    until: datetime = LATEST
    """Exclusive."""
    changed_since: datetime = EARLIEST
    changed_until: datetime = LATEST
    count: int = USUAL
    after: tuple[str, ...] | None = None
    """Where the page before ended."""


def search_of(resource: str, parameters: Iterable[tuple[str, str]]) -> Search:
    """Read the parameters of a search for a kind of resource.

    Raises:
        SearchError: One of them is not understood, or one that is needed is missing.
    """
    values: dict[str, Any] = {}
    known = (*PARAMETERS[resource], *_OF_ALL)
    for name, value in parameters:
        if name not in known:
            msg = f"{name[:40]!r} is no parameter of {resource} here: expected {', '.join(sorted(known))}"
            raise SearchError(msg)
        _take(values, name, value)
    needed = NEEDED.get(resource)
    if needed and "ids" not in values and "devices" not in values:
        msg = f"expected {needed}, such as {needed}=Device/pump-0001: all of {resource} at once is not to be had"
        raise SearchError(msg)
    return Search(**values)


def _take(values: dict[str, Any], name: str, value: str) -> None:
    if name == "_count":
        _once(values, "count", name)
        if not _COUNT.fullmatch(value) or not 1 <= int(value) <= MOST:
            raise _refusal(name, value, f"a number from 1 to {MOST}")
        values["count"] = int(value)
    elif name == "_cursor":
        _once(values, "after", name)
        values["after"] = cursor_in(value)
    elif name == "_format":
        if value not in _FORMATS:
            raise _refusal(name, value, "json")
    elif name == "_id":
        _once(values, "ids", name)
        values["ids"] = tuple(_id_in(name, each) for each in value.split(","))
    elif name in _DEVICES:
        _once(values, "devices", name)
        values["devices"] = tuple(_id_in(name, each.removeprefix("Device/")) for each in value.split(","))
    elif name in _DATES:
        since, until = ("changed_since", "changed_until") if name == "_lastUpdated" else ("since", "until")
        begins, ends = _span_of(name, value)
        values[since] = max(values.get(since, EARLIEST), begins)
        values[until] = min(values.get(until, LATEST), ends)
    elif name == "type":
        _once(values, "kinds", name)
        values["kinds"] = tuple(_token_in(name, each)[1] for each in value.split(","))
    else:
        _once(values, "codes", name)
        values["codes"] = tuple(_token_in(name, each) for each in value.split(","))


def _once(values: dict[str, Any], key: str, name: str) -> None:
    if key in values:
        msg = f"{name} is given twice: expected once, with commas between what it may be"
        raise SearchError(msg)


def _id_in(name: str, text: str) -> str:
    if not is_id(text):
        raise _refusal(name, text, "an id of 1 to 64 of A-Z a-z 0-9 - and the full stop")
    return text


def _token_in(name: str, text: str) -> tuple[str | None, str]:
    system, bar, code = text.rpartition("|")
    if not code or len(text) > 200:
        raise _refusal(name, text, "a code, or its system, a | and the code")
    return (system if bar else None, code)


def _span_of(name: str, text: str) -> tuple[datetime, datetime]:
    """From when to when something is that is asked for, as FHIR compares moments with spans (search, prefixes)."""
    found = _DATE.fullmatch(text)
    expected = "a date, or a moment with its offset, such as ge2026-11-01 or lt2026-11-01T08:00:00+01:00"
    if found is None or (found["clock"] and not found["zone"]):
        raise _refusal(name, text, expected)
    try:
        begins, ends = _bounds(found)
    except (ValueError, OverflowError):
        raise _refusal(name, text, expected) from None
    match found["prefix"] or "eq":
        case "ge":
            return begins, LATEST
        case "gt":
            return ends, LATEST
        case "le":
            return EARLIEST, ends
        case "lt":
            return EARLIEST, begins
        case _:
            return begins, ends


def _bounds(found: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    if found["clock"]:
        clock = found["clock"] if found["clock"].count(":") == 2 else f"{found['clock']}:00"
        whole, _, part = clock.partition(".")
        stamp = f"{year:04}-{month:02}-{day:02}T{whole}.{part:0<6}{found['zone']}"
        begins = datetime.fromisoformat(stamp).astimezone(UTC)
        length = timedelta(microseconds=10 ** (6 - len(part))) if part else timedelta(seconds=1)
        if found["clock"].count(":") == 1:
            length = timedelta(minutes=1)
        return begins, begins + length
    begins = datetime(year, month, day, tzinfo=UTC)
    if found["day"]:
        return begins, begins + timedelta(days=1)
    if found["month"]:
        return begins, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return begins, datetime(year + 1, 1, 1, tzinfo=UTC)


def cursor_of(place: Iterable[str]) -> str:
    """Where a page ended, as the next one is asked for."""
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode().rstrip("=")


def cursor_in(text: str) -> tuple[str, ...]:
    """Where the page before ended.

    Raises:
        SearchError: It is none that was given here.
    """
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not isinstance(place, list) or len(place) > 4 or not all(_is_part(each) for each in place):
        raise _refusal("_cursor", text, "what the link `next` of the page before says")
    return tuple(place)


def _is_part(each: object) -> bool:
    return isinstance(each, str) and len(each) <= 80 and each.isprintable()


def _refusal(name: str, value: str, expected: str) -> SearchError:
    return SearchError(f"{name}: {value[:60]!r} is not understood: expected {expected}")
