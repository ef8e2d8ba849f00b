"""PURE. What a review sheet is made of: parts with a table each, the same for the page and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from services.texts.model import ENGLISH, Texts, msgid

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
FOOT: Final = msgid(
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
    heading: str
    """What stands above all, of which pump it is."""
    title: str
    """The same for a list of files."""
    language: str
    """In which all of it is."""
    foot: str


class WallClock:
    """Writes moments on the clinic's clock, in one language."""

    def __init__(self, zone: ZoneInfo, texts: Texts = ENGLISH) -> None:
        self._zone, self.texts = zone, texts

    def __call__(self, at: datetime) -> str:
        """With the year."""
        return self._written(at, year=True)

    def short(self, at: datetime) -> str:
        """Without it."""
        return self._written(at, year=False)

    def _written(self, at: datetime, *, year: bool) -> str:
        at = at.astimezone(self._zone)
        return f"{self.texts.day(at.date(), year=year)} {at:%H:%M}"


def part_of(
    name: str,
    title: str,
    counts: str,
    place: Place,
    heads: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    lines: Iterable[str],
    texts: Texts = ENGLISH,
) -> Part:
    """One part, with no more rows than fit; that some are left out is said."""
    every, most = list(rows), MOST_ROWS.get(name)
    said = list(lines)
    if most is not None and len(every) > most:
        left = len(every) - most
        shown = every[-most:] if name == "therapy" else every[:most]
        said.append(texts.plural("%(count)s more is not shown here.", "%(count)s more are not shown here.", left))
        every = shown
    return Part(name, title, counts, place, heads, tuple(every), tuple(said))


def lasted(span: timedelta, texts: Texts = ENGLISH) -> str:
    """How long something lasted: "40 s", "12 min", "3.5 h", "2.1 days"."""
    seconds = span.total_seconds()
    for unit, length, until in (("s", 1, 60), ("min", 60, 5_400), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{texts.decimal(seconds / length, 1 if unit == 'h' else 0)} {unit}"
    return texts.say("%(count)s days", count=texts.decimal(seconds / 86_400))
