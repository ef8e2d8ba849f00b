"""Topics: what is built can be parsed, and a receipt stays in the subtree of the device that asked for it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventKind
from schemas.topics import (
    DEVICE_ID_PATTERN,
    MAX_RECEIPT_TOPIC_BYTES,
    MAX_RECEIPT_TOPIC_LEVELS,
    EventTopic,
    event_topic,
    is_device_id,
    is_receipt_topic_of,
    is_reserved_id,
    is_urgent_topic,
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
        "$share/pumpwatch/v1/pump-1/receipts",
        "",
    ],
)
def test_no_receipt_goes_anywhere_else(topic):
    assert not is_receipt_topic_of("pump-1", topic)


OWN = "pumpwatch/v1/pump-1/"


@pytest.mark.parametrize(
    "rest", ["receipts", "receipts/7", "a/b/c/d/e", "r\u00e9ponse", "a b", "$x", "\U0001f600", "r" * 236]
)
def test_a_receipt_goes_wherever_in_its_own_subtree_a_device_asks_for_it(rest):
    assert is_receipt_topic_of("pump-1", OWN + rest)


@pytest.mark.parametrize(
    "rest",
    [
        "/" * 198,
        "a/b/c/d/e/f",
        "a//b",
        "a/",
        "/a",
        "",
        "r" * 237,
        "\u00e9" * 119,
        "r" * 65_000,
        *(f"a{code:c}b" for code in (0x0, 0x1, 0x1F, 0x7F, 0x80, 0x9F, 0xD800, 0xDFFF, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF)),
        *(f"a{code:c}b" for code in (0x1FFFE, 0x1FFFF, 0x10FFFE, 0x10FFFF)),
    ],
)
def test_no_receipt_goes_to_a_topic_that_a_broker_may_end_the_connection_for(rest):
    assert not is_receipt_topic_of("pump-1", OWN + rest)


ODD_CHARACTERS = st.characters() | st.sampled_from("/+#$\0\x1f\x7f\x9f\ufdd0\ufffe\U0010ffff\ud800")


@given(st.text(ODD_CHARACTERS, max_size=300))
def test_a_topic_that_a_receipt_goes_to_is_one_that_every_broker_takes(rest):
    topic = OWN + rest
    if not is_receipt_topic_of("pump-1", topic):
        return
    levels = topic.split("/")
    assert len(levels) <= MAX_RECEIPT_TOPIC_LEVELS
    assert all(levels)
    assert len(topic.encode()) <= MAX_RECEIPT_TOPIC_BYTES
    assert not set("+#\0") & set(topic)
    assert not [c for c in topic if unicodedata.category(c) in {"Cc", "Cs"} or ord(c) & 0xFFFE == 0xFFFE]
    assert not [c for c in topic if 0xFDD0 <= ord(c) <= 0xFDEF]


@pytest.mark.parametrize("text", ["", "-a", "a b", "a/b", "a" * 65, "\u00e9", "a\n"])
def test_what_cannot_be_a_device_id(text):
    assert not is_device_id(text)


@pytest.mark.parametrize("kind", [*EventKind, None])
def test_alarms_and_reports_are_urgent_and_arrays_of_several_kinds_are_not(kind):
    assert is_urgent_topic(event_topic("pump-1", kind)) == (kind in {EventKind.ALARM, EventKind.REPORT})


@pytest.mark.parametrize("topic", ["pumpwatch/v1/a/events/b/events/alarm", "v1/a/events/alarm", "alarm", ""])
def test_what_the_filters_of_alarms_do_not_match_is_not_urgent(topic):
    assert not is_urgent_topic(topic)


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("pumpwatch-ingest-1", True),
        ("pumpwatch-", True),
        ("pumpwatch", False),
        ("pump-1", False),
        ("my-pumpwatch-1", False),
    ],
)
def test_the_names_of_services_are_reserved(name, reserved):
    assert is_reserved_id(name) is reserved
