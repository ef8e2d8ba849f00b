"""PURE. The state of each alarm code, from whatever events of it are stored, in whatever order they came.

Guarantee: the answer depends on the set of events alone, not on their order or on duplicates.

An alarm stands when a `raised` is newer than the newest `cleared` of its code, by the device's clock. When
both bear the same instant, the device's own counter (`seq`) says which came last; where that cannot tell
(no counter, or two devices), the alarm stands: a page too many does less harm than one too few.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

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
            newest = max(raised, key=lambda event: (event.observed_at, event.event_id))
            found[code] = ActiveAlarm(
                code=code,
                since=min(event.observed_at for event in raised),
                last_raised_at=newest.observed_at,
                detail=newest.detail,
            )
    return found


def _raised_since_cleared(history: list[AlarmEvent]) -> list[AlarmEvent]:
    raised = [event for event in history if event.state is AlarmState.RAISED]
    cleared = [event for event in history if event.state is AlarmState.CLEARED]
    if not cleared:
        return raised
    cleared_at = max(event.observed_at for event in cleared)
    same_instant = [event for event in cleared if event.observed_at == cleared_at]
    return [
        event
        for event in raised
        if event.observed_at > cleared_at or (event.observed_at == cleared_at and not _answered(event, same_instant))
    ]


def _answered(raised: AlarmEvent, same_instant: list[AlarmEvent]) -> bool:
    """Tell whether the same device cleared it later in the same instant, by its own counter."""
    seq = raised.seq
    return seq is not None and any(
        event.device_id == raised.device_id and event.seq is not None and event.seq > seq for event in same_instant
    )
