"""Receipts on a real broker: what one device asks for never costs another its own."""

from __future__ import annotations

import uuid

import pytest

from tests.ingest_world import enrol, ingest_settings, not_sent, opened, reading, unique
from tests.stack import eventually

ROUNDS = 15
TOO_DEEP = "/" * 198


def faulty_alarm():
    """Small, and with enough faults that its rejection is five times as large."""
    return {"event_id": str(uuid.uuid4()), "code": "x", "state": "y"}


@pytest.mark.parametrize(
    "rest",
    [TOO_DEEP, "receipts/+", "#", "a" * 60_000, "a//b", ""],
    ids=["200 levels", "wildcard", "all", "60,000 bytes", "empty level", "no name"],
)
async def test_a_response_topic_that_no_broker_takes_costs_only_its_own_device_the_receipt(
    run_service, database, own_broker, rest
):
    broker = own_broker()
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    async with opened(broker, unique("bad")) as bad, opened(broker, unique("good")) as good:
        await enrol(database.pool, [bad.name, good.name])
        for number in range(ROUNDS):
            await bad.publish("reservoir", reading(), response_topic=f"pumpwatch/v1/{bad.name}/{rest}")
            assert await good.receipt("reservoir", reading()) == {"stored": 1, "duplicates": 0, "rejected": []}
            assert await not_sent(service, "bad_response_topic") == number + 1
        assert bad.receipts == {}
        assert (await bad.receipt("reservoir", reading()))["stored"] == 1
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings") == 2 * ROUNDS + 1
    assert service.log().count("broker_connected") == 2  # one of them for alarms
    assert "broker_lost" not in service.log()


@pytest.mark.parametrize(("largest", "all_are_named"), [(64_000, True), (46_000, False)])
async def test_a_receipt_that_is_larger_than_the_broker_takes_is_shortened_and_still_counts_every_event(
    run_service, database, own_broker, largest, all_are_named
):
    broker = own_broker(extra=(f"max_packet_size {largest}",))
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    async with opened(broker, unique("bad")) as bad, opened(broker, unique("good")) as good:
        await enrol(database.pool, [bad.name, good.name])
        events = [faulty_alarm() for _ in range(500)]
        for _ in range(3):
            told = await bad.receipt("alarm", events)
            listed = told["rejected"]
            assert (told["stored"], told["duplicates"]) == (0, 0)
            assert [(one["index"], one["event_id"]) for one in listed] == [
                (number, events[number]["event_id"]) for number in range(len(listed))
            ]
            assert len(listed) + told.get("not_listed", 0) == 500
            assert (len(listed) == 500) == all_are_named
            assert len(listed) > 350
            assert (await good.receipt("reservoir", reading()))["stored"] == 1
    assert await database.pool.fetchval("SELECT count(*) FROM rejected_messages") == 500
    assert "broker_lost" not in service.log()


async def test_where_not_even_the_counts_fit_beside_the_correlation_data_there_is_no_receipt_and_it_is_counted(
    run_service, database, own_broker
):
    broker = own_broker(extra=("max_packet_size 1000",))
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    async with opened(broker, unique("bad")) as bad, opened(broker, unique("good")) as good:
        await enrol(database.pool, [bad.name, good.name])
        topic, event = f"pumpwatch/v1/{bad.name}/receipts", b"{" + b" " * 2
        room = 1_000 - 2 * len(topic) - len(event) - 20
        # A receipt goes to a longer topic than it was asked on, and says more than the message did.
        await bad.link.publish(
            f"pumpwatch/v1/{bad.name}/events/alarm", event, response_topic=topic, correlation_data=b"c" * room
        )
        assert (await good.receipt("reservoir", reading()))["stored"] == 1

        async def counted():
            return await not_sent(service, "too_large") == 1

        await eventually(counted)
        assert bad.receipts == {}
    assert "broker_lost" not in service.log()
