"""PURE. How far the clock of a device is off, from its heartbeats and from what was refused for its date.

A clock that is ahead shows in any heartbeat: it is dated after it was received. A clock that is behind looks like a
heartbeat that waited on its way, but for one thing: what waits differs from upload to upload, and of what is made while
it is sent something comes at once. So the smallest delay of an upload is the clock's error at the most, and two uploads
that agree are taken at their word.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.alerts.facts.model import DeviceClock

UPLOAD: Final = timedelta(minutes=30)
"""What is received within this long belongs to one upload; a device that is not heard for longer pauses."""
HABIT_DAYS: Final = 60
"""Heartbeats that are dated earlier are not looked at."""
_AGREE: Final = timedelta(hours=12)
"""Two uploads whose smallest delays differ by more were late, and tell nothing of the clock."""

Beat = tuple[float, datetime, float | None]
"""A heartbeat: its judged moment (seconds since 1970), when it was received, and how many seconds later it is dated."""


def beat(observed_at: datetime, received_at: datetime) -> Beat:
    """A heartbeat of these times."""
    ahead = (observed_at - received_at).total_seconds() if observed_at > received_at else None
    return min(observed_at, received_at).timestamp(), received_at, ahead


def clock_of(
    beats: Sequence[Beat], known_at: datetime | None = None, last: tuple[datetime, timedelta] | None = None
) -> DeviceClock | None:
    """What the heartbeats of late, in any order, tell of a device's clock; None: nothing.

    Args:
        beats: Dated within `HABIT_DAYS`.
        known_at: When what is dated within that time was last received.
        last: When it was last heard at all, and how much earlier that was dated: a clock may be too far behind for
            any of its heartbeats to be among `beats`.
    """
    if last is not None and last[1] > timedelta(days=HABIT_DAYS) and (known_at is None or last[0] - known_at >= UPLOAD):
        return DeviceClock(last[1])
    if not beats:
        return None
    newest = max(received_at for _, received_at, _ in beats)
    behind = _least(beats, newest)
    if behind <= _AGREE:
        return DeviceClock(behind)
    earlier = [each for each in beats if each[1] <= newest - UPLOAD]
    if not earlier:
        return None
    before = _least(earlier, max(received_at for _, received_at, _ in earlier))
    return DeviceClock(behind) if abs(before - behind) <= _AGREE else None


def _least(beats: Sequence[Beat], newest: datetime) -> timedelta:
    """The smallest delay in the upload that ended at `newest`."""
    since = newest - UPLOAD
    return timedelta(
        seconds=min(
            received_at.timestamp() - judged_at if ahead is None else -ahead
            for judged_at, received_at, ahead in beats
            if received_at > since
        )
    )
