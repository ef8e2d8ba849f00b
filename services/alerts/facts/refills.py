"""PURE. What was entered of refills, and which of it is one refill.

One refill may be entered several times: by the pump and by a handheld, again because nobody saw the first entry, or
again because that was wrong. Entries within a day of each other of which at least two of the three volumes agree are
one refill (INF: no pump is filled twice in a day from and to the same volumes; a true second filling begins with what
the first put in). It has the volumes of the entry that was received last, and the earliest moment: so it stays the
same refill for whoever was told of it, and hides no reading that came after it. The query `facts` says the same of
the newest (`newest_at`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.alerts.facts.model import Refill

ENTRIES: Final = 12
"""So many of the newest entries are looked at..."""
REFILLS: Final = 4
"""...and make so many refills at most."""
_VISIT: Final = timedelta(days=1)
_SAME_ML: Final = 0.05
_SAME_VOLUMES: Final = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a refill, by its judged moment. Volumes in mL."""

    at: datetime
    received_at: datetime
    expected_ml: float
    measured_ml: float
    filled_ml: float

    def is_again(self, newest: Entry) -> bool:
        """Tell whether this is the same refill as a newer entry."""
        pairs = (
            (self.expected_ml, newest.expected_ml),
            (self.measured_ml, newest.measured_ml),
            (self.filled_ml, newest.filled_ml),
        )
        agreeing = sum(abs(one - other) < _SAME_ML for one, other in pairs)
        return self.at > newest.at - _VISIT and agreeing >= _SAME_VOLUMES


def refills_of(entries: Iterable[Entry], *, most: int = REFILLS) -> tuple[Refill, ...]:
    """The newest refills, `most` of them, newest first, from the newest entries in that order."""
    left, found = list(entries), list[Refill]()
    while left and len(found) < most:
        newest = left[0]
        told = [each for each in left if each.is_again(newest)]
        left = [each for each in left if not each.is_again(newest)]
        last = max(told, key=lambda each: each.received_at)  # of several, the first, which is the newest
        at = min(each.at for each in told)
        found.append(Refill(last.filled_ml + 0.0, at, last.expected_ml + 0.0, last.measured_ml + 0.0))
    return tuple(found)
