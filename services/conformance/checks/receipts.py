"""PURE. Section 3 of the guide: keep an event until its receipt."""

from __future__ import annotations

from itertools import pairwise
from typing import Final
from uuid import UUID

from schemas.topics import receipt_topic
from services.conformance.finding import Judged, counted, failed, moment, not_seen, passed, place, short
from services.conformance.observations import By, Probe
from services.conformance.story import Send, Story, Tried

MOST_CORRELATION_BYTES: Final = 128
_NO_EVENT: Final = "no new event came to try it on"
_EARLY: Final = 0.5
"""A first wait of less than this share of what is asked for is too short."""
_LONGER: Final = 1.3
"""By so much the last wait must be longer than the first."""


def asks_for_receipts(story: Story) -> Judged:
    """D-40."""
    expected = receipt_topic(story.device_id)
    for send in story.sends:
        asked = send.published.response_topic
        if asked is None:
            return failed(f"{place(send)}: no Response Topic; expected {expected!a}")
        if asked != expected:
            return failed(f"{place(send)}: Response Topic {asked[:120]!a}; expected {expected!a}")
    return passed() if story.sends else not_seen("nothing was published")


def names_messages(story: Story) -> Judged:
    """D-41."""
    named: dict[bytes, Send] = {}
    for send in story.sends:
        correlation = send.published.correlation
        if not correlation:
            return failed(f"{place(send)}: no Correlation Data; expected some bytes that name the message")
        if len(correlation) > MOST_CORRELATION_BYTES:
            most = MOST_CORRELATION_BYTES
            return failed(f"{place(send)}: Correlation Data of {len(correlation)} bytes; expected at most {most}")
        other = named.setdefault(correlation, send)
        if other.message.event_ids != send.message.event_ids:
            return failed(f"{place(send)}: the Correlation Data of another message, {place(other)}")
    return passed() if story.sends else not_seen("nothing was published")


def keeps_until_receipt(story: Story) -> Judged:
    """D-42."""
    tried = story.caught(Probe.LOST)
    return not_seen(_NO_EVENT) if tried is None else _sent_again(story, tried, "had no receipt")


def waits_longer(story: Story) -> Judged:
    """D-43."""
    tried = story.caught(Probe.LOST)
    times = [] if tried is None else _times(story, tried)
    waits = [later - earlier for earlier, later in pairwise(times)]
    if not waits:
        return not_seen("no event was sent a second time without a receipt")
    said = f"waits of {', '.join(f'{wait:.2f}' for wait in waits)} s"
    if waits[0] < _EARLY * story.pace.resend_seconds:
        return failed(f"{moment(times[0])}: {said}; expected {story.pace.resend_seconds:g} s at first")
    if len(waits) > 1 and waits[-1] < _LONGER * waits[0]:
        return failed(f"{moment(times[0])}: {said}; expected longer ones each time")
    return passed(said) if len(waits) > 1 else not_seen(f"{said}: one says nothing of the next")


def publishes_again_after_connecting(story: Story) -> Judged:
    """D-44."""
    tried = story.caught(Probe.CUT)
    if tried is None:
        return not_seen(_NO_EVENT)
    if not _has_new_link(story, tried):
        return not_seen("there was no new connection")
    return _sent_again(story, tried, "had no receipt when its connection broke")


def forgets_what_counts(story: Story) -> Judged:
    """D-45."""
    return _forgets(story, of_refused=False)


def forgets_what_is_rejected(story: Story) -> Judged:
    """D-46."""
    return _forgets(story, of_refused=True)


def takes_its_own_receipts_only(story: Story) -> Judged:
    """D-47."""
    tried = story.caught(Probe.STRAY)
    return not_seen(_NO_EVENT) if tried is None else _sent_again(story, tried, "had a receipt for another message only")


def takes_no_harm(story: Story) -> Judged:
    """D-48."""
    tried = story.caught(Probe.NOISE)
    if tried is None:
        return not_seen(_NO_EVENT)
    for link in story.links:
        began = tried.caught_at or 0
        if began < link.ended_at <= tried.ended_at and link.ended_by is not By.BENCH:
            return failed(f"{moment(link.ended_at)}: the connection was ended by {link.ended_by}; expected it to go on")
    since = max((told.at for told in story.told if told.events & tried.events), default=None)
    if since is None:
        return not_seen("none of them reached the device")
    if any(send.at > since and not send.is_repeated for send in story.sends):
        return passed()
    return failed(f"{moment(tried.ended_at)}: no new event came after it; expected the device to go on")


def keeps_without_power(story: Story) -> Judged:
    """D-49."""
    tried = story.caught(Probe.POWER)
    if tried is None:
        return not_seen("nobody switched the device off and on")
    if not _has_new_link(story, tried):
        return not_seen("there was no new connection")
    return _sent_again(story, tried, "had no receipt when the power went")


def _times(story: Story, tried: Tried) -> list[float]:
    """When the events of a probe were sent: each time the last of them."""
    each = [[send.at for send in story.sends_with(event_id)] for event_id in tried.events]
    return [max(at) for at in zip(*each, strict=False) if max(at) <= tried.ended_at]


def _sent_again(story: Story, tried: Tried, why: str) -> Judged:
    lost = _first_without_second(story, tried)
    if lost is None:
        return passed(f"sent {counted(len(_times(story, tried)), 'time')}")
    [first, *_] = story.sends_with(lost)
    waited = tried.ended_at - first.at
    return failed(f"{place(first)}: {short(lost)} {why}, and did not come again in {waited:.1f} s; expected it again")


def _has_new_link(story: Story, tried: Tried) -> bool:
    since = tried.caught_at or 0.0
    return any(link.is_accepted and since < link.opened_at <= tried.ended_at for link in story.links)


def _first_without_second(story: Story, tried: Tried) -> UUID | None:
    caught_at = tried.caught_at or 0.0
    for event_id in sorted(tried.events):
        sent = [send for send in story.sends_with(event_id) if send.at <= tried.ended_at]
        if len(sent) < 2 or (
            tried.probe in {Probe.CUT, Probe.POWER} and not _on_a_new_link(story, sent[1:], caught_at)
        ):
            return event_id
    return None


def _on_a_new_link(story: Story, sends: list[Send], since: float) -> bool:
    new = {link.number for link in story.links if link.opened_at > since}
    return any(send.published.connection in new for send in sends)


def _forgets(story: Story, *, of_refused: bool) -> Judged:
    told_at: dict[UUID, float] = {}
    ended_at = {link.number: link.ended_at for link in story.links}
    for told in story.told:
        if ended_at[told.connection] - told.at <= story.pace.crossing_seconds:
            continue  # it may have been lost with its connection
        for event_id in told.settled & told.refused if of_refused else told.settled - told.refused:
            told_at.setdefault(event_id, told.at)
    for send in story.sends:
        for event_id in sorted(send.message.event_ids & told_at.keys()):
            late = send.at - told_at[event_id]
            if late > story.pace.crossing_seconds:
                verb = "rejected" if of_refused else "counted"
                return failed(
                    f"{place(send)}: {short(event_id)} came again {late:.1f} s after a receipt that {verb} it"
                )
    return passed(counted(len(told_at), "event")) if told_at else not_seen("no receipt of the kind reached the device")
