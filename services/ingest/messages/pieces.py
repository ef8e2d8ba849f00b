"""PURE. A batch in pieces that may be stored without each other: what is live, and what is late by kind and week.

A lock is held on a part of a table, and a part is some weeks of one kind: so a piece that meets a lock says little of
the others. What is newer than a day is in no part that is converted or removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.events import EventKind
from services.ingest.messages.rows import DEVICE_ID, OBSERVED, Row

LATE_SECONDS: Final = 86_400.0
_WEEK_SECONDS: Final = 7 * 86_400.0

Rows = dict[EventKind, list[Row]]


@dataclass(slots=True)
class Pieces:
    """All rows of a batch, each in one piece."""

    live: Rows = field(default_factory=dict)
    late: list[Rows] = field(default_factory=list)
    """Each may wait. The newest first."""


def has_late_rows(rows: Mapping[EventKind, list[Row]], *, now_seconds: float) -> bool:
    """Whether any of these may have to wait."""
    before = now_seconds - LATE_SECONDS
    return any(row[OBSERVED] < before for each in rows.values() for row in each)


def in_pieces(rows: Mapping[EventKind, list[Row]], *, now_seconds: float, looked_up: Collection[str] = ()) -> Pieces:
    """Cut the rows of a batch.

    Args:
        rows: By kind.
        now_seconds: Since 1970; when they were received.
        looked_up: Devices whose events are looked for in old parts before they are stored: they may wait, too.
    """
    pieces = Pieces()
    of_looked_up: Rows = {}
    late: defaultdict[tuple[float, EventKind], list[Row]] = defaultdict(list)
    for kind, each in rows.items():
        for row in each:
            age = now_seconds - row[OBSERVED]
            if age > LATE_SECONDS:
                late[(age - LATE_SECONDS) // _WEEK_SECONDS, kind].append(row)
            else:
                into = of_looked_up if row[DEVICE_ID] in looked_up else pieces.live
                into.setdefault(kind, []).append(row)
    if of_looked_up:
        pieces.late.append(of_looked_up)
    pieces.late += [{kind: late[week, kind]} for week, kind in sorted(late)]
    return pieces
