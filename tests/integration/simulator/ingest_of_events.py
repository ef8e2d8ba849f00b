"""A small consumer that stands in for ingest in the simulator's tests: it remembers events and gives receipts."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mqtt5

from schemas.topics import EVENTS_FILTER, parse_event_topic
from services.runtime.device_link.connect import open_link
from services.runtime.device_link.link import DeviceLink
from services.runtime.mqtt import broker_address


@dataclass
class Consumer:
    """Every event once, by its id; how often each came; and which device sent it."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    device_of: dict[str, str] = field(default_factory=dict)
    messages: int = 0
    answers: Callable[[int], bool] = lambda _number: True
    """Whether the message of this number (from 1) is taken; one that is not is as if it never came."""
    rejects: Callable[[dict[str, Any]], bool] = lambda _event: False
    link: DeviceLink | None = None

    def take(self, packet: mqtt5.PublishPacket) -> None:
        self.messages += 1
        if not self.answers(self.messages):
            return
        topic = parse_event_topic(packet.topic)
        body = json.loads(packet.payload)
        items = body if isinstance(body, list) else [body]
        stored = duplicates = 0
        rejected = []
        for index, event in enumerate(items):
            self.times[event["event_id"]] += 1
            if self.rejects(event):
                detail = {"event_id": event["event_id"], "reason": "clock_ahead", "detail": "by a test"}
                rejected.append({"index": index, **detail})
                continue
            duplicates += event["event_id"] in self.events
            stored += event["event_id"] not in self.events
            self.events[event["event_id"]] = event
            self.device_of[event["event_id"]] = topic.device_id
        assert packet.response_topic == f"pumpwatch/v1/{topic.device_id}/receipts"
        receipt = {"stored": stored, "duplicates": duplicates, "rejected": rejected}
        assert self.link is not None
        self.link.send(packet.response_topic, json.dumps(receipt).encode(), correlation_data=packet.correlation_data)


@asynccontextmanager
async def consuming(url: str, consumer: Consumer) -> AsyncIterator[Consumer]:
    """Run a consumer on one connection."""
    async with open_link(broker_address(url), f"consumer-{id(consumer)}", consumer.take) as link:
        consumer.link = link
        await link.subscribe(EVENTS_FILTER, qos=mqtt5.QoS.AT_LEAST_ONCE)
        yield consumer


async def consume_on_a_new_link(url: str, consumer: Consumer, ready: asyncio.Event) -> None:
    """Run a consumer until cancelled."""
    async with consuming(url, consumer):
        ready.set()
        await asyncio.Event().wait()


@contextmanager
def readable_folder() -> Iterator[Path]:
    """A folder that the broker's own account may read."""
    folder = Path(tempfile.mkdtemp(prefix="pumpwatch-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
