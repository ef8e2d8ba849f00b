"""What is odd and not wrong: text that is no Unicode costs its own event, and a leap second is a moment."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from schemas.events import EventKind
from services.ingest.messages.careful import NotJsonError, parse, place_of_lone_surrogate, with_leap_second_moved
from services.ingest.messages.decode import WHOLE_MESSAGE
from tests.unit.ingest.builders import decoded, reading, sent

LONE = "a\ud800"


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ({"a": LONE}, "a"),
        ({"a": {"b": ["x", 1, None, LONE]}}, "a.b.3"),
        ({LONE: 1}, "a\\ud800"),
        ([["x"], {"y": "\udfff"}], "1.y"),
        (LONE, ""),
        ({"a": "\U0001f600", "b": [1.5, None, True]}, None),
        (7, None),
    ],
)
def test_a_lone_surrogate_is_found_by_its_place(item, place):
    assert place_of_lone_surrogate(item) == place


@pytest.mark.parametrize("value", [{"a": LONE}, ["\udc00", 1], {"a": "\U0001f600 \ud83d"}, {"a": "\\ud800"}, {}])
def test_json_is_read_with_lone_surrogates_and_without(value):
    assert parse(json.dumps(value).encode()) == value


@pytest.mark.parametrize("payload", [b"{", b"\xff", b'{"a": "\\ud800"', b'"\\ud80"', b'["\\ud800", \xff]', b'{"a" 1}'])
def test_what_is_not_json_is_said_with_its_place(payload):
    with pytest.raises(NotJsonError, match=r"expected JSON in UTF-8; got something else at line 1 column \d+$"):
        parse(payload)


@pytest.mark.parametrize("payload", [b"[" * 1000, b'["\\ud800",' + b"[" * 1000 + b"]" * 1001])
def test_what_is_nested_too_deeply_is_not_read(payload):
    with pytest.raises(NotJsonError, match="expected at most 200 levels of nesting; got more"):
        parse(payload)


@pytest.mark.parametrize("field", ["detail", "unknown", "event_id", "code"])
def test_text_that_is_no_unicode_costs_its_own_event_and_not_the_message(field):
    alarm = reading(volume_ml=..., code="motor_stall", state="raised")
    bad = {**alarm, field: LONE}
    result = decoded(sent([alarm, bad, {**alarm, "detail": "good"}], level="alarm"))
    assert [row[7] for row in result.rows[EventKind.ALARM]] == [None, "good"]
    [rejection] = result.rejections
    assert (rejection.event_index, rejection.reason) == (1, "invalid_field")
    assert (
        rejection.detail
        == f"{field}: expected text in Unicode; got a surrogate (\\ud800 to \\udfff) without its other half"
    )
    assert json.loads(rejection.payload) == bad
    [again] = decoded(sent(b"[" + rejection.payload + b"]", level="alarm")).rejections
    assert again.detail == rejection.detail


def test_in_an_array_what_is_no_event_has_its_place_too():
    result = decoded(sent([LONE, [LONE]]))
    assert [(r.event_index, r.reason) for r in result.rejections] == [(0, "not_an_event"), (1, "not_an_event")]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31T23:59:60Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31t23:59:60z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T23:59:60.25Z", datetime(2027, 1, 1, microsecond=250_000, tzinfo=UTC)),
        ("2027-01-01T00:59:60+01:00", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01 05:29:60+05:30", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T23:59:60+01:00", datetime(2026, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_leap_second_is_the_second_after_it(text, moment):
    moved = with_leap_second_moved({"observed_at": text, "a": 1})
    assert moved is not None
    assert datetime.fromisoformat(moved["observed_at"]) == moment
    assert moved["a"] == 1


@pytest.mark.parametrize(
    "item",
    [
        {"observed_at": "2026-12-31T22:15:60Z"},
        {"observed_at": "2026-12-31T23:59:61Z"},
        {"observed_at": "2026-12-31T23:59:60"},
        {"observed_at": "2026-13-31T23:59:60Z"},
        {"observed_at": "9999-12-31T23:59:60Z"},
        {"observed_at": "2026-12-31T23:59:60Z or so"},
        {"observed_at": "2026-12-31T23:59:59Z"},
        {"observed_at": 60},
        {},
        7,
    ],
)
def test_nothing_else_is_a_leap_second(item):
    assert with_leap_second_moved(item) is None


def test_an_event_of_a_leap_second_is_stored_alone_and_in_an_array():
    event = reading(observed_at="2026-11-21T23:59:60Z")
    for payload in (event, [event, reading(volume_ml=-1)]):
        result = decoded(sent(payload))
        [row] = result.rows[EventKind.RESERVOIR]
        assert row[1] == datetime(2026, 11, 22, tzinfo=UTC).timestamp()
    [rejection] = decoded(sent(reading(observed_at="2026-11-21T23:58:60Z"))).rejections
    assert rejection.event_index == WHOLE_MESSAGE
    assert 'got "2026-11-21T23:58:60Z"' in rejection.detail
