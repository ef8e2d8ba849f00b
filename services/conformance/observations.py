"""PURE. What a run writes down, in the order in which it happened, and what is judged afterwards.

`at` is in seconds since the run began, by a steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Probe(StrEnum):
    """What the bench does to a device to see what it does then."""

    LOST = "lost receipt"
    STRAY = "receipt for another message"
    NOISE = "receipts that cannot be read, and one twice"
    REJECTED = "rejected event"
    CLOCK = "event rejected for its clock"
    CUT = "broken connection"
    AWAY = "ended by the broker, and no connection for a while"
    POWER = "loss of power"


class By(StrEnum):
    """Who ended a connection."""

    DEVICE = "the device"
    BENCH = "the bench"
    BROKER = "the broker"


@dataclass(frozen=True, slots=True)
class Opened:
    """The device opened a connection."""

    at: float
    wall: datetime
    connection: int
    tls: str = ""
    """Its version; empty: there is none."""
    common_names: tuple[str, ...] = ()
    """Of the certificate that the device showed."""


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The device opened a connection, and the bench closed it at once."""

    at: float


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker is to publish when the connection ends without a goodbye."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """The first packet of a connection. Of another protocol than MQTT 5 only that is known."""

    at: float
    connection: int
    protocol: str
    login: str | None = None
    will: Will | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What the broker said to it."""

    at: float
    connection: int
    refusal: str
    """Its reason; empty: it took the connection."""
    session_present: bool = False
    largest_packet_bytes: int | None = None
    topic_aliases: int = 0


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The device asked for messages."""

    at: float
    connection: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A message of the device, as it stood on the wire, with its topic where an alias stood for it."""

    at: float
    wall: datetime
    connection: int
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    topic_alias: int | None = None
    packet_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that went to the device."""

    at: float
    connection: int
    topic: str
    payload: bytes
    correlation: bytes | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The device sent what is no packet of MQTT 5."""

    at: float
    connection: int
    fault: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A connection ended."""

    at: float
    connection: int
    by: By


@dataclass(frozen=True, slots=True)
class ProbeBegan:
    """From here on the bench waits for what it needs for this probe."""

    at: float
    wall: datetime
    probe: Probe


@dataclass(frozen=True, slots=True)
class Caught:
    """The message on which the probe is tried is there: these are its events."""

    at: float
    probe: Probe
    events: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class ProbeEnded:
    """What the device does from here on has to do with the next probe."""

    at: float
    wall: datetime
    probe: Probe


Observation = (
    Opened
    | TurnedAway
    | Connect
    | Answered
    | Subscribed
    | Published
    | Delivered
    | Unreadable
    | Ended
    | ProbeBegan
    | Caught
    | ProbeEnded
)
