"""Topics: what is built can be parsed, and a receipt stays in the subtree of the device that asked for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventKind
from schemas.topics import (
    DEVICE_ID_PATTERN,
    EventTopic,
    event_topic,
    is_device_id,
    is_receipt_topic_of,
    parse_event_topic,
    receipt_topic,
)

device_ids = st.from_regex(DEVICE_ID_PATTERN, fullmatch=True)


@given(device_ids, st.sampled_from([*EventKind, None]))
def test_an_event_topic_is_parsed_as_it_was_built(device_id, kind):
    assert is_device_id(device_id)
    assert parse_event_topic(event_topic(device_id, kind)) == EventTopic(device_id, kind)


@given(device_ids)
def test_the_receipt_topic_of_a_device_is_its_own(device_id):
    assert is_receipt_topic_of(device_id, receipt_topic(device_id))


@pytest.mark.parametrize(
    "topic",
    [
        "pumpwatch/v1/pump-2/receipts",
        "pumpwatch/v1/pump-1/events/alarm",
        "pumpwatch/v1/pump-1/events",
        "pumpwatch/v1/pump-1/+",
        "pumpwatch/v1/pump-1/#",
        "pumpwatch/v1/pump-10/receipts",
        "receipts",
    ],
)
def test_no_receipt_goes_anywhere_else(topic):
    assert not is_receipt_topic_of("pump-1", topic)


@pytest.mark.parametrize("text", ["", "-a", "a b", "a/b", "a" * 65, "\u00e9", "a\n"])
def test_what_cannot_be_a_device_id(text):
    assert not is_device_id(text)
