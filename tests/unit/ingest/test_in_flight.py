"""A receipt that was on the way when the connection ended is not sent a second time for the same message."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.in_flight import InFlight


@dataclass(frozen=True)
class Sent:
    topic: str = "pumpwatch/v1/pump-1/events/alarm"
    payload: bytes = b"{}"
    response_topic: str | None = "pumpwatch/v1/pump-1/receipts"
    correlation_data: bytes | None = b"1"
    duplicate: bool = False


def again(message: Sent) -> Sent:
    return Sent(message.topic, message.payload, message.response_topic, message.correlation_data, duplicate=True)


def test_a_message_that_comes_again_after_its_receipt_may_have_ended_the_connection_gets_none():
    in_flight, message = InFlight(), Sent()
    in_flight.sent([message], monotonic_seconds=100)
    assert in_flight.connection_ended(monotonic_seconds=101)
    assert in_flight.is_suspected(again(message))
    assert in_flight.is_suspected(again(message)), "nor when it comes a third time"


def test_the_same_events_in_a_new_message_get_their_receipt():
    in_flight, message = InFlight(), Sent()
    in_flight.sent([message], monotonic_seconds=100)
    in_flight.connection_ended(monotonic_seconds=101)
    assert not in_flight.is_suspected(message)


def test_no_other_message_is_suspected():
    in_flight = InFlight()
    in_flight.sent([Sent()], monotonic_seconds=100)
    in_flight.connection_ended(monotonic_seconds=101)
    for other in (
        Sent(topic="pumpwatch/v1/pump-1/events/bolus"),
        Sent(payload=b"[]"),
        Sent(response_topic="pumpwatch/v1/pump-1/r"),
        Sent(correlation_data=b"2"),
        Sent(correlation_data=None),
    ):
        assert not in_flight.is_suspected(again(other))


def test_a_receipt_that_was_sent_long_before_the_end_is_not_suspected():
    in_flight, message = InFlight(), Sent()
    in_flight.sent([message], monotonic_seconds=100)
    assert not in_flight.is_suspected(again(message)), "the connection has not ended"
    assert not in_flight.connection_ended(monotonic_seconds=103)
    assert not in_flight.is_suspected(again(message))


def test_a_connection_that_ends_clears_nobody_of_the_last_one():
    in_flight, first, second = InFlight(), Sent(), Sent(correlation_data=b"2")
    in_flight.sent([first], monotonic_seconds=100)
    in_flight.connection_ended(monotonic_seconds=100)
    in_flight.sent([second], monotonic_seconds=101)
    in_flight.connection_ended(monotonic_seconds=101)
    in_flight.connection_ended(monotonic_seconds=300)
    assert in_flight.is_suspected(again(first))
    assert in_flight.is_suspected(again(second))


def test_what_is_remembered_has_a_bound_and_the_oldest_goes_first():
    in_flight = InFlight(at_most=10)
    messages = [Sent(correlation_data=b"%d" % number) for number in range(25)]
    for part in (messages[:15], messages[15:]):
        in_flight.sent(part, monotonic_seconds=100)
        in_flight.connection_ended(monotonic_seconds=100)
        assert len(in_flight) == 10
    assert [in_flight.is_suspected(again(message)) for message in messages] == [False] * 15 + [True] * 10
