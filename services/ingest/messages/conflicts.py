"""PURE. An event whose `event_id` and `observed_at` are stored with other content, as the rejection of its message.

Guarantee: of an array each such event is named by its place; its bytes are kept, so that a person can say which is
right.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.events import Event, EventKind, RejectionReason
from services.ingest.messages.decode import WHOLE_MESSAGE, Incoming, Rejection, events_of
from services.ingest.messages.faults import Fault
from services.ingest.messages.rows import DEVICE_ID, EVENT_ID, MESSAGE_NUMBER, PUMP_ID, ROW_BY_KIND, Row


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that is stored with other content."""

    kind: EventKind
    row: Row
    differs: str
    """The columns in which the two differ."""


def rejections_of(conflicts: Iterable[Conflict], messages: Sequence[Incoming]) -> list[Rejection]:
    """Turn each conflict into the rejection of its event."""
    places: dict[tuple[int, str], dict[Row, deque[tuple[int, bytes | None]]]] = {}
    found = []
    for conflict in conflicts:
        number = conflict.row[MESSAGE_NUMBER]
        of = (number, conflict.row[PUMP_ID])  # a handheld's log may be about several pumps
        if of not in places:
            places[of] = _places(messages[number], conflict.row)
        index, item = places[of][conflict.row].popleft()
        event_id = conflict.row[EVENT_ID]
        detail = (
            f"{conflict.kind} {event_id} is stored with the same observed_at and another {conflict.differs}: "
            "expected the same content on a re-send, and an event_id of its own for another event"
        )
        fault = Fault(RejectionReason.CONFLICTING_DUPLICATE, detail, event_id, item)
        found.append(Rejection.of(number, messages[number], index, fault))
    return found


def _places(message: Incoming, row: Row) -> dict[Row, deque[tuple[int, bytes | None]]]:
    """For each row of a message, all as if of one pump, where its event stands, and its bytes if in an array."""
    events = events_of(message)
    places: defaultdict[Row, deque[tuple[int, bytes | None]]] = defaultdict(deque)
    for index, event in enumerate(events):
        if isinstance(event, Fault):
            continue
        own = _row_of(event, row)
        if isinstance(events, list):
            places[own].append((index, event.model_dump_json(by_alias=True).encode()))
        else:
            places[own].append((WHOLE_MESSAGE, None))
    return places


def _row_of(event: Event, of_same_message: Row) -> Row:
    pump_id, device_id = of_same_message[PUMP_ID], of_same_message[DEVICE_ID]
    build = ROW_BY_KIND[event.kind]
    return build(event, event.observed_at.timestamp(), pump_id, device_id, of_same_message[MESSAGE_NUMBER])
