"""PURE. What was answered by links and may stand in no record yet, as the alert worker remembers it.

Guarantees: nothing is held back for longer than it can be justified. An answer past the database stops pages past the
database for as long as an acknowledgement would; once the database is back, a page that it has is held for 15 seconds
at most, in which the answer is recorded, and goes out if it was not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.people.links.answers import Answer

Cause = tuple[str, str, str]
"""Pump, rule and key: what at most one open alert is about."""

_MOST: Final = 10_000
_HELD_FOR: Final = timedelta(seconds=15)


@dataclass(slots=True)
class _Known:
    answer: Answer
    met_at: datetime | None = None
    """When the database was first there after it."""


class Answered:
    """Answers by what they are about. Bounded: the oldest is forgotten first."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[UUID, _Known] = OrderedDict()
        self._by_cause: dict[Cause, UUID] = {}

    def take(self, answer: Answer) -> None:
        """Remember an answer; the newest about a thing counts, and being told of it again changes nothing."""
        known = self._by_id.get(answer.link.about)
        if known is None or known.answer.given_at < answer.given_at:
            self._by_id[answer.link.about] = _Known(answer)
        while len(self._by_id) > _MOST:
            gone, _ = self._by_id.popitem(last=False)
            self._by_cause = {cause: about for cause, about in self._by_cause.items() if about != gone}

    def has(self, event_id: UUID, cause: Cause, now: datetime, lasts: timedelta) -> bool:
        """Tell whether a person has answered a page past the database about this event, no longer than `lasts` ago."""
        known = self._by_id.get(event_id)
        if known is None:
            return False
        self._by_cause[cause] = event_id  # by it the alert is known that opens later
        return now - known.answer.given_at < lasts

    def database_is_there(self, now: datetime) -> None:
        """From now on what was answered can be recorded."""
        for known in self._by_id.values():
            known.met_at = known.met_at or now

    def holds(self, alert_id: UUID | None, cause: Cause | None, now: datetime) -> bool:
        """Tell whether a page waits, because an answer to its alert is about to be recorded."""
        about = alert_id if alert_id in self._by_id else self._by_cause.get(cause) if cause else None
        known = self._by_id.get(about) if about is not None else None
        return known is not None and known.met_at is not None and now - known.met_at < _HELD_FOR
