"""PURE. The state of each alarm code, from whatever events of it are stored, in whatever order they came.

Guarantee: the answer depends on the set of events alone, not on their order or on duplicates.

An alarm stands when a `raised` is newer than the newest `cleared` of its code, by their judged moments: what is
dated after it was received counts as of when it was received. Of one moment, a `cleared` ends what was not received
after it, if the device's own counter (`seq`, which may have gone round) says so, or, where that cannot tell (no
counter, or two devices), if it was received later. Else the alarm stands: a page too many does less harm than one
too few.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.counters import steps
from schemas.events import AlarmCode, AlarmState
from services.alerts.facts.model import AlarmEvent


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An alarm that stands: from its first `raised` after the last `cleared`, and the newest `raised`."""

    code: AlarmCode
    since: datetime
    last_raised_at: datetime
    detail: str | None


def active_alarms(events: Iterable[AlarmEvent]) -> dict[AlarmCode, ActiveAlarm]:
    """Tell which alarms stand."""
    by_code: dict[AlarmCode, list[AlarmEvent]] = {}
    for event in events:
        by_code.setdefault(event.code, []).append(event)
    found = {}
    for code, history in by_code.items():
        raised = _raised_since_cleared(history)
        if raised:
            newest = max(raised, key=lambda event: event.position)
            found[code] = ActiveAlarm(
                code=code,
                since=min(event.judged_at for event in raised),
                last_raised_at=newest.judged_at,
                detail=newest.detail,
            )
    return found


def _raised_since_cleared(history: list[AlarmEvent]) -> list[AlarmEvent]:
    raised = [event for event in history if event.state is AlarmState.RAISED]
    cleared = [event for event in history if event.state is AlarmState.CLEARED]
    if not cleared:
        return raised
    cleared_at = max(event.judged_at for event in cleared)
    same_moment = [event for event in cleared if event.judged_at == cleared_at]
    return [
        event
        for event in raised
        if event.judged_at > cleared_at
        or (event.judged_at == cleared_at and not any(_ends(each, event) for each in same_moment))
    ]


def _ends(cleared: AlarmEvent, raised: AlarmEvent) -> bool:
    """Tell whether it was cleared after it was raised, of two events of one judged moment."""
    if cleared.received_at < raised.received_at:
        return False
    if cleared.device_id == raised.device_id and cleared.seq is not None and raised.seq is not None:
        return steps(raised.seq, cleared.seq) > 0
    return cleared.received_at > raised.received_at
