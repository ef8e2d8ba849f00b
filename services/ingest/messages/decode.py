"""PURE. Topic and bytes in, rows or rejections out. It never raises.

Guarantees: every event of a message becomes exactly one row or one rejection, and a message that cannot be read at all
becomes one rejection; what is rejected keeps its bytes and says what was wrong and what was expected.

A message that is in order costs one call into pydantic-core. Only when that fails is it taken apart event by event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Final, Protocol, Self
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from schemas.events import (
    MAX_BATCH_EVENTS,
    MAX_PAYLOAD_BYTES,
    MODEL_BY_KIND,
    Alarm,
    AnyEvent,
    Event,
    EventKind,
    RejectedEvent,
    RejectionReason,
)
from schemas.topics import URGENT_KINDS, BadTopicError, EventTopic, parse_event_topic
from services.ingest.messages.careful import NotJsonError, parse, place_of_lone_surrogate, with_leap_second_moved
from services.ingest.messages.faults import Fault, digest_of, explain, surrogate_fault
from services.ingest.messages.quota import DEFAULT_QUOTA, Quota
from services.ingest.messages.rows import PUMP_ID, ROW_BY_KIND, Row, device_and_seq
from services.ingest.messages.whose import Enrolment

WHOLE_MESSAGE: Final = -1
"""The `event_index` of a rejection that is about the whole message."""


class Incoming(Protocol):
    """What decode needs of a message, whichever way it came."""

    @property
    def topic(self) -> str:
        """The MQTT topic, which alone says which device speaks."""

    @property
    def payload(self) -> bytes:
        """The bytes as they came."""


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """How far a device's clock may be off before its events are refused."""

    ahead: timedelta
    behind: timedelta


@dataclass(frozen=True, slots=True)
class Rejection:
    """One refused message or event, with its bytes."""

    message: int
    event_index: int
    reason: RejectionReason
    detail: str
    topic: str
    device_id: str | None
    event_id: UUID | None
    payload: bytes
    digest: bytes

    @classmethod
    def of(cls, number: int, message: Incoming, index: int, fault: Fault) -> Self:
        """Refuse message `number`, or its event `index`, for `fault`."""
        topic = _topic_or_none(message.topic)
        return cls(
            message=number,
            event_index=index,
            reason=fault.reason,
            detail=fault.detail,
            topic=message.topic,
            device_id=topic.device_id if topic else None,
            event_id=fault.event_id,
            payload=message.payload if index == WHOLE_MESSAGE or fault.item is None else fault.item,
            digest=digest_of(message.topic, message.payload),
        )

    def for_receipt(self) -> RejectedEvent:
        """What the device is told."""
        index = None if self.event_index == WHOLE_MESSAGE else self.event_index
        return RejectedEvent(index=index, event_id=self.event_id, reason=self.reason, detail=self.detail)


RefusedAlarm = tuple[str, UUID, str, str, str, int | None, float]
"""An alarm that is understood and refused for its date: (pump, event id, device, code, state, seq, seconds behind)."""


@dataclass(slots=True)
class Decoded:
    """A batch of messages, decoded: rows by kind, rejections, and what was heard of each device."""

    received_at: datetime
    messages: int
    rows: dict[EventKind, list[Row]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    last_observed: dict[str, float] = field(default_factory=dict)
    """For each device the newest time that it reported, in seconds since 1970."""
    pumps_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a handheld that was ever paired with several pumps, all of them: its events may be stored for any."""
    refused_alarms: list[RefusedAlarm] = field(default_factory=list)
    refused_clocks: dict[str, float] = field(default_factory=dict)
    """By how many seconds the clock of a device was behind at the most whose events were refused; below 0: ahead."""
    quota: Quota | None = DEFAULT_QUOTA
    """Of dead letters. None: whoever asks for the write keeps them (a replay has a row for them already)."""

    @property
    def events(self) -> int:
        """How many rows there are, of all kinds."""
        return sum(map(len, self.rows.values()))

    def add(self, other: Decoded) -> None:
        """Take in what another call made of other messages of the same batch."""
        for kind, rows in other.rows.items():
            self.rows.setdefault(kind, []).extend(rows)
        self.rejections += other.rejections
        self.pumps_of |= other.pumps_of
        for device_id, observed in other.last_observed.items():
            self.last_observed[device_id] = max(observed, self.last_observed.get(device_id, observed))
        self.refused_alarms += other.refused_alarms
        for device_id, behind in other.refused_clocks.items():
            self.refused_clocks[device_id] = min(behind, self.refused_clocks.get(device_id, behind))

    def refuse_date(self, event: Event, behind: float, pump_id: str | None, device_id: str) -> None:
        """Take note of an event that is refused for its date: the clock is told of, and an alarm all the more.

        Its date cannot say whose it is, so it is about the pump of now (None: there is none, and nobody is told).
        """
        self.refused_clocks[device_id] = min(behind, self.refused_clocks.get(device_id, behind))
        if isinstance(event, Alarm) and pump_id is not None:
            row = (pump_id, event.event_id, device_id, event.code, event.state, event.seq, behind)
            self.refused_alarms.append(row)

    def sequence(self) -> Iterator[tuple[str, int | None]]:
        """The device and sequence number of every row, kind by kind."""
        return chain.from_iterable(map(device_and_seq, rows) for rows in self.rows.values())

    def pumps_to_evaluate(self) -> tuple[list[str], list[str]]:
        """The pumps that these rows are about, each once, sorted: those that cannot wait, and the others."""
        urgent = {row[PUMP_ID] for kind in URGENT_KINDS for row in self.rows.get(kind, ())}
        urgent.update(pump_id for pump_id, *_ in self.refused_alarms)
        every = {row[PUMP_ID] for rows in self.rows.values() for row in rows}
        return sorted(urgent), sorted(every - urgent)


@dataclass(slots=True)
class Stored:
    """What became of a batch when it was written.

    `duplicates_by_message` is exact: a message's events are its stored, its duplicates and its rejections.
    """

    rejections: list[Rejection]
    inserted: int = 0
    duplicates: int = 0
    not_kept: int = 0  # of the rejections: beyond a quota of dead letters
    duplicates_by_message: Counter[int] = field(default_factory=Counter)
    waiting: set[int] = field(default_factory=set)
    """Numbers of the messages that are not done: some of their events wait for a lock."""


def device_ids(messages: Iterable[Incoming]) -> set[str]:
    """The devices that these topics name, for a look-up in the registry; a bad topic names none."""
    return {topic.device_id for message in messages if (topic := _topic_or_none(message.topic)) is not None}


def events_of(message: Incoming) -> Sequence[Event | Fault]:
    """Read a message that `decode` took once more: a list of an array's events, or a tuple of one that stands alone."""
    return _read(message.payload, parse_event_topic(message.topic).kind)


def decode(
    messages: Sequence[Incoming],
    registry: Mapping[str, Enrolment],
    *,
    now: datetime,
    clock: ClockLimits,
    first: int = 0,
) -> Decoded:
    """Decode a batch of messages, or a slice of one.

    Args:
        messages: In order of arrival; a row or a rejection names its message by its place here.
        registry: The devices that are known; one that is not there is rejected as unknown.
        now: Becomes `received_at`, and the clocks of devices are judged by it.
        clock: How far a device's clock may be off.
        first: The number of the first of them.
    """
    try:
        return _decode(messages, registry, now, clock, first=first)
    except Exception:  # noqa: BLE001 - a bug that one message brings to light: the others are stored (decision 11)
        return _decode_each(messages, registry, now, clock, first)


def _decode_each(
    messages: Sequence[Incoming], registry: Mapping[str, Enrolment], now: datetime, clock: ClockLimits, first: int
) -> Decoded:
    """Decode message by message; one that cannot be is rejected with its bytes, for a release that can."""
    together = Decoded(received_at=now, messages=len(messages))
    for number, message in enumerate(messages, first):
        try:
            together.add(_decode([message], registry, now, clock, first=number))
        except Exception as error:  # noqa: BLE001 - as above
            detail = f"Pumpwatch failed on this message ({type(error).__name__}); its bytes are kept"
            fault = Fault(RejectionReason.INTERNAL_ERROR, detail)
            together.rejections.append(Rejection.of(number, message, WHOLE_MESSAGE, fault))
    return together


def _decode(
    messages: Sequence[Incoming],
    registry: Mapping[str, Enrolment],
    now: datetime,
    clock: ClockLimits,
    *,
    first: int = 0,
) -> Decoded:
    decoded = Decoded(received_at=now, messages=len(messages))
    all_rows, last_observed = decoded.rows, decoded.last_observed
    earliest, latest = (now - clock.behind).timestamp(), (now + clock.ahead).timestamp()
    received = now.timestamp()
    for number, message in enumerate(messages, first):
        try:
            topic, owner = _identify(message, registry)
            events = _read(message.payload, topic.kind)
        except _RefusedError as refusal:
            decoded.rejections.append(Rejection.of(number, message, WHOLE_MESSAGE, refusal.fault))
            continue
        device_id = topic.device_id
        # Nearly always one pump had every event that is not too old; else each is judged by its moment (decision 13).
        always = owner.pump_id if owner.since <= earliest else None
        if owner.pumps:
            decoded.pumps_of[device_id] = owner.pumps
        for index, event in enumerate(events):
            if isinstance(event, Fault):
                decoded.rejections.append(Rejection.of(number, message, index, event))
                continue
            observed = event.observed_at.timestamp()
            if not earliest <= observed <= latest:
                # A list comes from an array; an event that stands alone is the whole message.
                event_index = index if isinstance(events, list) else WHOLE_MESSAGE
                fault = _clock_fault(event, now, clock)
                decoded.rejections.append(Rejection.of(number, message, event_index, fault))
                decoded.refuse_date(event, received - observed, always or owner.pump_at(received), device_id)
                continue
            pump_id = always or owner.pump_at(min(observed, received))
            if pump_id is None:
                event_index = index if isinstance(events, list) else WHOLE_MESSAGE
                fault = _not_paired_fault(event, device_id, now)
                decoded.rejections.append(Rejection.of(number, message, event_index, fault))
                continue
            rows = all_rows.get(event.kind)
            if rows is None:
                rows = all_rows[event.kind] = []
            rows.append(ROW_BY_KIND[event.kind](event, observed, pump_id, device_id, number))
            if device_id not in last_observed or last_observed[device_id] < observed:
                last_observed[device_id] = observed
    return decoded


class _RefusedError(Exception):
    """The whole message is refused."""

    def __init__(self, reason: RejectionReason, detail: str, event_id: UUID | None = None) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail, event_id)


@lru_cache(maxsize=131_072)
def _topic_or_none(topic: str) -> EventTopic | None:
    try:
        return parse_event_topic(topic)
    except BadTopicError:
        return None


def _identify(message: Incoming, registry: Mapping[str, Enrolment]) -> tuple[EventTopic, Enrolment]:
    topic = _topic_or_none(message.topic)
    if topic is None:
        try:
            topic = parse_event_topic(message.topic)
        except BadTopicError as error:
            raise _RefusedError(RejectionReason.BAD_TOPIC, str(error)) from None
    enrolment = registry.get(topic.device_id)
    if enrolment is None:
        detail = f"device {topic.device_id!r} is not enrolled: expected a device of the registry"
        raise _RefusedError(RejectionReason.UNKNOWN_DEVICE, detail)
    if enrolment.pump_id is None and enrolment.is_unpaired:
        detail = f"handheld {topic.device_id!r} is not paired: expected a pump that it belongs to"
        raise _RefusedError(RejectionReason.UNPAIRED_DEVICE, detail)
    return topic, enrolment


_Read = Callable[[bytes], Event]

_ONE: Final[dict[EventKind | None, _Read]] = {
    None: AnyEvent.validate_json,
    **{kind: model.__pydantic_validator__.validate_json for kind, model in MODEL_BY_KIND.items()},
}


def _array_of(item: Any) -> TypeAdapter[list[Event]]:
    length = Field(min_length=1, max_length=MAX_BATCH_EVENTS)
    return TypeAdapter(Annotated[list[item], length])


_ARRAY: Final[dict[EventKind | None, TypeAdapter[list[Event]]]] = {
    None: _array_of(Annotated[Event, Field(discriminator="kind")]),
    **{kind: _array_of(model) for kind, model in MODEL_BY_KIND.items()},
}


def _read(payload: bytes, kind: EventKind | None) -> Sequence[Event | Fault]:
    """Read a list of an array's events, or a tuple of one event that stands alone."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        detail = f"payload has {len(payload)} bytes: expected at most {MAX_PAYLOAD_BYTES}"
        raise _RefusedError(RejectionReason.TOO_LARGE, detail)
    try:
        if payload[:1] == b"[":
            return _ARRAY[kind].validate_json(payload)
        return (_ONE[kind](payload),)
    except ValidationError:
        return _read_with_care(payload, kind)


def _read_with_care(payload: bytes, kind: EventKind | None) -> Sequence[Event | Fault]:
    """Read a message that has a fault somewhere: what is in order is kept, each fault is named."""
    if not payload.strip():
        detail = "payload is empty: expected a JSON object, or an array of them"
        raise _RefusedError(RejectionReason.EMPTY, detail)
    try:
        parsed = parse(payload)
    except NotJsonError as not_json:
        raise _RefusedError(RejectionReason.NOT_JSON, str(not_json)) from None
    if isinstance(parsed, list):
        return _read_array_with_care(parsed, kind)
    event = _read_item_with_care(parsed, kind)
    if isinstance(event, Fault):
        raise _RefusedError(event.reason, event.detail, event.event_id)
    return (event,)


def _read_array_with_care(items: list[Any], kind: EventKind | None) -> Sequence[Event | Fault]:
    if not items:
        detail = "the array is empty: expected at least one event"
        raise _RefusedError(RejectionReason.EMPTY, detail)
    if len(items) > MAX_BATCH_EVENTS:
        detail = f"the array has {len(items)} events: expected at most {MAX_BATCH_EVENTS}"
        raise _RefusedError(RejectionReason.BATCH_TOO_LONG, detail)
    return [_read_item_with_care(item, kind) for item in items]


def _read_item_with_care(item: Any, kind: EventKind | None) -> Event | Fault:
    place = place_of_lone_surrogate(item)
    if place is not None:
        return surrogate_fault(item, place)
    moved = with_leap_second_moved(item)
    try:
        return _ONE[kind](_bytes_of(item if moved is None else moved))
    except ValidationError as error:
        return replace(explain(error, item, kind), item=_bytes_of(item))


def _bytes_of(item: Any) -> bytes:
    return to_json(item, inf_nan_mode="constants")


def _clock_fault(event: Event, now: datetime, clock: ClockLimits) -> Fault:
    ahead = event.observed_at > now
    reason = RejectionReason.CLOCK_AHEAD if ahead else RejectionReason.CLOCK_BEHIND
    limit = clock.ahead if ahead else clock.behind
    detail = (
        f"observed_at {event.observed_at.isoformat()} is more than {limit} {'ahead of' if ahead else 'behind'} "
        f"the server's {now.isoformat(timespec='seconds')}: expected the device's clock to be right"
    )
    return Fault(reason, detail, event.event_id, event.model_dump_json(by_alias=True).encode())


def _not_paired_fault(event: Event, device_id: str, now: datetime) -> Fault:
    moment = min(event.observed_at, now).isoformat()
    detail = f"handheld {device_id!r} was paired with no pump at {moment}: expected a pairing that held then"
    item = event.model_dump_json(by_alias=True).encode()
    return Fault(RejectionReason.NOT_PAIRED_THEN, detail, event.event_id, item)
