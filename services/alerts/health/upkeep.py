"""PURE. Does the database do in time what it does by itself: sums that are kept, chunks that become columns?

Judged by the work, not by what the database records of its jobs (docs/decisions/0022-upkeep-is-judged-by-its-work.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Final

from services.alerts.wording import age

UNSEEN: Final = "unseen"
"""The kind that stands for all, where the database does not tell: its `name` is the error."""

_WORDS: Final = {
    "rollup": "the sums of {name} are not brought up to date",
    "columns": "chunks of {name} are not turned into columns",
    "job": "the job {name} is not run",
}


@dataclass(frozen=True, slots=True)
class Upkeep:
    """One thing that the database does by itself (the view `upkeep`)."""

    kind: str
    """`rollup`, `columns` or `job`; or `UNSEEN`."""
    name: str
    done_until: datetime | None
    """Until when it is done; of a job, when it was last begun. None: never."""
    overdue_since: datetime | None
    """When it should have been done; None: it is."""


def overdue_seconds(upkeep: Iterable[Upkeep], now: datetime) -> float:
    """Seconds since the oldest of it should have been done; 0 where all is, infinite where that cannot be seen."""
    return max((_behind_seconds(each, now) for each in upkeep), default=0.0)


def upkeep_warnings(upkeep: Iterable[Upkeep], now: datetime) -> Iterator[str]:
    """What an operator must know, a line for each that is late."""
    for each in upkeep:
        if each.kind == UNSEEN:
            yield f"database: what it does by itself cannot be seen: {each.name}"
        elif each.overdue_since is not None:
            words = _WORDS.get(each.kind, "{name} is not done").format(name=each.name)
            yield f"database: {words}, due {age(now - each.overdue_since)} ago (docs/operating/monitoring.md)"


def _behind_seconds(each: Upkeep, now: datetime) -> float:
    if each.kind == UNSEEN:
        return inf
    return 0.0 if each.overdue_since is None else max(0.0, (now - each.overdue_since).total_seconds())
