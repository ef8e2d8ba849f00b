"""PURE. Build and parse topics: `pumpwatch/v1/{device_id}/events/{kind}` and `.../receipts`.

A device is named by its topic alone; the broker's access list keeps each login to its own subtree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from schemas.events import EventKind

ROOT: Final = "pumpwatch/v1"
BATCH: Final = "batch"
EVENTS_FILTER: Final = f"{ROOT}/+/events/#"
"""Matches every event of every device, and no receipt."""

URGENT_KINDS: Final = (EventKind.ALARM, EventKind.REPORT)
"""What the pump or the patient calls out; all else can wait its turn."""
URGENT_FILTERS: Final = tuple(f"{ROOT}/+/events/{kind}" for kind in URGENT_KINDS)
"""What is published as one of these; arrays of several kinds (`batch`) are not."""
_URGENT_ENDS: Final = tuple(f"/events/{kind}" for kind in URGENT_KINDS)

DEVICE_ID_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
DEVICE_ID_RULE: Final = "1 to 64 of the characters A-Z a-z 0-9 . _ : -, the first a letter or a digit"
_DEVICE_ID: Final = re.compile(DEVICE_ID_PATTERN)

MAX_RECEIPT_TOPIC_LEVELS: Final = 8
"""The most levels of a Response Topic. Brokers end the connection of whoever publishes to more than they allow: 201
(Mosquitto 2.0.11), 128 (EMQX), 8 (AWS IoT Core). The receipts topic has 4."""

MAX_RECEIPT_TOPIC_BYTES: Final = 256
"""The most bytes of a Response Topic in UTF-8; the protocol allows 65,535 and some brokers 256."""

_NON_CHARACTERS: Final = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_NOT_IN_A_RECEIPT_TOPIC: Final = re.compile(f"[\0-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NON_CHARACTERS}]")
"""What MQTT forbids in a topic name (4.7.3) or lets a broker end the connection for (1.5.4)."""


@dataclass(frozen=True, slots=True)
class EventTopic:
    """A parsed event topic; `kind` is None for a `batch`."""

    device_id: str
    kind: EventKind | None


class BadTopicError(ValueError):
    """The topic is not one that a device may publish to; the message says what was expected."""


_KIND_BY_LEVEL: Final[dict[str, EventKind | None]] = {kind.value: kind for kind in EventKind} | {BATCH: None}


RESERVED_PREFIX: Final = "pumpwatch-"
"""Names of services at the broker begin so by default. A broker that names a device's session by its login would give a
device of such a name the session of a service."""


DRILL: Final = f"{RESERVED_PREFIX}drill"
"""The pump that exists for drills alone, and its clinic."""


def is_reserved_id(text: str) -> bool:
    """Tell whether no new device may have this id, though it could be one."""
    return text.startswith(RESERVED_PREFIX)


def is_device_id(text: str) -> bool:
    """Tell whether `text` can be a device's id."""
    return _DEVICE_ID.fullmatch(text) is not None


def parse_event_topic(topic: str) -> EventTopic:
    """Read the device and the kind out of an event topic.

    Raises:
        BadTopicError: The topic has other levels, a bad device id or an unknown kind.
    """
    levels = topic.split("/")
    if len(levels) != 5 or levels[0] != "pumpwatch" or levels[1] != "v1" or levels[3] != "events":
        msg = f"expected {ROOT}/{{device_id}}/events/{{kind}}, got {topic[:120]!r}"
        raise BadTopicError(msg)
    device_id, level = levels[2], levels[4]
    if not is_device_id(device_id):
        msg = f"device id {device_id[:80]!r} is not allowed: expected {DEVICE_ID_RULE}"
        raise BadTopicError(msg)
    if level not in _KIND_BY_LEVEL:
        msg = f"kind {level[:40]!r} is unknown: expected one of {', '.join(_KIND_BY_LEVEL)}"
        raise BadTopicError(msg)
    return EventTopic(device_id, _KIND_BY_LEVEL[level])


def event_topic(device_id: str, kind: EventKind | None) -> str:
    """Build the topic that `device_id` publishes `kind` to; None: a `batch`."""
    return f"{ROOT}/{device_id}/events/{BATCH if kind is None else kind.value}"


def is_urgent_topic(topic: str) -> bool:
    """Tell whether one of `URGENT_FILTERS` matches a topic of the same root."""
    return topic.endswith(_URGENT_ENDS) and topic.count("/") == URGENT_FILTERS[0].count("/")


def receipt_topic(device_id: str) -> str:
    """Build the topic that a device asks its receipts to be sent to."""
    return f"{ROOT}/{device_id}/receipts"


def is_receipt_topic_of(device_id: str, topic: str) -> bool:
    """Tell whether a Response Topic lies in the device's own subtree, is not an event topic, and any broker takes it.

    Anything else gets no receipt: a device must not make Pumpwatch publish into another's subtree, nor anything that a
    broker ends Pumpwatch's connection for.
    """
    own = f"{ROOT}/{device_id}/"
    return topic.startswith(own) and not topic.startswith(own + "events") and _is_taken_by_any_broker(topic)


def _is_taken_by_any_broker(topic: str) -> bool:
    return (
        len(topic) <= MAX_RECEIPT_TOPIC_BYTES  # first: the rest looks at every character
        and "//" not in topic
        and not topic.endswith("/")
        and topic.count("/") < MAX_RECEIPT_TOPIC_LEVELS
        and "+" not in topic
        and "#" not in topic
        # The search alone would do, and takes eight times as long.
        and ((topic.isascii() and topic.isprintable()) or _NOT_IN_A_RECEIPT_TOPIC.search(topic) is None)
        and len(topic.encode()) <= MAX_RECEIPT_TOPIC_BYTES
    )
