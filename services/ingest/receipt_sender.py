"""Receipts onto the wire.

Guarantees: nothing that a device chose ends the connection that all of them share, as far as broker and protocol say
what they take; a message that may have ended one all the same is not answered again; each receipt that was asked for is
counted, as sent or by the reason why not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import structlog
from mqtt5 import PublishPacket

from schemas.events import Receipt
from services.ingest.in_flight import InFlight
from services.ingest.inbox import Batch
from services.ingest.messages.receipts import NotSent, encoded_to_fit
from services.ingest.metrics import IngestMetrics
from services.runtime.mqtt import Connection, ConnectionLostError, Message

_SAY_EVERY_SECONDS: Final = 60.0

log = structlog.get_logger()


class ReceiptSender:
    """Sends the receipts of messages that came by MQTT."""

    def __init__(self, metrics: IngestMetrics) -> None:
        self._metrics = metrics
        self._in_flight = InFlight()
        self._said_at: dict[NotSent, float] = {}

    def connection_ended(self) -> bool:
        """The broker ended the connection, or the network did; returns whether receipts were on the way."""
        return self._in_flight.connection_ended(monotonic_seconds=time.monotonic())

    async def send(self, batch: Batch, answers: Mapping[int, Receipt], connection: Connection | None) -> None:
        """Send those of `answers` that `batch` asked for; `connection` is None where the one it came by has ended."""
        for number in batch.without_receipt:
            self._not_sent(NotSent.BAD_RESPONSE_TOPIC, batch.messages[number])
        asked = [number for number in batch.receipts_for if number < len(batch.messages) and number in answers]
        if connection is None:
            self._all_lost(asked)
            return
        answered, packets = [], []
        for number in asked:
            message = batch.messages[number]
            packet = self._packet(message, answers[number], connection)
            if packet is not None:
                answered.append(message)
                packets.append(packet)
        self._in_flight.sent(answered, monotonic_seconds=time.monotonic())  # first: a write that fails may be half done
        try:
            too_large = await connection.publish(packets)
        except ConnectionLostError:
            self._all_lost(packets)
            return
        self._metrics.receipts.inc(len(packets) - len(too_large))
        self._metrics.receipts_not_sent.labels(NotSent.TOO_LARGE).inc(len(too_large))

    def _packet(self, message: Message, receipt: Receipt, connection: Connection) -> PublishPacket | None:
        if self._in_flight.is_suspected(message):
            self._not_sent(NotSent.ENDED_A_CONNECTION, message)
            return None
        topic, correlation_data = message.response_topic or "", message.correlation_data
        payload = encoded_to_fit(receipt, connection.room_for_payload(topic, correlation_data))
        if payload is None:
            self._not_sent(NotSent.TOO_LARGE, message)
            return None
        return PublishPacket(topic, payload, correlation_data=correlation_data)

    def _all_lost(self, receipts: list[int] | list[PublishPacket]) -> None:
        self._metrics.receipts_not_sent.labels(NotSent.CONNECTION_LOST).inc(len(receipts))

    def _not_sent(self, reason: NotSent, message: Message) -> None:
        """Count it; say it now and then, as a device may do it as often as it likes."""
        self._metrics.receipts_not_sent.labels(reason).inc()
        now = time.monotonic()
        if now - self._said_at.get(reason, -_SAY_EVERY_SECONDS) >= _SAY_EVERY_SECONDS:
            self._said_at[reason] = now
            log.warning("receipt_not_sent", reason=reason, topic=message.topic[:120])
