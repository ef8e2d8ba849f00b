"""PURE. What of a page has changed between two readings of it.

A picture is a page in named parts. Guarantee: the parts of the old one, changed as `difference` says, are the parts of
the new one in its order; what is the same stays untouched, so that whoever types or reads there is not disturbed.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

_TIME_WORDS: Final = re.compile(r"(<time\b[^>]* data-ago>)[^<]*")
"""A reader's own script writes these anew: that time goes by is no news. A moment is, once its day is over."""
_WINDOW: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a page, by the id of its element."""

    id: str
    html: str
    sense: str = field(init=False, repr=False)
    """The same for two that say the same, but for words that change as time goes by."""

    def __post_init__(self) -> None:
        said = _TIME_WORDS.sub(r"\1", self.html).encode(errors="surrogatepass")
        object.__setattr__(self, "sense", hashlib.blake2b(said, digest_size=12).hexdigest())


@dataclass(frozen=True, slots=True)
class Loud:
    """A high alert that waits for somebody."""

    alert_id: str
    words: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """A page at one moment."""

    read_at: datetime
    title: str
    regions: tuple[Part, ...] = ()
    """Parts that are always there, in one place."""
    listed: tuple[Part, ...] = ()
    """Parts that come, go and move."""
    loud: tuple[Loud, ...] = ()
    """The newest high alerts that wait, whether this page lists them or not."""
    read: str = ""
    """When it was read, on the reader's clock and in their language."""
    version: str = field(init=False)
    """The same for two pictures that say the same."""

    @property
    def reading(self) -> dict[str, str]:
        """When it was read, for scripts and for people."""
        return {"read_at": self.read_at.isoformat(), "read": self.read}

    def __post_init__(self) -> None:
        digest = hashlib.blake2b(digest_size=9)
        for part in (*self.regions, Part("", ""), *self.listed):
            digest.update(f"{part.id}\0{part.sense}\0".encode())
        for each in self.loud:
            digest.update(each.alert_id.encode())
        digest.update(self.title.encode(errors="surrogatepass"))
        object.__setattr__(self, "version", digest.hexdigest())


def difference(old: Picture, new: Picture) -> dict[str, Any]:
    """What makes the page of `old` that of `new`: to be carried out in the order gone, put, regions."""
    before = {part.id: part for part in old.listed}
    kept = _kept_in_order([part.id for part in old.listed], [part.id for part in new.listed])
    put: list[dict[str, Any]] = []
    after = None
    for part in new.listed:
        change: dict[str, Any] = {}
        if part.id not in kept:
            change["after"] = after
        if part.id not in before or before[part.id].sense != part.sense:
            change["html"] = part.html
        if change:
            put.append({"id": part.id, **change})
        after = part.id
    present = {part.id for part in new.listed}
    regions = {part.id: part.sense for part in old.regions}
    return {
        "gone": [each for each in before if each not in present],
        "put": put,
        "regions": {part.id: part.html for part in new.regions if regions.get(part.id) != part.sense},
        "title": new.title,
        "news": news(old, new),
    }


def news(old: Picture, new: Picture) -> list[dict[str, str]]:
    """The high alerts that wait since the old picture was read."""
    known = {each.alert_id for each in old.loud}
    since = old.read_at - _WINDOW  # what only moved up into the newest is none
    return [
        {"id": each.alert_id, "words": each.words}
        for each in new.loud
        if each.alert_id not in known and each.changed_at >= since
    ]


def _kept_in_order(old: Sequence[str], new: Sequence[str]) -> frozenset[str]:
    """As many as possible of those in both whose order is the same in both: these need not move."""
    place = {each: number for number, each in enumerate(old)}
    ends: list[int] = []
    """By length, the least place at which an ascending row of that length ends."""
    rows: list[tuple[str, ...]] = []
    for each in new:
        if each not in place:
            continue
        length = bisect_left(ends, place[each])
        row = (*(rows[length - 1] if length else ()), each)
        ends[length : length + 1] = [place[each]]
        rows[length : length + 1] = [row]
    return frozenset(rows[-1]) if rows else frozenset()
