"""An event that is stored with other content is named by its place and keeps its bytes, however its message looks."""

from __future__ import annotations

import json

import pytest

from schemas.events import EventKind, RejectionReason
from services.ingest.messages.conflicts import Conflict, rejections_of
from services.ingest.messages.decode import WHOLE_MESSAGE
from tests.unit.ingest.builders import Sent, decoded, reading, sent


def rejected(messages: list[Sent], *places: int, kind: EventKind = EventKind.RESERVOIR):
    """What becomes of the rows at these places of the batch, as if the database had found them to differ."""
    rows = decoded(*messages).rows[kind]
    return rejections_of([Conflict(kind, rows[place], "volume_ml, basis") for place in places], messages)


def test_an_event_that_stands_alone_is_its_whole_message():
    event = reading()
    [rejection] = rejected([sent(reading()), sent(event)], 1)
    assert (rejection.reason, rejection.event_index) == (RejectionReason.CONFLICTING_DUPLICATE, WHOLE_MESSAGE)
    assert json.loads(rejection.payload) == event
    assert str(rejection.event_id) == event["event_id"]
    assert rejection.detail == (
        f"reservoir {event['event_id']} is stored with the same observed_at and another volume_ml, basis: "
        "expected the same content on a re-send, and an event_id of its own for another event"
    )


@pytest.mark.parametrize("bad", [reading(volume_ml=-1), 5], ids=["an invalid event", "no event"])
def test_in_an_array_each_is_named_by_its_place_whatever_stands_beside_it(bad):
    events = [reading(), bad, reading(volume_ml=3), reading(volume_ml=4)]
    found = rejected([sent(events)], 1, 2)
    assert [each.event_index for each in found] == [2, 3]
    assert [json.loads(each.payload)["volume_ml"] for each in found] == [3, 4]
    assert [each.for_receipt().index for each in found] == [2, 3]


def test_the_same_event_twice_in_an_array_is_two_rejections():
    event = reading()
    found = rejected([sent([event, event])], 0, 1)
    assert [each.event_index for each in found] == [0, 1]


def test_its_bytes_can_be_sent_again():
    [rejection] = rejected([sent([{"kind": "reservoir", **reading()}], level="batch")], 0)
    again = decoded(sent(b"[" + rejection.payload + b"]", level="batch"))
    assert again.events == 1
    assert again.rejections == []
