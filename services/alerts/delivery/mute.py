"""PURE. Is this page to wait, and because of what?

Guarantees: a page is never dropped, only held until a moment that is known; when several reasons hold it, the one that
lasts longest is named. A high page is held by nothing but a silence that a person made for this one pump, saying that
it includes high, and for no longer than the policy allows (docs/domain.md section 8 item 10).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import Policy, Priority, QuietHours
from services.alerts.errors import Refused
from services.texts.model import msgid

_WAKES_NOBODY: Final = frozenset({Priority.LOW, Priority.INFO})
_FARTHEST_AHEAD_DAYS: Final = 366
"""A silence may begin so long from now: an appointment that is known a year before."""


class SilenceKind(StrEnum):
    """Why somebody wants silence."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    """Known beforehand: an appointment for a refill, work on the network."""


class MuteReason(StrEnum):
    """What holds a page; stored with it."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """What a person asks for. `pump_id` and `rule` narrow it; None: any."""

    clinic_id: str
    kind: SilenceKind
    reason: str
    begins_at: datetime
    ends_at: datetime
    pump_id: str | None = None
    rule: str | None = None
    includes_high: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that is stored."""

    silence_id: UUID
    clinic_id: str
    kind: SilenceKind
    pump_id: str | None
    rule: str | None
    includes_high: bool
    reason: str
    created_by: str
    created_at: datetime
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Mute:
    """A page is held until then, because of this."""

    reason: MuteReason
    until: datetime
    silence_id: UUID | None = None


def check_silence(asked: SilenceRequest, policy: Policy, now: datetime) -> None:
    """Tell whether the policy allows a silence.

    Raises:
        Refused: It does not.
    """
    longest = policy.paging.silence_high_longest_hours if asked.includes_high else policy.paging.silence_longest_hours
    if not asked.reason.strip():
        raise Refused(msgid("a silence needs a reason"))
    if asked.ends_at <= max(asked.begins_at, now):
        raise Refused(msgid("the end must come after the beginning, and lie in the future"))
    if asked.begins_at - now > timedelta(days=_FARTHEST_AHEAD_DAYS):
        raise Refused(msgid("a silence must begin within %(days)s days"), days=_FARTHEST_AHEAD_DAYS)
    if asked.ends_at - asked.begins_at > timedelta(hours=longest):
        if asked.includes_high:
            raise Refused(msgid("high alerts can be silenced for at most %(hours)s hours"), hours=f"{longest:g}")
        raise Refused(msgid("a silence may last for at most %(hours)s hours"), hours=f"{longest:g}")
    if asked.includes_high and asked.pump_id is None:
        raise Refused(msgid("high alerts can be silenced for one pump only, not for a whole clinic: name the pump"))


def covers(silence: Silence | SilenceRequest, *, pump_id: str, rule: str, priority: Priority) -> bool:
    """Tell whether a silence is about this pump and rule at this priority (of its own clinic), while it lasts."""
    if silence.pump_id not in (None, pump_id) or silence.rule not in (None, rule):
        return False
    return priority is not Priority.HIGH or (silence.includes_high and silence.pump_id == pump_id)


def silence_over(
    silences: Iterable[Silence], *, pump_id: str, rule: str, priority: Priority, now: datetime
) -> Silence | None:
    """The silence that holds pages about this pump and rule at this priority now, the one that lasts longest."""
    holding = [
        silence
        for silence in silences
        if silence.begins_at <= now < silence.ends_at and covers(silence, pump_id=pump_id, rule=rule, priority=priority)
    ]
    return max(holding, key=lambda silence: silence.ends_at, default=None)


def mute_of(
    silences: Iterable[Silence],
    policy: Policy,
    *,
    pump_id: str,
    rule: str,
    priority: Priority,
    now: datetime,
    own: QuietHours | None = None,
) -> Mute | None:
    """What holds a page about this pump and rule at this priority now; None: nothing, send it.

    `own`: the quiet hours of the one who is told; like the clinic's, they hold nothing that is high or medium.
    """
    silence = silence_over(silences, pump_id=pump_id, rule=rule, priority=priority, now=now)
    holds = [Mute(MuteReason(silence.kind.value), silence.ends_at, silence.silence_id)] if silence else []
    for quiet in (policy.paging.quiet_hours, own):
        if quiet is not None and wakes_nobody(priority):
            until = quiet_until(quiet, now)
            if until is not None:
                holds.append(Mute(MuteReason.QUIET_HOURS, until))
    return max(holds, key=lambda mute: mute.until, default=None)


def wakes_nobody(priority: Priority) -> bool:
    """Whether a page of this priority can wait for a morning."""
    return priority in _WAKES_NOBODY


def still_holds(mute: Mute | None, now: datetime) -> bool:
    """Tell whether a page can be put off by this. What does not end in the future holds nothing: the page goes out."""
    return mute is not None and mute.until > now


def quiet_until(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the quiet hours that `now` lies in end; None: it lies in none. By the clinic's own clock.

    That clock jumps: an hour that comes twice is quiet twice, and one that is left out makes a night shorter.
    """
    zone = ZoneInfo(quiet.timezone)
    begins, ends = time.fromisoformat(quiet.begins), time.fromisoformat(quiet.ends)
    at = now.astimezone(UTC)
    while _is_quiet(at.astimezone(zone), begins, ends):
        by_the_clock = at + _until(at.astimezone(zone), ends)
        at = _jump_between(at, by_the_clock, zone) or by_the_clock
    return at.astimezone(now.tzinfo) if at > now else None


def _is_quiet(local: datetime, begins: time, ends: time) -> bool:
    clock = local.time()
    return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


def _until(local: datetime, ends: time) -> timedelta:
    """How long a clock that does not jump needs to show `ends`."""
    seconds = timedelta(hours=ends.hour - local.hour, minutes=ends.minute - local.minute, seconds=-local.second)
    return (seconds - timedelta(microseconds=local.microsecond)) % timedelta(days=1)


def _jump_between(since: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment at which the clock of a zone jumps after `since` and up to `until`; None: it does not."""

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(zone).utcoffset()

    if offset(since) == offset(until):
        return None
    before, after = int(since.timestamp()), math.ceil(until.timestamp())
    while after - before > 1:
        middle = (before + after) // 2
        at = datetime.fromtimestamp(middle, UTC)
        before, after = (middle, after) if offset(at) == offset(since) else (before, middle)
    return datetime.fromtimestamp(after, UTC)
