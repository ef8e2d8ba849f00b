"""Whatever a device sends is judged, told and reported; the bytes of a stream come out as they went in."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt5 import ConnectPacket, PingReqPacket

from services.conformance import report
from services.conformance.finding import Verdict
from services.conformance.judge import judge
from services.conformance.observations import By, Probe, Will
from services.conformance.packets import NotMqttError, Packets, protocol_of
from services.conformance.requirements import REQUIREMENTS
from tests.unit.conformance import written
from tests.unit.conformance.written import DEVICE, PACE, TOPIC, Written, conforming, findings, numbers

TOPICS = st.sampled_from([f"{TOPIC}/events/status", f"{TOPIC}/events/batch", f"{TOPIC}/receipts", "x", ""])
PAYLOADS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([written.STORED, b"[]", b"{}", b"null", b'[{"kind": "status"}]']),
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)).map(
        lambda value: json.dumps(value).encode()
    ),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("connect"), st.none() | st.builds(Will, TOPICS, PAYLOADS, st.booleans())),
        st.tuples(st.just("publish"), st.integers(1, 5)),
        st.tuples(st.just("raw"), TOPICS, PAYLOADS),
        st.tuples(st.just("receipt"), st.integers(1, 5), PAYLOADS),
        st.tuples(st.just("reject"), st.integers(1, 5)),
        st.tuples(st.just("end"), st.sampled_from(By)),
        st.tuples(st.just("probe"), st.sampled_from(Probe), st.integers(1, 5), st.booleans()),
        st.tuples(st.just("turn_away"), st.lists(st.floats(0.1, 60), max_size=5)),
        st.tuples(st.just("later"), st.floats(0, 1_000)),
    ),
    max_size=30,
)


def follow(steps) -> Written:
    """A run of a device that does anything at all."""
    run = Written()
    run.connect()
    for what, *said in steps:
        match what:
            case "connect":
                run.connect(will=said[0])
            case "publish":
                run.publish(said[0])
            case "raw":
                run.publish(7, payload=said[1], topic=said[0])
            case "receipt":
                run.receipt(*said)
            case "reject":
                run.reject(said[0])
            case "end":
                run.end(said[0])
            case "probe":
                probe, number, is_over = said
                run.begin(probe)
                run.publish(number)
                run.catch(probe, number)
                if is_over:
                    run.finish(probe)
            case "turn_away":
                run.turn_away(*said[0])
            case "later":
                run.later(said[0])
    return run


@given(steps=STEPS)
def test_whatever_happened_there_is_one_finding_for_each_requirement_and_a_report(steps):
    found = judge(DEVICE, PACE, follow(steps).observations)
    assert [each.requirement for each in found] == list(REQUIREMENTS)
    assert all("\n" not in line for line in report.lines(DEVICE, found))
    assert len(ET.fromstring(report.as_junit(DEVICE, found))) == len(REQUIREMENTS)  # noqa: S314
    json.dumps(report.as_json(DEVICE, found))


@given(steps=STEPS)
def test_the_same_run_is_judged_the_same(steps):
    observations = follow(steps).observations
    assert judge(DEVICE, PACE, observations) == judge(DEVICE, PACE, list(observations))


@given(text=st.text(st.characters(codec="ascii", categories=["Lu"]), min_size=8, max_size=20))
def test_what_a_patient_said_stands_in_no_evidence(text):
    run = conforming()
    run.publish(25, "alarm", payload=json.dumps({"code": text, "detail": text, "state": "raised"}).encode())
    run.publish(26, "report", payload=json.dumps({"event_id": text, "complaint": text, "score": text}).encode())
    assert not [each for each in findings(run).values() if text in each.evidence]


def test_a_receipt_by_an_older_name_is_no_reason_to_be_silent_but_a_newer_one_is():
    """An event that was published again under another name may come again until that one is answered."""
    run = Written()
    run.connect()
    run.publish(9, correlation=b"9")
    run.later(10)
    run.publish(9, correlation=b"10")
    run.receipt(9)
    run.later(20)
    run.publish(9, correlation=b"11")
    assert findings(run)["D-45"].verdict is Verdict.NOT_SEEN
    run.receipt(11)
    run.later(20)
    run.publish(9, correlation=b"12")
    assert findings(run)["D-45"].verdict is Verdict.FAILED


def test_a_probe_on_what_the_device_did_not_send_says_nothing_of_it():
    run = Written()
    run.connect()
    run.begin(Probe.LOST)
    run.catch(Probe.LOST, 10)
    run.finish(Probe.LOST)
    assert findings(run)["D-42"].verdict is Verdict.NOT_SEEN


def test_a_receipt_that_may_have_been_lost_with_its_connection_counts_for_nothing():
    run = Written()
    run.connect()
    run.publish(9)
    run.receipt(9)
    run.end()
    run.later(20)
    run.connect()
    run.publish(9)
    assert findings(run)["D-45"].verdict is Verdict.NOT_SEEN


def test_a_message_that_crossed_its_receipt_is_not_held_against_the_device():
    run = Written()
    run.connect()
    run.publish(9)
    run.receipt(9)
    run.publish(9)
    assert findings(run)["D-45"].verdict is Verdict.PASSED


def test_a_session_that_the_broker_kept_needs_no_new_subscription():
    run = Written()
    run.connect(filters=(), session_present=True)
    run.publish(9)
    assert findings(run)["D-08"].verdict is Verdict.PASSED


def test_a_connection_that_the_broker_refused_is_none():
    run = Written()
    run.connect(refusal="RETAIN_NOT_SUPPORTED", filters=())
    assert findings(run)["D-08"].verdict is Verdict.NOT_SEEN


@pytest.mark.parametrize("pattern", [f"{TOPIC}/#", "pumpwatch/v1/+/receipts", "#"])
def test_a_wider_subscription_hears_receipts_too(pattern):
    run = Written()
    run.connect(filters=(pattern,))
    run.publish(9)
    assert findings(run)["D-08"].verdict is Verdict.PASSED
    assert findings(run)["D-09"].verdict is Verdict.FAILED


def test_a_report_says_what_failed_and_what_is_left_to_the_maker():
    run = conforming()
    run.publish(25, qos=0)
    found = judge(DEVICE, PACE, run.observations)
    said = list(report.lines(DEVICE, found))
    assert any(line.startswith("D-20  FAILED") and line.endswith("publish with QoS 1") for line in said)
    assert said[-1].endswith("pump-1 does not conform: D-20")
    assert report.as_json(DEVICE, found)["conforms"] is False
    suite = ET.fromstring(report.as_junit(DEVICE, found))  # noqa: S314
    assert (suite.get("failures"), len(suite.findall("testcase/failure"))) == ("1", 1)
    good = judge(DEVICE, PACE, conforming().observations)
    assert report.summary(DEVICE, good).endswith("pump-1 conforms, as far as was seen")


@given(data=st.data(), payload=st.binary(max_size=300))
def test_packets_come_out_whole_however_the_bytes_came(data, payload):
    packets = [ConnectPacket("pump-1", username="pump-1", password=payload).write(), PingReqPacket().write()] * 2
    stream, taken, reader = b"".join(packets), [], Packets()
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        taken += reader.add(stream[:size])
        stream = stream[size:]
    assert taken == packets


def test_a_length_without_an_end_is_no_packet():
    with pytest.raises(NotMqttError):
        Packets().add(b"\x30\xff\xff\xff\xff\x01")


@pytest.mark.parametrize(
    ("packet", "protocol"),
    [
        (ConnectPacket("pump-1").write(), "MQTT 5"),
        (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", "MQTT 3.1.1"),
        (b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00", "MQTT 3.1"),
        (b"\x10\x06\x00\x04ABCD", "protocol b'ABCD' of level 0"),
        (PingReqPacket().write(), None),
    ],
)
def test_a_connect_says_what_it_speaks(packet, protocol):
    assert protocol_of(packet) == protocol


def test_what_came_before_it_was_sent_back_is_still_the_first_of_its_kind():
    """A run that ends in the middle of a probe is judged as far as it went."""
    run = Written()
    run.connect()
    run.begin(Probe.LOST)
    run.publish(10)
    run.catch(Probe.LOST, 10)
    assert "D-42" in numbers(run, Verdict.FAILED)
