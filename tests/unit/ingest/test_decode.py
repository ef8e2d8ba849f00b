"""decode: every event of a message is one row or one rejection, and nothing it is given makes it raise."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, EventKind, RejectionReason
from services.ingest.messages.decode import WHOLE_MESSAGE, decode, device_ids
from services.ingest.messages.rows import ROW_BY_KIND
from services.ingest.messages.whose import Enrolment
from tests.unit.ingest.builders import CLOCK, NOW, Sent, decoded, reading, sent

STEPS = [{"from": "00:00", "rate_ml_per_day": 0.4}, {"from": "22:00", "rate_ml_per_day": 0.3}]
THERAPY = {"drugs": [{"name": "morphine", "concentration_mcg_per_ml": 20000}], "reservoir_size_ml": 20}
EVENTS: dict[str, dict[str, object]] = {
    "reservoir": {"volume_ml": 12.4, "basis": "measured"},
    "bolus": {"outcome": "denied_lockout", "dose_mcg": 50},
    "alarm": {"code": "motor_stall", "state": "raised", "detail": "after MRI"},
    "therapy": {
        **THERAPY,
        "profile": STEPS,
        "bolus": {"dose_mcg": 50, "lockout_minutes": 240, "limit_per_24h": 4},
        "low_reservoir_ml": 2,
        "refill_due": "2027-01-10",
    },
    "refill": {"expected_ml": 3.1, "measured_ml": 3.4, "filled_ml": 20},
    "status": {"battery_percent": 81, "firmware": "2.4", "end_of_service": "2031-02-01"},
    "report": {"complaint": "pain", "score": 7},
}


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_of_each_kind_is_a_row_about_the_pump_of_its_device(kind):
    event = {"event_id": str(uuid4()), "observed_at": "2026-11-22T08:00:00+01:00", "seq": 5, **EVENTS[kind]}
    alone = decoded(sent(event, device="hand-1", level=kind))
    in_batch = decoded(sent([{"kind": kind, **event}], device="hand-1", level="batch"))
    assert not alone.rejections
    assert alone.rows == in_batch.rows
    [row] = alone.rows[kind]
    assert row[0] == "pump-1"
    assert row[2] == UUID(str(event["event_id"]))
    assert row[3:5] == ("hand-1", 5)
    assert row[-1] == 0


@given(st.text(st.characters(categories=["Cc", "Cf", "L"], exclude_characters="\0"), max_size=200))
def test_whatever_stands_in_the_detail_of_an_alarm_the_alarm_is_stored(detail):
    """Also what no name may hold: a character that cannot be seen is no reason to lose an alarm."""
    event = {"event_id": str(uuid4()), "observed_at": "2026-11-22T08:00:00Z", **EVENTS["alarm"], "detail": detail}
    found = decoded(sent(event, level="alarm"))
    assert not found.rejections
    assert detail in found.rows[EventKind.ALARM][0]


@pytest.mark.parametrize(
    ("kind", "volumes"),
    [("reservoir", ["volume_ml"]), ("refill", ["expected_ml", "measured_ml", "filled_ml"])],
)
def test_a_volume_of_minus_nothing_is_nothing(kind, volumes):
    event = {
        "event_id": str(uuid4()),
        "observed_at": "2026-11-22T08:00:00Z",
        **EVENTS[kind],
        **dict.fromkeys(volumes, -0.0),
    }
    [row] = decoded(sent(event, level=kind)).rows[EventKind(kind)]
    found = row[5 : 5 + len(volumes)]
    assert [str(each) for each in found] == ["0.0"] * len(volumes)


def test_what_a_therapy_leaves_out_is_null():
    event = {"event_id": str(uuid4()), "observed_at": "2026-11-22T08:00:00Z", **EVENTS["therapy"]}
    del event["bolus"]
    [row] = decoded(sent(event, level="therapy")).rows[EventKind.THERAPY]
    assert row[7:10] == (None, None, None)


CASES = [
    (Sent("pumpwatch/v1/pump-1/events", b"{}"), "bad_topic", "expected pumpwatch/v1/"),
    (Sent("pumpwatch/v1/pump-1/events/reservoir/x", b"{}"), "bad_topic", "expected pumpwatch/v1/"),
    (Sent("pumpwatch/v1/p mp/events/reservoir", b"{}"), "bad_topic", "is not allowed"),
    (Sent("pumpwatch/v1/pump-1/events/heartbeat", b"{}"), "bad_topic", "is unknown: expected one of"),
    (sent(reading(), device="pump-9"), "unknown_device", "'pump-9' is not enrolled"),
    (sent(reading(), device="hand-2"), "unpaired_device", "'hand-2' is not paired"),
    (sent(reading(), device="hand-3"), "not_paired_then", "was paired with no pump at 2026-11-22T08:00:00+01:00"),
    (sent(b" " * (MAX_PAYLOAD_BYTES + 1)), "too_large", f"expected at most {MAX_PAYLOAD_BYTES}"),
    (sent(b""), "empty", "expected a JSON object"),
    (sent(b" \n"), "empty", "expected a JSON object"),
    (sent(b"[]"), "empty", "expected at least one event"),
    (sent([reading()] * (MAX_BATCH_EVENTS + 1)), "batch_too_long", "expected at most 500"),
    (sent(b"{"), "not_json", "not JSON"),
    (sent(b"\xff\xfe{}"), "not_json", "not JSON"),
    (sent(b"[" * 5000), "not_json", "expected at most 200 levels"),
    (sent(b"5"), "not_an_event", "expected a JSON object"),
    (sent(b'"text"'), "not_an_event", "expected a JSON object"),
    (sent(reading(), level="batch"), "kind_missing", "expected one of reservoir"),
    (sent(reading(kind="heartbeat"), level="batch"), "unknown_kind", "expected one of reservoir"),
    (sent(reading(kind="bolus")), "kind_mismatch", 'kind: expected reservoir, as the topic says; got "bolus"'),
    (sent(reading(volume_ml=...)), "missing_field", "volume_ml: is missing"),
    (sent(reading(event_id=...)), "missing_field", "event_id: is missing"),
    (sent(reading(event_id="x")), "invalid_field", "event_id: "),
    (sent(reading(event_id=7)), "invalid_field", "event_id: "),
    (sent(reading(volume_ml=-1)), "invalid_field", "volume_ml: expected at least 0; got -1"),
    (sent(reading(volume_ml=float("nan"))), "invalid_field", "finite number"),
    (sent(reading(volume_ml="12")), "invalid_field", 'volume_ml: expected a number; got "12"'),
    (sent(reading(volume_ml=10**400)), "invalid_field", "volume_ml"),
    (sent(reading(observed_at="2026-11-22T08:00:00")), "invalid_field", "expected a date and time with offset"),
    (sent(reading(observed_at=1732262400)), "invalid_field", "observed_at"),
    (sent(reading(observed_at="2026-11-22T08:00:00+99:00")), "invalid_field", "observed_at"),
    (
        sent(reading(observed_at="1795591743")),
        "invalid_field",
        'as RFC 3339 writes it, such as 2026-11-22T08:00:00+01:00; got "1795591743"',
    ),
    (sent(reading(observed_at="20261125")), "invalid_field", "expected a date and time with offset"),
    (sent(reading(observed_at="1795591743.5")), "invalid_field", "expected a date and time with offset"),
    (
        sent(reading(volume_ml=..., end_of_service="1795564800"), level="status"),
        "invalid_field",
        "expected a date",
    ),
    (sent(b'"\\ud800"'), "not_an_event", "expected text in Unicode"),
    (sent(reading(volume_ml="\ud800")), "invalid_field", "volume_ml: expected text in Unicode"),
    (
        sent(reading(basis="guessed")),
        "unknown_value",
        "one of 'computed' or 'measured'; got \"guessed\"",
    ),
    (sent(reading(observed_at="2099-01-01T00:00:00Z")), "clock_ahead", "ahead of the server's"),
    (sent(reading(observed_at="1970-01-01T00:00:00Z")), "clock_behind", "behind the server's"),
    (sent(reading(**THERAPY, profile=STEPS[::-1]), level="therapy"), "invalid_field", "ascending times of day"),
    (sent(reading(**THERAPY, profile=STEPS, refill_due="9999-12-31"), level="therapy"), "invalid_field", "2100-12-31"),
    (
        sent(reading(**THERAPY, profile=STEPS, low_reservoir_ml=20), level="therapy"),
        "invalid_field",
        "which is 20; got 20",
    ),
    (
        sent(reading(**THERAPY, profile=[{"from": "00:00", "rate_ml_per_day": 1e-6}]), level="therapy"),
        "invalid_field",
        "profile.0.rate_ml_per_day: expected 0, or at least 0.001; got 1e-06",
    ),
    (sent(reading(a=1, volume_ml="x", basis=1, seq="y", event_id="z", observed_at=None)), "invalid_field", "2 more"),
]


@pytest.mark.parametrize(("message", "reason", "words"), CASES, ids=[f"{n}-{c[1]}" for n, c in enumerate(CASES)])
def test_a_bad_message_is_one_rejection_that_says_what_was_wrong(message, reason, words):
    result = decoded(message)
    assert result.events == 0
    [rejection] = result.rejections
    assert rejection.reason == reason
    assert words in rejection.detail
    assert rejection.payload == message.payload
    assert rejection.event_index == WHOLE_MESSAGE
    assert rejection.for_receipt().index is None


def test_every_reason_that_decode_can_give_is_in_the_table_above():
    assert {case[1] for case in CASES} == set(RejectionReason) - {
        RejectionReason.CONFLICTING_DUPLICATE,  # these two, only the database can tell
        RejectionReason.REFUSED_BY_DATABASE,
        RejectionReason.INTERNAL_ERROR,  # below: no message is known that gives it
    }


def test_a_message_that_pumpwatch_fails_on_is_kept_and_the_others_are_stored(monkeypatch):
    """A bug that one message brings to light must not keep every later one from being stored."""
    as_ever = ROW_BY_KIND[EventKind.RESERVOIR]

    def fails(event, *rest):
        if event.volume_ml == 13:
            raise ZeroDivisionError
        return as_ever(event, *rest)

    monkeypatch.setitem(ROW_BY_KIND, EventKind.RESERVOIR, fails)
    bad = sent([reading(volume_ml=1), reading(volume_ml=13)])
    result = decoded(sent(reading(volume_ml=2)), bad, sent(reading(volume_ml=-1)), sent(reading(volume_ml=3)))
    assert [(row[5], row[-1]) for row in result.rows[EventKind.RESERVOIR]] == [(2, 0), (3, 3)]
    assert [(each.message, each.reason) for each in result.rejections] == [
        (1, RejectionReason.INTERNAL_ERROR),
        (2, RejectionReason.INVALID_FIELD),
    ]
    assert result.rejections[0].payload == bad.payload
    assert "ZeroDivisionError" in result.rejections[0].detail
    assert result.messages == 4
    assert set(result.last_observed) == {"pump-1"}


def test_a_bad_event_in_an_array_costs_only_itself():
    good, bad, late = reading(), reading(volume_ml=400), reading(observed_at="2099-01-01T00:00:00Z")
    result = decoded(sent([good, bad, 5, late]))
    assert [row[2] for row in result.rows[EventKind.RESERVOIR]] == [UUID(str(good["event_id"]))]
    faults = [(r.event_index, r.reason, r.event_id) for r in result.rejections]
    assert faults == [
        (1, "invalid_field", UUID(str(bad["event_id"]))),
        (2, "not_an_event", None),
        (3, "clock_ahead", UUID(str(late["event_id"]))),
    ]
    assert json.loads(result.rejections[0].payload) == bad
    assert result.rejections[0].for_receipt().index == 1


def test_the_bytes_of_an_array_item_can_be_sent_again():
    item = {"kind": "bolus", **reading(volume_ml=..., outcome="eaten", dose_mcg=float("nan"))}
    [rejection] = decoded(sent([item], level="batch")).rejections
    [again] = decoded(sent(rejection.payload, level="batch")).rejections
    assert (again.reason, again.detail) == (rejection.reason, rejection.detail)


def test_rows_remember_their_message_and_the_newest_time_of_each_device():
    first, second = reading(), reading(observed_at="2026-11-22T09:00:00+01:00")
    result = decoded(sent(second), sent(b"x"), sent(first), sent(EVENTS["report"], device="hand-1", level="report"))
    assert [row[-1] for row in result.rows[EventKind.RESERVOIR]] == [0, 2]
    assert [r.message for r in result.rejections] == [1, 3]
    assert result.last_observed == {"pump-1": datetime(2026, 11, 22, 8, 0, tzinfo=UTC).timestamp()}
    assert result.pumps_to_evaluate() == ([], ["pump-1"])


def test_a_pump_that_calls_out_is_evaluated_before_those_that_report_as_usual():
    registry = {f"pump-{n}": Enrolment("clinic", f"pump-{n}") for n in (1, 2, 3)}
    messages = [
        sent(reading()),
        sent(reading(volume_ml=..., **EVENTS["alarm"]), level="alarm"),
        sent(reading(), device="pump-3"),
        sent(reading(volume_ml=..., **EVENTS["report"]), device="pump-2", level="report"),
    ]
    result = decode(messages, registry, now=NOW, clock=CLOCK)
    assert result.pumps_to_evaluate() == (["pump-1", "pump-2"], ["pump-3"])


def test_the_devices_to_look_up_are_those_of_good_topics():
    messages = [sent(b"", device="a"), sent(b"", device="b"), sent(b"", device="a"), Sent("x/y", b"")]
    assert device_ids(messages) == {"a", "b"}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
shallow = scalars | st.lists(scalars, max_size=4) | st.dictionaries(st.text(), scalars, max_size=4)
json_values = shallow | st.lists(shallow, max_size=4) | st.dictionaries(st.text(), shallow, max_size=4)
odd_fields = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from([*EventKind, "x"]) | json_values,
        "event_id": st.uuids().map(str) | json_values,
        "observed_at": st.datetimes().map(lambda t: t.isoformat() + "Z") | json_values,
        "seq": st.integers() | json_values,
        "volume_ml": st.floats() | json_values,
        "outcome": st.sampled_from(["delivered", "eaten"]) | json_values,
        "profile": json_values,
        "drugs": json_values,
    },
)
odd_payloads = (
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.lists(odd_fields, max_size=5).map(lambda value: json.dumps(value).encode())
    | odd_fields.map(lambda value: json.dumps(value).encode())
)
odd_topics = st.text(max_size=60) | st.tuples(
    st.sampled_from(["pump-1", "hand-1", "hand-2", "nobody", ""]), st.sampled_from([*EventKind, "batch", "x", ""])
).map(lambda parts: f"pumpwatch/v1/{parts[0]}/events/{parts[1]}")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(odd_topics, odd_payloads), max_size=5))
def test_nothing_makes_it_raise_and_nothing_vanishes(messages):
    result = decoded(*(Sent(topic, payload) for topic, payload in messages))
    for number in range(len(messages)):
        rows = [row for rows in result.rows.values() for row in rows if row[-1] == number]
        rejections = [r for r in result.rejections if r.message == number]
        assert rows or rejections
        whole = [r for r in rejections if r.event_index == WHOLE_MESSAGE]
        assert not whole or (len(whole) == 1 and not rows and len(rejections) == 1)
        places = [r.event_index for r in rejections]
        assert len(places) == len(set(places))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["good", "bad"]), min_size=1, max_size=20))
def test_rows_keep_the_order_of_the_array(shape):
    events = [reading(seq=n, volume_ml=1 if kind == "good" else 101) for n, kind in enumerate(shape)]
    result = decoded(sent(events))
    assert [row[4] for row in result.rows.get(EventKind.RESERVOIR, [])] == [
        n for n, kind in enumerate(shape) if kind == "good"
    ]
    assert [r.event_index for r in result.rejections] == [n for n, kind in enumerate(shape) if kind == "bad"]


def test_an_alarm_that_is_refused_for_its_date_is_understood_all_the_same():
    alarm = {"event_id": str(uuid4()), "seq": 4, "observed_at": "1970-01-01T00:00:00Z", **EVENTS["alarm"]}
    late = alarm | {"event_id": str(uuid4()), "observed_at": "2026-11-23T13:00:00Z"}
    result = decoded(sent(alarm, level="alarm", device="hand-1"), sent(late, level="alarm"))
    assert [each.reason for each in result.rejections] == ["clock_behind", "clock_ahead"]
    assert result.refused_alarms == [
        ("pump-1", UUID(str(alarm["event_id"])), "hand-1", "motor_stall", "raised", 4, NOW.timestamp()),
        ("pump-1", UUID(str(late["event_id"])), "pump-1", "motor_stall", "raised", 4, -25 * 3600.0),
    ]
    assert result.refused_clocks == {"hand-1": NOW.timestamp(), "pump-1": -25 * 3600.0}
    assert result.pumps_to_evaluate() == (["pump-1"], [])


def test_another_event_that_is_refused_for_its_date_tells_of_the_clock_alone():
    result = decoded(*(sent(reading(observed_at=at)) for at in ("2026-11-23T13:00:00Z", "2026-11-23T14:00:00Z")))
    assert (result.refused_alarms, result.refused_clocks) == ([], {"pump-1": -26 * 3600.0})
    assert result.pumps_to_evaluate() == ([], [])
    both = decoded()
    both.add(result)
    both.add(decoded(sent(reading(observed_at="2026-11-23T15:00:00Z"))))
    assert both.refused_clocks == {"pump-1": -27 * 3600.0}
