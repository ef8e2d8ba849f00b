"""PURE. What the device maker's guide asks of a device, by number (`docs/devices.md`, section 9).

Guarantees: a number that was given once keeps its meaning; a requirement that is taken out leaves its number unused.
Guide and list hold the same words (tests/contract/devices/test_requirements.py), and each requirement is either checked
(`services/conformance/judge.py`) or says here why nobody outside the device can see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How much depends on it: who does not do what a MUST says loses events, or tells wrong ones."""

    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the guide's list."""

    number: str
    level: Level
    text: str
    unseen: str = ""
    """Why a run cannot see it; empty: it can."""


_MUST, _SHOULD = Level.MUST, Level.SHOULD
_HANDSHAKE: Final = "the bench refuses nobody whose certificate is good"

REQUIREMENTS: Final = (
    # 1. Connect
    Requirement("D-01", _MUST, "speak MQTT 5"),
    Requirement("D-02", _MUST, "log in as its device id and nobody else"),
    Requirement("D-03", _MUST, "hold one connection at a time"),
    Requirement("D-04", _MUST, "send no packet that is larger than the broker says at CONNECT"),
    Requirement("D-05", _MUST, "publish with retain 0, its will too"),
    Requirement("D-06", _MUST, "use no more topic aliases than the broker says at CONNECT"),
    Requirement("D-07", _MUST, "publish to its own event topics and nowhere else"),
    Requirement("D-08", _MUST, "subscribe to its receipts topic after each connection"),
    Requirement("D-09", _SHOULD, "subscribe to nothing else"),
    Requirement("D-10", _MUST, "have no will, or one that is a status"),
    Requirement("D-11", _MUST, "give each connection's will an event_id of its own"),
    Requirement("D-12", _MUST, "connect again after its connection broke"),
    Requirement("D-13", _MUST, "connect again after the broker ended its connection"),
    Requirement("D-14", _MUST, "try with longer and longer pauses while the broker takes no connection"),
    Requirement("D-15", _MUST, "use TLS 1.2 or newer, with a certificate of its own"),
    Requirement("D-16", _MUST, "make its key itself, and never let it out", "a key that was let out looks the same"),
    Requirement("D-17", _MUST, "take a new certificate while the old one is good", "how a device gets one is its own"),
    Requirement(
        "D-18", _MUST, "keep its events while it is refused in the handshake, and try at most once a minute", _HANDSHAKE
    ),
    # 2. Publish an event
    Requirement("D-20", _MUST, "publish with QoS 1"),
    Requirement("D-21", _MUST, "publish JSON that section 2 allows: fields, units, ranges, values"),
    Requirement("D-22", _MUST, "send an event again with the same event_id, and give no other event that id"),
    Requirement("D-23", _MUST, "send an event again with the same observed_at"),
    Requirement("D-24", _MUST, "send an event again with the same content and seq"),
    Requirement("D-25", _SHOULD, "number its events with seq, one counter for all kinds, each number once"),
    Requirement(
        "D-26", _MUST, "send as measured only what somebody measured", "who measured a level is not in the event"
    ),
    Requirement(
        "D-27",
        _MUST,
        "send comm_failure where delivery is unknown",
        "whether a bolus was delivered, only the pump knows",
    ),
    Requirement(
        "D-28", _MUST, "send the end of an alarm as an event of its own", "that an alarm ended, only the pump knows"
    ),
    Requirement(
        "D-29", _MUST, "send a therapy after every programming", "when the pump was programmed is not in what it sends"
    ),
    Requirement("D-30", _MUST, "correct a refill or a therapy by a new event that names the wrong one in replaces"),
    Requirement(
        "D-31",
        _MUST,
        "send everything, and observed_at as it was, also once it belongs to another pump",
        "the bench has no registry in which a handheld changes its pump",
    ),
    # 3. Keep an event until its receipt
    Requirement("D-40", _MUST, "ask for receipts on its receipts topic (Response Topic)"),
    Requirement("D-41", _MUST, "name each message by Correlation Data of 1 to 128 bytes"),
    Requirement("D-42", _MUST, "keep an event and publish it again until its receipt comes"),
    Requirement("D-43", _SHOULD, "wait 10 seconds for a receipt, and longer each time"),
    Requirement("D-44", _MUST, "publish again after a new connection what has no receipt"),
    Requirement("D-45", _MUST, "forget an event once a receipt counts it"),
    Requirement("D-46", _MUST, "forget an event once a receipt rejects it"),
    Requirement("D-47", _MUST, "take a receipt for a message only by that message's Correlation Data"),
    Requirement("D-48", _MUST, "take no harm from a receipt that it cannot read, does not know or has had before"),
    Requirement("D-49", _MUST, "keep events without a receipt when it loses its power"),
    # 4. A log of events in one message
    Requirement("D-60", _MUST, "send at most 500 events and 262,144 bytes in a message"),
    Requirement("D-61", _MUST, "name the kind of each event of an array"),
    Requirement("D-62", _SHOULD, "send alarms first and alone after it was away"),
    Requirement("D-63", _MUST, "send afterwards what it observed while it was away"),
    # 5. Clocks
    Requirement("D-70", _MUST, "send no event by a clock that is more than 24 hours ahead or 400 days behind"),
    Requirement("D-71", _SHOULD, "have a clock that is right to within 10 minutes"),
    Requirement("D-72", _SHOULD, "send a status with every upload, made at that moment"),
    Requirement("D-73", _MUST, "leave observed_at as it was sent, also when it was rejected for its clock"),
    # 8. Gateways without MQTT
    Requirement(
        "D-80", _MUST, "as a gateway, forget events only on an answer of 200 or 422", "the bench does not speak HTTP"
    ),
    Requirement(
        "D-81", _MUST, "as a gateway, keep its token in one place, behind TLS", "the bench does not speak HTTP"
    ),
)

BY_NUMBER: Final = {each.number: each for each in REQUIREMENTS}
