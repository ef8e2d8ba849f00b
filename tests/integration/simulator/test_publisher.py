"""Publishing with receipts and re-send over a real Mosquitto, against a consumer that may be deaf, slow or away."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from services.simulator.devices.publisher import Publisher
from services.simulator.patients.fleet import build_unit, draw_fleet, first_midnight, uploads
from services.simulator.patients.model import Event
from tests.integration.simulator.ingest_of_events import Consumer, consume_on_a_new_link, consuming, readable_folder
from tests.stack import eventually

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def history(seed: int, *, pumps: int = 4, days: int = 5) -> list[Event]:
    """Events of a fleet; another seed gives other events of the same devices."""
    start = first_midnight(NOW, days, 60)
    return [event for spec in draw_fleet(seed, pumps) for event in build_unit(seed, spec, start).events_until(NOW)]


async def publish_all(publisher: Publisher, events: list[Event], *, size: int) -> None:
    for upload in uploads(events, size):
        await publisher.publish(upload.device_id, upload.events)


@pytest.mark.parametrize(("connections", "size"), [(1, 1), (1, 200), (3, 7), (0, 5)])
async def test_every_event_arrives_once_and_is_receipted(broker, connections, size):
    events = history(seed=100 + 10 * connections + size)
    consumer = Consumer()
    async with (
        consuming(broker.url, consumer),
        Publisher(broker_address(broker.url), connections=connections) as publisher,
    ):
        await publish_all(publisher, events, size=size)
        await asyncio.wait_for(publisher.drained(), 20)
        counts = publisher.counts
        devices = {event.device_id for event in events}
        assert len(publisher.sessions) == (connections or len(devices))
    assert set(consumer.events) == {str(event.event_id) for event in events}
    assert set(consumer.times.values()) == {1}
    assert consumer.device_of == {str(event.event_id): event.device_id for event in events}
    assert (counts.published, counts.stored, counts.outstanding) == (len(events), len(events), 0)
    assert counts.receipts == counts.messages
    assert (counts.duplicates, counts.rejected, counts.resent, counts.refused) == (0, 0, 0, 0)


async def test_events_of_a_device_arrive_in_order(broker):
    events, consumer = history(seed=7), Consumer()
    async with consuming(broker.url, consumer), Publisher(broker_address(broker.url), connections=2) as publisher:
        await publish_all(publisher, events, size=3)
        await asyncio.wait_for(publisher.drained(), 20)
    for device_id in {event.device_id for event in events}:
        arrived = [key for key, device in consumer.device_of.items() if device == device_id]
        assert arrived == [str(event.event_id) for event in events if event.device_id == device_id]


async def test_what_has_no_receipt_is_sent_again(broker):
    events = history(seed=8)
    consumer = Consumer(answers=lambda number: number % 3 != 0)
    async with (
        consuming(broker.url, consumer),
        Publisher(broker_address(broker.url), resend_after_seconds=0.05) as publisher,
    ):
        await publish_all(publisher, events, size=10)
        await asyncio.wait_for(publisher.drained(), 20)
        counts = publisher.counts
    assert set(consumer.events) == {str(event.event_id) for event in events}
    assert counts.resent > 0
    assert counts.stored + counts.duplicates == counts.published == len(events)


async def test_rejections_are_counted_and_kept_with_their_reason(broker):
    events = history(seed=9, pumps=1)
    consumer = Consumer(rejects=lambda event: event["seq"] == 2)
    async with consuming(broker.url, consumer), Publisher(broker_address(broker.url)) as publisher:
        await publish_all(publisher, events, size=50)
        await asyncio.wait_for(publisher.drained(), 20)
        assert publisher.counts.rejected == sum(event.seq == 2 for event in events)
        assert {rejection.rejected.reason for rejection in publisher.rejections} == {"clock_ahead"}
        assert {rejection.device_id for rejection in publisher.rejections} == {e.device_id for e in events}


async def test_memory_is_bounded_when_nobody_gives_receipts(own_broker):
    server, events = own_broker(), history(seed=10)
    async with Publisher(broker_address(server.url), window_events=100) as publisher:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(publish_all(publisher, events, size=10), 0.5)
        assert 90 < publisher.counts.outstanding <= 100
    # One message that is larger than the window goes alone.
    async with Publisher(broker_address(server.url), window_events=10) as publisher:
        await publisher.publish("pump-0001", events[:50])
        assert publisher.counts.outstanding == 50


async def test_a_cut_connection_is_made_again_and_nothing_is_lost(broker):
    events, consumer = history(seed=11), Consumer()
    async with (
        consuming(broker.url, consumer),
        Publisher(broker_address(broker.url), connections=0, window_events=20) as publisher,
    ):
        publishing = asyncio.create_task(publish_all(publisher, events, size=2))
        await eventually(lambda: consumer.messages > 5)
        # A second login under the same client id: the broker cuts the first.
        async with open_link(broker_address(broker.url), events[0].device_id, lambda _packet: None):
            pass
        session = publisher.session_of(events[0].device_id)
        await asyncio.wait_for(publishing, 20)
        await publisher.publish(events[0].device_id, [events[0]])
        await asyncio.wait_for(publisher.drained(), 20)
        assert session.connects >= 2
        counts = publisher.counts
    assert set(consumer.events) == {str(event.event_id) for event in events}
    assert counts.stored + counts.duplicates == counts.published


async def test_a_broker_that_restarts_loses_nothing_that_counts(own_broker):
    server, events, consumer = own_broker(), history(seed=12, pumps=8, days=10), Consumer()
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        ready = asyncio.Event()
        consumption = tasks.create_task(consume_on_a_new_link(server.url, consumer, ready))
        await asyncio.wait_for(ready.wait(), 5)
        publisher = Publisher(broker_address(server.url), connections=2, window_events=200, resend_after_seconds=0.5)
        await stack.enter_async_context(publisher)
        publishing = tasks.create_task(publish_all(publisher, events, size=20))
        await eventually(lambda: len(consumer.events) > 200)
        consumption.cancel()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        ready.clear()
        consumption = tasks.create_task(consume_on_a_new_link(server.url, consumer, ready))
        await asyncio.wait_for(publishing, 20)
        await asyncio.wait_for(publisher.drained(), 20)
        counts = publisher.counts
        consumption.cancel()
    assert set(consumer.events) == {str(event.event_id) for event in events}
    assert counts.stored + counts.duplicates == counts.published == len(events)
    assert counts.outstanding == 0


async def test_receipts_of_others_are_left_alone(broker):
    events, consumer = history(seed=13, pumps=1), Consumer(answers=lambda _number: False)
    async with consuming(broker.url, consumer), Publisher(broker_address(broker.url)) as publisher:
        await publish_all(publisher, events, size=200)
        messages = publisher.counts.messages
        await eventually(lambda: consumer.messages >= messages)
        assert consumer.link is not None
        topic = f"pumpwatch/v1/{events[0].device_id}/receipts"
        consumer.link.send(topic, b'{"stored":1,"duplicates":0}')
        consumer.link.send(topic, b'{"stored":1,"duplicates":0}', correlation_data=b"of another simulator")
        await consumer.link.publish(topic, b"not json", correlation_data=publisher.sessions[0].correlation(1))
        consumer.answers = lambda _number: True
        await consumer.link.publish(
            topic, b'{"stored":200,"duplicates":0}', correlation_data=publisher.sessions[0].correlation(1)
        )
        await eventually(lambda: publisher.counts.receipts == 1)
        assert publisher.counts.outstanding > 0


async def test_what_the_broker_refuses_stays_and_is_tried_again(own_broker):
    event = history(seed=14, pumps=1)[0]
    with readable_folder() as folder:
        access = folder / "acl"
        access.write_text("topic read #\ntopic write allowed/#\n")
        server = own_broker(extra=(f"acl_file {access}",))
        async with Publisher(broker_address(server.url)) as publisher:
            await publisher.publish(event.device_id, [event])
            await eventually(lambda: publisher.counts.refused >= 2)
            assert publisher.counts.outstanding == 1


async def test_a_publisher_that_is_not_open_says_so():
    publisher = Publisher(broker_address("mqtt://127.0.0.1:1"), connections=0)
    with pytest.raises(RuntimeError, match="async with"):
        publisher.session_of("pump-1")
