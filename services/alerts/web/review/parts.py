"""PURE. What a review sheet is made of: parts with a table each, the same for the page and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

MOST_ROWS: Final = {
    "therapy": 5,
    "reports": 4,
    "refills": 5,
    "measured": 5,
    "alarms": 10,
    "alerts": 12,
    "gaps": 5,
    "clocks": 5,
}
"""So many rows of a part fit on one page with those of the others."""
NOTHING: Final = "\u2013"
FOOT: Final = (
    "This sheet says what was stored of this patient, and advises nothing. It is made from what the pump and its "
    "handhelds sent to Pumpwatch; what they did not send, it does not know. Times are on the clinic's clock. Pumpwatch "
    "is not a medical device: check with the pump's own log."
)


class Place(StrEnum):
    """Where a part stands: across the page at its top or end, or beside others."""

    TOP = "top"
    LEFT = "left"
    RIGHT = "right"
    END = "end"


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `heads` and each row have as many cells; without rows `lines` say why."""

    name: str
    title: str
    counts: str
    """What is counted, and how."""
    place: Place
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole sheet."""

    pump_id: str
    clinic_id: str
    period: str
    heard: str
    made: str
    parts: tuple[Part, ...]
    foot: str = FOOT


class WallClock:
    """Writes moments on the clinic's clock."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def __call__(self, at: datetime) -> str:
        """With the year."""
        return f"{at.astimezone(self._zone):%-d %b %Y %H:%M}"

    def short(self, at: datetime) -> str:
        """Without it."""
        return f"{at.astimezone(self._zone):%-d %b %H:%M}"


def part_of(
    name: str,
    title: str,
    counts: str,
    place: Place,
    heads: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    lines: Iterable[str],
) -> Part:
    """One part, with no more rows than fit; that some are left out is said."""
    every, most = list(rows), MOST_ROWS.get(name)
    said = list(lines)
    if most is not None and len(every) > most:
        left = len(every) - most
        shown = every[-most:] if name == "therapy" else every[:most]
        said.append(f"{left} more {'is' if left == 1 else 'are'} not shown here.")
        every = shown
    return Part(name, title, counts, place, heads, tuple(every), tuple(said))


def lasted(span: timedelta) -> str:
    """How long something lasted: "40 s", "12 min", "3.5 h", "2.1 days"."""
    seconds = span.total_seconds()
    for unit, length, until in (("s", 1, 60), ("min", 60, 5_400), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{seconds / length:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86_400:.1f} days"
