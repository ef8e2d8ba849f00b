"""PURE. A run told in order: connections, sends and what was told about them, from what was written down.

Guarantees: each message of the device is one `Send`, with what ingest would make of it; a receipt counts for a message
if it came on the receipts topic, can be read, and carries that message's Correlation Data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from schemas.events import Receipt
from schemas.topics import receipt_topic
from services.conformance.message import Message, SentEvent, read_message
from services.conformance.observations import (
    Answered,
    By,
    Caught,
    Connect,
    Delivered,
    Ended,
    Observation,
    Opened,
    Probe,
    ProbeBegan,
    ProbeEnded,
    Published,
    Subscribed,
    TurnedAway,
    Unreadable,
)

FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Pace:
    """How quick the device is, which may be set to be quicker for a run than for a patient."""

    resend_seconds: float = 10.0
    """How long it waits for a receipt at first."""
    patience_seconds: float = 120.0
    """How long the bench waits for what should come."""

    @property
    def crossing_seconds(self) -> float:
        """For so long after a receipt the device may not have read it; who sends for ever sends after that, too."""
        return self.resend_seconds

    @property
    def noticing_seconds(self) -> float:
        """For so long a device may not know that its connection is gone."""
        return min(2.0, self.resend_seconds)


@dataclass(frozen=True, slots=True)
class Send:
    """One message of the device."""

    published: Published
    message: Message
    is_repeated: bool
    """All its events were sent before."""

    @property
    def at(self) -> float:
        """In seconds since the run began."""
        return self.published.at


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt that reached the device, and the events that it is about."""

    at: float
    connection: int
    events: frozenset[UUID]
    receipt: Receipt
    settled: frozenset[UUID]
    """Those of them that were not published since under another name: with this receipt they are done."""

    @property
    def refused(self) -> frozenset[UUID]:
        """Those of them that it rejects."""
        if any(each.index is None for each in self.receipt.rejected):
            return self.events
        return frozenset(each.event_id for each in self.receipt.rejected if each.event_id) & self.events


@dataclass(slots=True)
class Link:
    """One connection of the device, from its first byte to its end."""

    number: int
    opened_at: float
    opened_wall: datetime
    tls: str = ""
    common_names: tuple[str, ...] = ()
    connect: Connect | None = None
    answered: Answered | None = None
    filters: list[str] = field(default_factory=list)
    faults: list[Unreadable] = field(default_factory=list)
    ended_at: float = FOREVER
    ended_by: By | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the broker took it."""
        return self.answered is not None and not self.answered.refusal


@dataclass(slots=True)
class Tried:
    """One probe."""

    probe: Probe
    began_at: float
    began_wall: datetime
    caught_at: float | None = None
    events: frozenset[UUID] = frozenset()
    ended_at: float = FOREVER
    ended_wall: datetime | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A whole run."""

    device_id: str
    pace: Pace
    links: Sequence[Link]
    sends: Sequence[Send]
    told: Sequence[Told]
    turned_away_at: Sequence[float]
    probes: dict[Probe, Tried]

    def sends_with(self, event_id: UUID) -> list[Send]:
        """The messages that held an event."""
        return [send for send in self.sends if event_id in send.message.event_ids]

    def events(self) -> Iterable[tuple[Send, SentEvent]]:
        """Every event each time it was sent."""
        return ((send, event) for send in self.sends for event in send.message.events)

    def first_sends(self) -> list[tuple[Send, SentEvent]]:
        """Every event the first time it was sent."""
        first: dict[UUID, tuple[Send, SentEvent]] = {}
        for send, event in self.events():
            first.setdefault(event.event_id, (send, event))
        return list(first.values())

    def smallest_delay(self) -> timedelta | None:
        """By how much the device's clock is behind at the most; below 0: ahead, at the least. None: nothing came."""
        return min((send.published.wall - event.observed_at for send, event in self.first_sends()), default=None)

    def caught(self, probe: Probe) -> Tried | None:
        """A probe for which there was a message to try it on."""
        tried = self.probes.get(probe)
        return tried if tried is not None and tried.caught_at is not None else None


def tell(device_id: str, pace: Pace, observations: Iterable[Observation]) -> Story:
    """Put together what belongs together."""
    links: dict[int, Link] = {}
    sends: list[Send] = []
    told: list[Told] = []
    away: list[float] = []
    probes: dict[Probe, Tried] = {}
    seen: set[UUID] = set()
    by_correlation: dict[bytes | None, frozenset[UUID]] = {}
    last_name: dict[UUID, bytes | None] = {}
    for each in observations:
        match each:
            case Opened():
                links[each.connection] = Link(each.connection, each.at, each.wall, each.tls, each.common_names)
            case TurnedAway():
                away.append(each.at)
            case Published():
                message = read_message(device_id, each.topic, each.payload, now=each.wall)
                ids = message.event_ids
                sends.append(Send(each, message, is_repeated=bool(ids) and ids <= seen))
                seen |= ids
                by_correlation[each.correlation] = ids
                last_name |= dict.fromkeys(ids, each.correlation)
            case Delivered():
                receipt = _receipt(device_id, each)
                if receipt is not None and each.correlation in by_correlation:
                    about = by_correlation[each.correlation]
                    whole = not receipt.not_listed  # else the device may ask again, in smaller messages
                    settled = frozenset(one for one in about if whole and last_name[one] == each.correlation)
                    told.append(Told(each.at, each.connection, about, receipt, settled))
            case ProbeBegan():
                probes[each.probe] = Tried(each.probe, each.at, each.wall)
            case Caught():
                _caught(probes[each.probe], each, seen)
            case ProbeEnded():
                probes[each.probe].ended_at, probes[each.probe].ended_wall = each.at, each.wall
            case _:
                _of_link(links[each.connection], each)
    return Story(device_id, pace, list(links.values()), sends, told, away, probes)


def _caught(tried: Tried, each: Caught, seen: set[UUID]) -> None:
    if each.events <= seen:  # else they came to the broker by another way
        tried.caught_at, tried.events = each.at, each.events


def _of_link(link: Link, each: Connect | Answered | Subscribed | Unreadable | Ended) -> None:
    match each:
        case Connect():
            link.connect = each
        case Answered():
            link.answered = each
        case Subscribed():
            link.filters.extend(each.filters)
        case Unreadable():
            link.faults.append(each)
        case _:
            link.ended_at, link.ended_by = each.at, each.by


def _receipt(device_id: str, delivered: Delivered) -> Receipt | None:
    if delivered.correlation is None or delivered.topic != receipt_topic(device_id):
        return None
    try:
        return Receipt.model_validate_json(delivered.payload)
    except ValidationError:
        return None
