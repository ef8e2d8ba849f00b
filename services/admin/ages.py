"""PURE. Reads a length of time as an operator types it (`90d`, `12h`, `30m`), or a point in time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

AGE_RULE: Final = "a number and s, m, h, d or w, such as 30m, 12h or 90d"

_AGE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw])")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONGEST: Final = timedelta(days=36_500)


def parse_age(text: str) -> timedelta:
    """Read a length of time, at most a century.

    Raises:
        ValueError: It is none; the message says what was expected.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        msg = f"{text[:40]!r} is not a length of time: expected {AGE_RULE}"
        raise ValueError(msg)
    return min(float(match[1]) * _UNITS[match[2]], _LONGEST)


def parse_since(text: str, now: datetime) -> datetime:
    """Read a point in time: so long before `now`, or a date, or a date and time (UTC where it names no offset).

    Raises:
        ValueError: It is neither; the message says what was expected.
    """
    if _AGE.fullmatch(text.strip()):
        return now - parse_age(text)
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        msg = f"{text[:40]!r} is not a time: expected {AGE_RULE}, or a date and time such as 2026-11-22T08:00+01:00"
        raise ValueError(msg) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def parse_moment(text: str, zone: str | None) -> datetime:
    """Read a date and time with its offset, or one by the clocks of `zone`, such as Europe/Berlin.

    Raises:
        ValueError: It is none, names no offset where no zone is given, or is no moment, or two, by the zone's clocks.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        msg = (
            f"{text[:40]!r} is not a time: expected a date and time such as 2026-11-03 08:00 or 2026-11-03T08:00+01:00"
        )
        raise ValueError(msg) from None
    if at.tzinfo is not None:
        return at
    if zone is None:
        msg = f"{text[:40]!r} does not say where: expected an offset, such as {text.strip()[:40]}+01:00, or a --zone"
        raise ValueError(msg)
    try:
        clocks = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        msg = f"there is no time zone {zone[:40]!r}: expected one such as Europe/Berlin"
        raise ValueError(msg) from None
    first, second = at.replace(tzinfo=clocks), at.replace(tzinfo=clocks, fold=1)
    if first.utcoffset() != second.utcoffset():
        msg = f"the clocks of {zone} change at {text[:40]!r}: expected an offset, such as {first:%z} or {second:%z}"
        raise ValueError(msg)
    return first
