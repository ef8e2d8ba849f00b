"""PURE. When a clinic's clock shows a time.

Guarantee: a local time is always one moment, and a later local time is never an earlier moment. **The rule:** a time is
the first moment at which a clock on the clinic's wall shows it, or a later one where it never shows it. So on the night
on which clocks go forward, 02:30 is the moment of the leap; on the night on which they go back, it is the first of the
two half past twos.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2200


@lru_cache(maxsize=65_536)
def first_moment(day: date, clock: str, timezone: str) -> datetime:
    """The first moment, in UTC, at which the wall clock shows `clock` ("HH:MM") of `day`, or a later time."""
    wall = datetime.combine(day, time.fromisoformat(clock))
    zone = ZoneInfo(timezone)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) == wall:
        return moment
    # The clocks leap over it: by the offset of before it lies after the leap, by that of afterwards before the leap.
    too_early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while moment - too_early > timedelta(seconds=1):
        between = too_early + timedelta(seconds=int((moment - too_early).total_seconds()) // 2)
        if _wall(between, zone) >= wall:
            moment = between
        else:
            too_early = between
    return moment


def typed_moment(text: str, timezone: str) -> datetime:
    """What a person typed, in UTC; a time without an offset is one of the clinic's.

    Raises:
        ValueError: It is no time, or of a year before 2000 or after 2200.
    """
    expected = "expected a time such as '2026-11-26 18:00' or 2026-11-26T18:00+01:00"
    try:
        typed = datetime.fromisoformat(text.strip())
    except ValueError as error:
        msg = f"{text[:60]!r} is no time; {expected}"
        raise ValueError(msg) from error
    if not _FIRST_YEAR <= typed.year <= _LAST_YEAR:
        msg = f"{text[:60]!r} is of the year {typed.year}; {expected}"
        raise ValueError(msg)
    if typed.tzinfo is not None:
        return typed.astimezone(UTC)
    return first_moment(typed.date(), typed.time().isoformat(), timezone)


def wall_date(moment: datetime, timezone: str) -> date:
    """The date on the clinic's wall at a moment."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
