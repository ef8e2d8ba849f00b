"""PURE. Section 2 of the guide: publish an event. And section 4: a log of events in one message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, EventKind, RejectionReason
from services.conformance.finding import Judged, counted, failed, not_applicable, not_seen, passed, place, short
from services.conformance.message import SentEvent
from services.conformance.observations import Probe
from services.conformance.story import Send, Story
from services.ingest.messages.decode import Rejection

_OF_OTHERS: Final = frozenset(
    {
        RejectionReason.BAD_TOPIC,
        RejectionReason.UNKNOWN_DEVICE,
        RejectionReason.TOO_LARGE,
        RejectionReason.BATCH_TOO_LONG,
        RejectionReason.KIND_MISSING,
        RejectionReason.CLOCK_AHEAD,
        RejectionReason.CLOCK_BEHIND,
    }
)
"""Reasons that a requirement of their own is about."""
_NOTHING: Final = "no event was published"
_LARGEST_GAP: Final = 1_000
"""Of numbers that are missing; a larger jump is a counter that began again."""


def qos_1(story: Story) -> Judged:
    """D-20."""
    for send in story.sends:
        if send.published.qos != 1:
            return failed(f"{place(send)}: QoS {send.published.qos}; expected 1")
    return passed() if story.sends else not_seen(_NOTHING)


def as_the_schema_says(story: Story) -> Judged:
    """D-21."""
    for send, rejection in _rejections(story):
        if rejection.reason not in _OF_OTHERS:
            return failed(f"{place(send)}{_index(rejection)}: {rejection.reason}: {_without_values(rejection.detail)}")
    kinds = sorted({event.kind for _, event in story.events()})
    return passed(f"kinds seen: {', '.join(kinds)}") if kinds else not_seen(_NOTHING)


def ids_are_kept(story: Story) -> Judged:
    """D-22."""
    by_content: dict[tuple[object, ...], tuple[Send, SentEvent]] = {}
    by_id: dict[UUID, tuple[Send, SentEvent]] = {}
    for send, event in story.events():
        _, like_it = by_content.setdefault(_content(event), (send, event))
        if like_it.event_id != event.event_id:
            return failed(
                f"{place(send)}: {short(event.event_id)} says what {short(like_it.event_id)} said, of the same moment; "
                "expected the same event_id again"
            )
        before, same = by_id.setdefault(event.event_id, (send, event))
        if same.kind != event.kind or (same.seq != event.seq and same.observed_at != event.observed_at):
            return failed(
                f"{place(send)}: {short(event.event_id)} was another event {place(before)}; expected an id of its own"
            )
    return _sent_again(story)


def observed_at_is_kept(story: Story) -> Judged:
    """D-23."""
    first: dict[UUID, SentEvent] = {}
    for send, event in story.events():
        was = first.setdefault(event.event_id, event)
        if was.observed_at != event.observed_at:
            return failed(
                f"{place(send)}: {short(event.event_id)} has observed_at {event.observed_at.isoformat()}; "
                f"expected {was.observed_at.isoformat()} as before"
            )
    return _sent_again(story)


def content_is_kept(story: Story) -> Judged:
    """D-24."""
    first: dict[UUID, SentEvent] = {}
    for send, event in story.events():
        was = first.setdefault(event.event_id, event)
        changed = [name for name in event.content if event.content[name] != was.content.get(name)]
        if changed:
            return failed(f"{place(send)}: {short(event.event_id)} has another {', '.join(changed)} than before")
    return _sent_again(story)


def numbered(story: Story) -> Judged:
    """D-25."""
    first = [(send, event) for send, event in story.first_sends()]
    with_number = [(send, event) for send, event in first if event.seq is not None]
    if not first:
        return not_seen(_NOTHING)
    if not with_number:
        return failed("no event has a seq; without one a lost event leaves no gap, and of one moment order is a guess")
    holders: dict[int, UUID] = {}
    for send, event in with_number:
        holder = holders.setdefault(event.seq or 0, event.event_id)
        if holder != event.event_id:
            return failed(f"{place(send)}: {short(event.event_id)} has the seq {event.seq} of {short(holder)}")
    without = len(first) - len(with_number)
    return failed(f"{counted(without, 'event')} without a seq, where others have one") if without else passed()


def corrections_name_the_wrong_one(story: Story) -> Judged:
    """D-30."""
    kinds = {event.event_id: event.kind for _, event in story.events()}
    found = [(send, event) for send, event in story.events() if event.replaces is not None]
    for send, event in found:
        if event.replaces == event.event_id:
            return failed(f"{place(send)}: {short(event.event_id)} replaces itself; expected an event_id of its own")
        kind = kinds.get(event.replaces or event.event_id, event.kind)
        if kind != event.kind:
            return failed(f"{place(send)}: {short(event.event_id)} is a {event.kind} and replaces a {kind}")
    return passed() if found else not_seen("nothing was corrected")


def small_enough(story: Story) -> Judged:
    """D-60."""
    reasons = {RejectionReason.TOO_LARGE, RejectionReason.BATCH_TOO_LONG}
    for send, rejection in _rejections(story):
        if rejection.reason in reasons:
            return failed(f"{place(send)}: {rejection.detail}")
    most_bytes = max((len(send.published.payload) for send in story.sends), default=0)
    most = max((len(send.message.events) for send in story.sends), default=0)
    said = f"the largest had {most} of {MAX_BATCH_EVENTS} events, and {most_bytes} of {MAX_PAYLOAD_BYTES} bytes"
    return passed(said) if story.sends else not_seen(_NOTHING)


def kinds_in_arrays(story: Story) -> Judged:
    """D-61."""
    for send, rejection in _rejections(story):
        if rejection.reason is RejectionReason.KIND_MISSING:
            return failed(f"{place(send)}{_index(rejection)}: {_without_values(rejection.detail)}")
    return passed() if any(send.message.is_array for send in story.sends) else not_applicable("no array was published")


def alarms_first(story: Story) -> Judged:
    """D-62. What the device observed before it can have known that it was away may have been on its way already."""
    seen_alarm, others_before = False, None
    knew = timedelta(seconds=story.pace.noticing_seconds)
    for send, event, away_for in _from_away(story):
        is_alarm = event.kind is EventKind.ALARM
        if is_alarm and any(each.kind is not EventKind.ALARM for each in send.message.events):
            return failed(f"{place(send)}: an alarm came together with other events; expected it alone")
        if is_alarm and others_before is not None:
            return failed(f"{place(send)}: an alarm came after other events; expected it first")
        seen_alarm |= is_alarm
        if not is_alarm and away_for >= knew:
            others_before = send
    return passed() if seen_alarm else not_seen("no alarm was observed while the device was away")


def sent_afterwards(story: Story) -> Judged:
    """D-63."""
    tried = story.probes.get(Probe.AWAY)
    if tried is None:
        return not_seen("the device was never away")
    numbers = sorted({event.seq for _, event in story.events() if event.seq is not None})
    missing = [
        number
        for before, after in pairwise(numbers)
        if after - before <= _LARGEST_GAP
        for number in range(before + 1, after)
    ]
    if missing:
        return failed(f"seq {', '.join(map(str, missing[:5]))}{' ...' if len(missing) > 5 else ''} never came")
    came = len(list(_from_away(story)))
    if not came:
        return not_seen("no event was observed while the device was away")
    return passed(f"{counted(came, 'event')} observed while away" + ("" if numbers else "; without a seq"))


def _from_away(story: Story) -> Iterator[tuple[Send, SentEvent, timedelta]]:
    """What was observed while no connection was taken, as it was first sent, and for how long none was by then."""
    tried, ends, delay = story.probes.get(Probe.AWAY), story.turned_away_at, story.smallest_delay()
    if tried is None or not ends or delay is None:
        return
    back_at = min((link.opened_at for link in story.links if link.opened_at > ends[-1]), default=None)
    back = next((link.opened_wall for link in story.links if link.opened_at == back_at), None)
    if back is None:
        return
    for send, event in story.first_sends():
        observed = event.observed_at + delay
        if tried.began_wall <= observed < back and send.at > ends[-1]:
            yield send, event, observed - tried.began_wall


def _rejections(story: Story) -> Iterator[tuple[Send, Rejection]]:
    return ((send, rejection) for send in story.sends for rejection in send.message.rejections)


def _sent_again(story: Story) -> Judged:
    repeated: defaultdict[UUID, int] = defaultdict(int)
    for _, event in story.events():
        repeated[event.event_id] += 1
    if any(times > 1 for times in repeated.values()):
        return passed()
    return not_seen("no event was sent a second time")


def _content(event: SentEvent) -> tuple[object, ...]:
    return (event.observed_at, *sorted(event.content.items()))


def _index(rejection: Rejection) -> str:
    return f", event {rejection.event_index} of the array" if rejection.event_index >= 0 else ""


def _without_values(detail: str) -> str:
    """What was expected, without what was there: that may be a patient's."""
    return detail.partition("got ")[0].rstrip(";, ")
