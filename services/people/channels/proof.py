"""PURE. Does a person's phone ring? Asked each week, and answered by the person with "heard it".

A drill that is not answered in an hour is told to the person, over whatever channels they have; one that is not in a
day, and a proof that is older than 8 days, to the clinic too (the figures are INF).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from services.people.channels.model import ChannelState, Hours

STALE_AFTER: Final = timedelta(days=8)
ANSWER_WITHIN: Final = timedelta(hours=1)
CLINIC_AFTER: Final = timedelta(days=1)
ANSWER_LASTS: Final = timedelta(days=2)
"""A link of a drill can be answered for so long: what was heard then was heard."""
_WEEK: Final = timedelta(days=7)


class Proof(StrEnum):
    """What is known of a channel's ringing."""

    NOT_ASKED = "not asked"
    """It is not verified, or nobody rings by it."""
    FRESH = "fresh"
    UNANSWERED = "unanswered"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Warn:
    """Somebody has to hear that a channel did not prove itself, once for each `episode`."""

    episode: str
    proof: Proof
    clinic_too: bool


def drill_due(hours: Hours, now: datetime) -> datetime:
    """The last moment at which the weekly drill was due, up to `now`; by the person's clock.

    A time that the clock leaves out comes by the clock of before (02:30 at 03:30); of one that comes twice, the first.
    """
    zone = ZoneInfo(hours.timezone)
    day = now.astimezone(zone).date()
    day -= timedelta(days=(day.isoweekday() - hours.drill_weekday) % 7)
    at = datetime.combine(day, time.fromisoformat(hours.drill_at), zone).astimezone(UTC)
    if at > now:
        at = datetime.combine(day - _WEEK, time.fromisoformat(hours.drill_at), zone).astimezone(UTC)
    return at


def must_drill(channel: ChannelState, hours: Hours, last_due: datetime | None, now: datetime) -> datetime | None:
    """The moment for which a drill of this channel is to be sent now; None: none is.

    Args:
        channel: Which one.
        hours: Of its person.
        last_due: For which moment the last drill was; None: there was none.
        now: The time.
    """
    if channel.verified_at is None or not channel.rings:
        return None
    due = drill_due(hours, now)
    # Not what was due before it was verified, not twice within a week when somebody chooses another hour, and not at
    # night because a worker was away at noon.
    if due < channel.verified_at or now - due > ANSWER_WITHIN:
        return None
    return None if last_due is not None and due - last_due < timedelta(days=1) else due


def proof_of(channel: ChannelState, now: datetime) -> Proof:
    """Whether it is known to ring."""
    since = proven_since(channel)
    if since is None:
        return Proof.NOT_ASKED
    if now - since > STALE_AFTER:
        return Proof.STALE
    asked = channel.drill_sent_at
    return Proof.UNANSWERED if asked is not None and now - asked > ANSWER_WITHIN else Proof.FRESH


def proven_since(channel: ChannelState) -> datetime | None:
    """When it last proved itself: by a drill, or by its code. None: it is not asked to."""
    if channel.verified_at is None or not channel.rings:
        return None
    return max(channel.verified_at, channel.proven_at or channel.verified_at)


def warnings(channel: ChannelState, now: datetime) -> Iterator[Warn]:
    """Who has to hear of a channel now; what was said before has the same episode."""
    since, proof = proven_since(channel), proof_of(channel, now)
    if since is None or proof is Proof.FRESH:
        return
    asked = channel.drill_sent_at
    if asked is not None and now - asked > ANSWER_WITHIN:
        yield Warn(f"drill {asked.isoformat()}", Proof.UNANSWERED, now - asked > CLINIC_AFTER)
    if proof is Proof.STALE:
        yield Warn(f"stale {since.isoformat()}", proof, now - since > STALE_AFTER + CLINIC_AFTER)
