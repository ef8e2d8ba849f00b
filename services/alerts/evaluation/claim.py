"""PURE. Which pumps of the waiting entries are evaluated together, and what is left in the queue.

Each pump is evaluated once for all the entries that name it, so the longer the queue, the less work an entry is:
a fleet that speaks faster than it can be evaluated is evaluated a little later, and never later and later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

LEAST_ENTRIES: Final = 8
USUAL_ENTRIES: Final = 32
MOST_ENTRIES: Final = 512
_LEFT_TOGETHER: Final = 8
"""One entry is put together of at most so many times the pumps of one evaluation: it is written anew each time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the queue: the pumps that one transaction of ingest touched."""

    queue_id: int
    pump_ids: Sequence[str]
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class Taking:
    """What is evaluated now, in the order of arrival, and what that does to the queue."""

    pump_ids: tuple[str, ...] = ()
    finished: tuple[int, ...] = ()
    """Entries that go."""
    left: tuple[int, tuple[str, ...]] | None = None
    """The entry that stays for what is left of all of them, and the pumps that it names from now on."""
    entries_next: int = USUAL_ENTRIES
    """How many entries to look at the next time."""


def plan_taking(entries: Sequence[Entry], *, looked_for: int, most_pumps: int) -> Taking:
    """Take the pumps that came first, and put the rest of these entries together in the oldest that has some left.

    Args:
        entries: Oldest first.
        looked_for: How many were asked for: if all of them came, there are probably more.
        most_pumps: At least 1. Bounds the transaction, for whose pumps others wait.
    """
    now: dict[str, None] = {}
    later: dict[str, None] = {}
    finished: list[int] = []
    keeper: int | None = None
    untouched = False
    for entry in entries:
        new = [pump_id for pump_id in dict.fromkeys(entry.pump_ids) if pump_id not in now and pump_id not in later]
        room = 0 if later else most_pumps - len(now)
        fits, rest = new[:room], new[room:]
        now.update(dict.fromkeys(fits))
        if rest and keeper is None:
            keeper = entry.queue_id
        elif rest and (untouched or len(later) + len(rest) > _LEFT_TOGETHER * most_pumps):
            untouched = True
            continue
        else:
            finished.append(entry.queue_id)
        later.update(dict.fromkeys(rest))
    left = None if keeper is None else (keeper, tuple(later))
    return Taking(tuple(now), tuple(finished), left, _entries_next(len(entries), looked_for, is_enough=untouched))


def _entries_next(came: int, looked_for: int, *, is_enough: bool) -> int:
    """Look further while many entries name few pumps; less far when a part of them is enough."""
    if is_enough:
        return max(LEAST_ENTRIES, looked_for // 2)
    return min(MOST_ENTRIES, 2 * looked_for) if came >= looked_for else USUAL_ENTRIES
