"""PURE. Times of day and time zones, as people write them in files."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator

from schemas.events import ClockTime


def _clock_time(value: object) -> object:
    """YAML 1.1 reads 22:00 without quotes as a number in base 60."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return f"{value // 60:02d}:{value % 60:02d}"
    return value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"no time zone {name!r} is known: expected a name such as 'Europe/Berlin'"
        raise ValueError(msg) from error
    return name


TimeOfDay = Annotated[ClockTime, BeforeValidator(_clock_time)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""An IANA name, such as Europe/Berlin."""
