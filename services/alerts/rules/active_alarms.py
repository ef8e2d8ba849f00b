"""PURE. The state of each alarm code, from whatever events of it are stored, in whatever order they came.

Guarantee: the answer depends on the set of events alone, not on their order or on duplicates.

An alarm stands when a `raised` is newer than the newest `cleared` of its code, by their judged moments: what is
dated after it was received counts as of when it was received. Of one moment, a `cleared` ends what was not received
after it, if the device's own counter (`seq`, which may have gone round) says so, or, where that cannot tell (no
counter, or two devices), if it was received later. A `cleared` that is dated after its receipt comes from a clock that
is wrong by as much at least: it ends what was received before it, and what is dated earlier than it by more than that;
within that its date tells nothing, and it ends what was received with it only by the counter. Else the alarm stands: a
page too many does less harm than one too few.
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
    proven_at = max(event.proven_at for event in cleared)
    ahead_at = max((event.received_at for event in cleared if event.is_ahead), default=None)
    at_the_edge = [
        event
        for event in cleared
        if (event.received_at == ahead_at if event.is_ahead else event.observed_at == proven_at)
    ]
    return [
        event
        for event in raised
        if event.judged_at >= proven_at
        and (ahead_at is None or event.received_at >= ahead_at)
        and not any(_ends(each, event) for each in at_the_edge)
    ]


def _ends(cleared: AlarmEvent, raised: AlarmEvent) -> bool:
    """Tell whether it was cleared after it was raised, of two events that dates do not part."""
    if cleared.received_at < raised.received_at:
        return False
    if not cleared.is_ahead and cleared.judged_at != raised.judged_at:
        return False
    if cleared.device_id == raised.device_id and cleared.seq is not None and raised.seq is not None:
        return steps(raised.seq, cleared.seq) > 0
    return cleared.received_at > raised.received_at
