"""PURE. Section 5 of the guide: clocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from schemas.events import EventKind, RejectionReason
from services.conformance.finding import Judged, counted, failed, moment, not_seen, passed, place, short
from services.conformance.observations import By, Probe
from services.conformance.story import Link, Story

_RIGHT: Final = timedelta(minutes=10)
_OFF: Final = frozenset({RejectionReason.CLOCK_AHEAD, RejectionReason.CLOCK_BEHIND})
_SHORT_TIMES: Final = 3
"""A connection that the bench ended earlier than so many first waits was no whole upload."""
_ROUNDING: Final = timedelta(seconds=2)
"""A device may write whole seconds."""


def dates_are_taken(story: Story) -> Judged:
    """D-70."""
    for send in story.sends:
        for rejection in send.message.rejections:
            if rejection.reason in _OFF:
                return failed(f"{place(send)}: {rejection.reason}: {rejection.detail}")
    return passed() if any(True for _ in story.events()) else not_seen("no event was published")


def clock_is_right(story: Story) -> Judged:
    """D-71."""
    delay = story.smallest_delay()
    if delay is None:
        return not_seen("no event was published")
    off = f"{abs(delay.total_seconds()):.0f} s {'ahead' if delay < timedelta() else 'behind'}"
    if abs(delay) > _RIGHT:
        return failed(f"{off}, as far as the event that came soonest says; expected at most {_RIGHT.seconds // 60} min")
    return passed(off)


def status_with_every_upload(story: Story) -> Judged:
    """D-72."""
    delay = story.smallest_delay()
    uploads = [link for link in story.links if _is_whole_upload(story, link)]
    if delay is None or not uploads:
        return not_seen("no connection on which events were published lasted long enough")
    for link in uploads:
        since = link.opened_wall - delay - _ROUNDING
        fresh = (
            event.kind is EventKind.STATUS and event.observed_at >= since
            for send, event in story.events()
            if send.published.connection == link.number
        )
        if not any(fresh):
            return failed(f"{moment(link.opened_at)}: no status of that moment came by this connection")
    return passed(counted(len(uploads), "upload"))


def leaves_dates_as_they_were(story: Story) -> Judged:
    """D-73."""
    tried = story.caught(Probe.CLOCK)
    if tried is None or not any(told.refused & tried.events for told in story.told):
        return not_seen("no event was rejected for its clock")
    first = next((event for _, event in story.events() if event.event_id in tried.events), None)
    for send, event in story.events():
        again = first is not None and event.event_id == first.event_id and event.observed_at != first.observed_at
        anew = (
            first is not None and first.seq is not None and event.seq == first.seq and event.event_id != first.event_id
        )
        if again or anew:
            return failed(
                f"{place(send)}: {short(event.event_id)} was rejected for its clock, and came with another date"
            )
    if not any(send.at > (tried.caught_at or 0) and not send.is_repeated for send in story.sends):
        return not_seen("nothing came after it")
    return passed()


def _is_whole_upload(story: Story, link: Link) -> bool:
    sent = any(send.published.connection == link.number and send.message.events for send in story.sends)
    lasted = link.ended_at - link.opened_at
    return sent and not (link.ended_by is By.BENCH and lasted < _SHORT_TIMES * story.pace.resend_seconds)
