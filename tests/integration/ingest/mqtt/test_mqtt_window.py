"""The window of unacknowledged messages holds, whatever the broker makes of the Receive Maximum."""

from __future__ import annotations

import asyncio

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address, connect
from tests.ingest_world import unique
from tests.stack import eventually

MESSAGES = 20_000
WINDOW = 1_000
READ_AHEAD = 1_500  # what may come above the window before reading stops, and what one read holds


def ignore(packet):
    """The device expects nothing."""


async def test_a_queue_that_is_drained_does_not_come_all_at_once(broker):
    topic = unique("window")
    address = broker_address(broker.url)
    async with (
        connect(address, client_id=topic, session_expiry_seconds=60, receive_maximum=WINDOW) as connection,
        open_link(address, f"{topic}-device", ignore) as device,
        asyncio.TaskGroup() as group,
    ):
        await connection.subscribe(f"{topic}/#")
        came = []

        async def read():
            async for messages in connection.messages():
                came.extend(messages)

        reading = group.create_task(read())
        published: list[object] = []
        for number in range(MESSAGES):
            await device.slot()
            device.send(f"{topic}/{number % 10}", b"x" * 150, on_ack=published.append)

        def all_published() -> bool:
            return len(published) == MESSAGES

        await eventually(all_published, 20)
        most, acknowledged = len(came), 0
        while acknowledged < MESSAGES:
            batch = came[acknowledged : acknowledged + WINDOW // 2]
            await connection.acknowledge(batch)
            acknowledged += len(batch)
            await asyncio.sleep(0)
            most = max(most, len(came) - acknowledged)
        assert most <= WINDOW + READ_AHEAD
        assert len(came) == MESSAGES
        reading.cancel()
