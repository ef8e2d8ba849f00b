"""One connection's share of the fleet: sends what its outbox says is due, reads receipts, reconnects.

Guarantees: what was added is sent until its receipt comes, over any number of connections; at most `window_events`
events are without a receipt (`add` waits), so memory stays bounded when nothing answers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import mqtt5
import structlog
from pydantic import ValidationError

from schemas.events import Receipt
from schemas.topics import receipt_topic
from services.runtime.backoff import backoff_seconds
from services.runtime.device_link.connect import open_link
from services.runtime.device_link.link import DeviceLink, LinkError, is_refusal, reason_name
from services.runtime.mqtt import BrokerAddress
from services.simulator.devices.outbox import Outbox

_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 15.0
_LOGGED_REJECTIONS: Final = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What is the same for every session of a publisher."""

    window_events: int
    resend_after_seconds: float
    keep_alive_seconds: int
    tag: bytes
    """Starts every Correlation Data, so that receipts of another simulator are told apart."""


class Session:
    """Run `run` in a task; `add` messages from another."""

    def __init__(
        self,
        broker: BrokerAddress,
        client_id: str,
        receipts_of: str,
        options: SessionOptions,
        clock: Callable[[], float],
    ) -> None:
        self.outbox = Outbox(options.resend_after_seconds)
        self.connects = 0
        self._broker = broker
        self._client_id = client_id
        self._receipts_of = receipts_of
        self._options = options
        self._clock = clock
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._tag_length = len(options.tag)
        self._rejections_logged = 0

    async def add(self, device_id: str, topic: str, payload: bytes, events: int) -> None:
        """Put a message into the log; waits while the window is full."""
        while self.outbox and self.outbox.outstanding_events + events > self._options.window_events:
            self._room.clear()
            await self._room.wait()
        self.outbox.add(device_id, topic, payload, events)
        self._wake.set()

    async def drained(self) -> None:
        """Wait until every message has its receipt."""
        while self.outbox:
            self._room.clear()
            await self._room.wait()

    def correlation(self, number: int) -> bytes:
        """The Correlation Data of a message."""
        return self._options.tag + number.to_bytes(8, "big")

    async def run(self) -> None:
        """Connect and send, for ever; with back-off while the broker is away."""
        failures = 0
        while True:
            receipts: int | None = None
            try:
                async with open_link(
                    self._broker,
                    self._client_id,
                    self._on_message,
                    keep_alive_seconds=self._options.keep_alive_seconds,
                ) as link:
                    await link.subscribe(receipt_topic(self._receipts_of))
                    self.connects += 1
                    receipts = self.outbox.counts.receipts
                    self.outbox.connection_lost()
                    await self._send_until_lost(link)
            except LinkError as error:
                # A link that brought no receipt is no better than none: some brokers close it after each refusal.
                if receipts is not None and self.outbox.counts.receipts > receipts:
                    failures = 0
                failures += 1
                wait = backoff_seconds(
                    failures, first_seconds=_FIRST_WAIT_SECONDS, longest_seconds=_LONGEST_WAIT_SECONDS
                )
                log.warning("link_lost", client_id=self._client_id, error=str(error), again_in_seconds=round(wait, 1))
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _send_until_lost(self, link: DeviceLink) -> None:
        lost = asyncio.ensure_future(link.lost())
        lost.add_done_callback(lambda _: self._wake.set())
        try:
            while not lost.done():
                self._wake.clear()
                while (message := self.outbox.next_due(self._clock())) is not None:
                    await link.slot()
                    link.send(
                        message.topic,
                        message.payload,
                        on_ack=self._on_ack,
                        response_topic=receipt_topic(message.device_id),
                        correlation_data=self.correlation(message.number),
                    )
                    self.outbox.sent(message, self._clock())
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.outbox.seconds_until_due(self._clock())):
                        await self._wake.wait()
            raise lost.result()
        finally:
            lost.cancel()

    def _on_ack(self, reason: mqtt5.PubAckReasonCode | LinkError) -> None:
        # A PUBACK proves nothing (docs/decisions/0002): the receipt does. Only a refusal is news.
        if not isinstance(reason, LinkError) and is_refusal(reason):
            self.outbox.refused()
            if self.outbox.counts.refused == 1:
                log.warning("publish_refused", client_id=self._client_id, reason=reason_name(reason))

    def _on_message(self, packet: mqtt5.PublishPacket) -> None:
        correlation = packet.correlation_data
        if correlation is None or not correlation.startswith(self._options.tag):
            return
        try:
            receipt = Receipt.model_validate_json(packet.payload)
        except ValidationError as error:
            log.warning("receipt_not_readable", topic=packet.topic, error=str(error))
            return
        number = int.from_bytes(correlation[self._tag_length :], "big")
        message = self.outbox.acknowledge(number, receipt)
        if message is None:
            return
        self._room.set()
        for rejected in receipt.rejected:
            self._rejections_logged += 1
            if self._rejections_logged <= _LOGGED_REJECTIONS:
                log.warning(
                    "event_rejected",
                    device_id=message.device_id,
                    event_id=str(rejected.event_id),
                    reason=rejected.reason.value,
                    detail=rejected.detail,
                )
