"""PURE. Section 1 of the guide: connect."""

from __future__ import annotations

from itertools import pairwise
from typing import Final
from uuid import UUID

from schemas.events import EventKind
from schemas.topics import BadTopicError, event_topic, parse_event_topic, receipt_topic
from services.conformance.finding import Judged, failed, moment, not_applicable, not_seen, passed, place
from services.conformance.message import read_message
from services.conformance.observations import By, Probe, Will
from services.conformance.story import Link, Story

MQTT_5: Final = "MQTT 5"
_CLOSING_SECONDS: Final = 0.5
"""That a connection was closed may be seen a little after the next one was opened."""
_FEWEST_PAUSES: Final = 3
_LONGER_TIMES: Final = 1.5
"""By so much the last two pauses must be longer than the first two: what doubles, with some chance in it, is."""


def speaks_mqtt_5(story: Story) -> Judged:
    """D-01."""
    for link in story.links:
        if link.connect is not None and link.connect.protocol != MQTT_5:
            return failed(f"{moment(link.connect.at)}: CONNECT says {link.connect.protocol}; expected {MQTT_5}")
        for fault in link.faults:
            return failed(f"{moment(fault.at)}: a packet cannot be read: {fault.fault}")
    return passed() if any(link.connect for link in story.links) else not_seen("no CONNECT came")


def logs_in_as_itself(story: Story) -> Judged:
    """D-02. Where there is TLS, the certificate says who somebody is, and nobody looks at a user name."""
    seen = False
    for link in story.links:
        user = link.connect.login if link.connect is not None else None
        for login in link.common_names if link.tls else (user,) if user is not None else ():
            seen = True
            if login != story.device_id:
                return failed(f"{moment(link.opened_at)}: login {login[:120]!a}; expected {story.device_id!a}")
    return passed() if seen else not_seen("no user name at CONNECT; at a clinic's broker the certificate names it")


def has_a_certificate(story: Story) -> Judged:
    """D-15. What is older than TLS 1.2, or has no certificate of the authority, the bench refuses as a broker does."""
    links = [link for link in story.links if link.tls]
    for link in links:
        if len(link.common_names) != 1:
            names = len(link.common_names)
            return failed(
                f"{moment(link.opened_at)}: a certificate with {names} common names; expected one, the device id"
            )
    if not links:
        return not_seen("the bench took connections without TLS: try --tls")
    return passed(", ".join(sorted({link.tls for link in links})))


def one_connection(story: Story) -> Judged:
    """D-03."""
    if not story.links:
        return not_seen("no connection was opened")
    for earlier, later in pairwise(link for link in story.links if link.connect is not None):
        overlap_seconds = earlier.ended_at - later.opened_at
        if overlap_seconds > _CLOSING_SECONDS or (overlap_seconds > 0 and earlier.ended_by is By.BROKER):
            return failed(f"{moment(later.opened_at)}: a connection was opened while one from before was open")
    return passed()


def packets_fit(story: Story) -> Judged:
    """D-04."""
    largest = {link.number: link.answered.largest_packet_bytes for link in story.links if link.answered}
    for send in story.sends:
        most = largest.get(send.published.connection)
        if most is not None and send.published.packet_bytes > most:
            return failed(f"{place(send)}: {send.published.packet_bytes} bytes; expected at most {most}")
    return passed() if story.sends else not_seen("nothing was published")


def retains_nothing(story: Story) -> Judged:
    """D-05."""
    for send in story.sends:
        if send.published.retain:
            return failed(f"{place(send)}: retain 1; expected 0")
    for link, will in _wills(story):
        if will.retain:
            return failed(f"{moment(link.opened_at)}: the will has retain 1; expected 0")
    return passed() if story.sends else not_seen("nothing was published")


def few_aliases(story: Story) -> Judged:
    """D-06."""
    most = {link.number: link.answered.topic_aliases for link in story.links if link.answered}
    used = [send for send in story.sends if send.published.topic_alias is not None]
    for send in used:
        allowed = most.get(send.published.connection, 0)
        if (send.published.topic_alias or 0) > allowed:
            return failed(f"{place(send)}: topic alias {send.published.topic_alias}; expected at most {allowed}")
    return passed() if used else not_applicable("no topic alias was used")


def own_topics(story: Story) -> Judged:
    """D-07."""
    for send in story.sends:
        try:
            is_own = parse_event_topic(send.published.topic).device_id == story.device_id
        except BadTopicError:
            is_own = False
        if not is_own:
            return failed(f"{place(send)}; expected {event_topic(story.device_id, EventKind.STATUS)!a} or its like")
    return passed() if story.sends else not_seen("nothing was published")


def hears_receipts(story: Story) -> Judged:
    """D-08."""
    spoke = {send.published.connection for send in story.sends}
    links = [link for link in story.links if link.is_accepted and link.number in spoke]
    topic = receipt_topic(story.device_id)
    for link in links:
        kept = link.answered is not None and link.answered.session_present
        if not kept and not any(_matches(pattern, topic) for pattern in link.filters):
            return failed(f"{moment(link.opened_at)}: nothing asked for {topic!a} on this connection")
    return passed() if links else not_seen("nothing was published")


def subscribes_to_nothing_else(story: Story) -> Judged:
    """D-09."""
    topic = receipt_topic(story.device_id)
    for link in story.links:
        for pattern in link.filters:
            if pattern != topic:
                return failed(f"{moment(link.opened_at)}: subscribed to {pattern[:120]!a}; expected {topic!a} alone")
    return passed() if any(link.filters for link in story.links) else not_seen("nothing was subscribed to")


def will_is_a_status(story: Story) -> Judged:
    """D-10."""
    for link, will in _wills(story):
        if will.topic != event_topic(story.device_id, EventKind.STATUS):
            return failed(f"{moment(link.opened_at)}: the will is for {will.topic[:120]!a}; expected a status at most")
    return passed() if _wills(story) else not_applicable("no connection has a will")


def wills_differ(story: Story) -> Judged:
    """D-11."""
    wills = _wills(story)
    if not wills:
        return not_applicable("no connection has a will")
    seen: set[UUID] = set()
    for link, will in wills:
        ids = read_message(story.device_id, will.topic, will.payload, now=link.opened_wall).event_ids
        if ids & seen:
            return failed(f"{moment(link.opened_at)}: the will has the event_id of an earlier connection's")
        seen |= ids
    return passed() if len(wills) > 1 else not_seen("there was one connection with a will")


def connects_again(story: Story) -> Judged:
    """D-12."""
    tried = story.caught(Probe.CUT)
    if tried is None:
        return not_seen("no connection was broken: no event came to do it on")
    return _back(story, tried.caught_at or 0.0, tried.ended_at)


def connects_again_after_goodbye(story: Story) -> Judged:
    """D-13."""
    tried = story.probes.get(Probe.AWAY)
    if tried is None:
        return not_seen("the broker ended no connection")
    return _back(story, tried.began_at, tried.ended_at)


def backs_off(story: Story) -> Judged:
    """D-14."""
    pauses = [later - earlier for earlier, later in pairwise(story.turned_away_at)]
    if len(pauses) < _FEWEST_PAUSES:
        return not_seen(f"{len(story.turned_away_at)} attempts while no connection was taken; four say enough")
    said = ", ".join(f"{pause:.2f}" for pause in pauses)
    if sum(pauses[-2:]) < _LONGER_TIMES * sum(pauses[:2]):
        return failed(f"{moment(story.turned_away_at[0])}: pauses of {said} s; expected longer ones each time")
    return passed(f"pauses of {said} s")


def _back(story: Story, since: float, until: float) -> Judged:
    if any(since < link.opened_at <= until and link.is_accepted for link in story.links):
        return passed()
    if any(since < at <= until for at in story.turned_away_at):
        return failed(f"{moment(until)}: it tried while no connection was taken, and not again once one was")
    return failed(f"{moment(until)}: no new connection since {since:.1f} s")


def _wills(story: Story) -> list[tuple[Link, Will]]:
    return [(link, link.connect.will) for link in story.links if link.connect is not None and link.connect.will]


def _matches(pattern: str, topic: str) -> bool:
    wanted, there = pattern.split("/"), topic.split("/")
    for place_in, level in enumerate(wanted):
        if level == "#":
            return True
        if place_in >= len(there) or level not in {"+", there[place_in]}:
            return False
    return len(wanted) == len(there)
