"""In ingest's place for one device: takes what it publishes, and answers as ingest would, unless a probe differs.

Guarantees: nothing is stored; an event counts as stored once and as a duplicate after that; what ingest would reject is
rejected in ingest's words. What a probe holds back is answered once it is released.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from mqtt5 import PublishPacket
from pydantic_core import to_json

from schemas.events import Receipt, RejectedEvent, RejectionReason
from schemas.topics import ROOT, is_receipt_topic_of, receipt_topic
from services.conformance.message import Message, read_message
from services.conformance.notebook import Notebook
from services.conformance.observations import Caught, Probe, Published
from services.ingest.messages.receipts import encoded_to_fit
from services.runtime.mqtt import Connection
from services.runtime.mqtt import Message as Incoming

_OF_NO_MESSAGE: Final = b"pumpwatch conformance: of no message"
_UNREADABLE: Final = (b"", b"\xff\xfe", b"[]", b'{"stored": 1', b'{"stored": "one", "rejected": null}')
_REASONS: Final = {
    Probe.REJECTED: RejectionReason.UNKNOWN_VALUE,
    Probe.CLOCK: RejectionReason.CLOCK_BEHIND,
}
_DETAIL: Final = "pumpwatch conformance rejects this event, to see that it is not sent for ever"


class StandIn:
    """Run `run` in a task; probes say what it does with the next message.

    Args:
        device_id: Whose events it takes.
        connection: To the broker, as ingest has one.
        notebook: Where it writes down which message a probe caught.
    """

    def __init__(self, device_id: str, connection: Connection, notebook: Notebook) -> None:
        self._device_id = device_id
        self._connection = connection
        self._notebook = notebook
        self._seen: set[UUID] = set()
        self._stored: set[UUID] = set()
        self._rejected: dict[UUID, RejectionReason] = {}
        self._waiting: Probe | None = None
        self._held: frozenset[UUID] = frozenset()
        self._held_messages: list[tuple[Incoming, Message]] = []

    async def subscribe(self) -> None:
        """Ask for the device's messages; before its port is open, or the first ones go to nobody."""
        await self._connection.subscribe(f"{ROOT}/{self._device_id}/events/#")

    async def run(self) -> None:
        """Take messages until the connection is lost.

        Raises:
            ConnectionLostError: It was.
        """
        async for messages in self._connection.messages():
            for message in messages:
                await self._take(message)
            await self._connection.acknowledge(messages)

    def catch(self, probe: Probe) -> None:
        """Try a probe on the next message that holds nothing but new events."""
        self._waiting = probe

    def catch_no_more(self) -> None:
        """No message came for the probe; the next one is answered like any other."""
        self._waiting = None

    async def release(self, *, first: bool = False, extra: bool = False, times: int = 1) -> None:
        """Answer what was held back, and hold it back no more.

        Args:
            first: By the name that it had when it came first.
            extra: With a field that version 1 does not know.
            times: How often.
        """
        self._held = frozenset()
        if self._held_messages:
            incoming, message = self._held_messages[0 if first else -1]
            for _ in range(times):
                await self._answer(incoming, message, extra=extra)
        self._held_messages.clear()

    async def send_strays(self) -> None:
        """Send receipts that are of no message of the device: one with a name, one without."""
        receipt = Receipt(stored=1, duplicates=0).model_dump_json().encode()
        await self._send((receipt, _OF_NO_MESSAGE), (receipt, None))

    async def send_noise(self) -> None:
        """Send what is no receipt to where receipts are sent."""
        await self._send(*((payload, _OF_NO_MESSAGE) for payload in _UNREADABLE))

    async def _take(self, incoming: Incoming) -> None:
        message = read_message(self._device_id, incoming.topic, incoming.payload, now=self._notebook.wall())
        ids = message.event_ids
        is_new = bool(ids) and not ids & self._seen
        self._seen |= ids
        if self._waiting is not None and is_new and not message.rejections and self._came_by_the_tap(incoming):
            probe, self._waiting = self._waiting, None
            if probe in _REASONS:
                self._rejected |= dict.fromkeys(ids, _REASONS[probe])
            else:
                self._held = ids
            self._notebook.note(Caught(self._notebook.now, probe, ids))
        if ids & self._held:
            self._held_messages.append((incoming, message))
        else:
            await self._answer(incoming, message)

    def _came_by_the_tap(self, incoming: Incoming) -> bool:
        """A will does not: the broker publishes it, and the device cannot send it again."""
        return any(isinstance(each, Published) and each.payload == incoming.payload for each in self._notebook.newest())

    async def _answer(self, incoming: Incoming, message: Message, *, extra: bool = False) -> None:
        topic = incoming.response_topic
        if topic is None or not is_receipt_topic_of(self._device_id, topic):
            return
        receipt = self._receipt(message)
        payload = encoded_to_fit(receipt, self._connection.room_for_payload(topic, incoming.correlation_data))
        if extra:
            payload = to_json(receipt.model_dump(mode="json") | {"of_a_later_version": {"is": ["ignored"]}})
        if payload is not None:
            await self._connection.publish([PublishPacket(topic, payload, correlation_data=incoming.correlation_data)])

    def _receipt(self, message: Message) -> Receipt:
        rejected = [each.for_receipt() for each in message.rejections]
        stored = duplicates = 0
        refused = {each.event_id for each in message.rejections}
        for index, event in enumerate(message.events):
            if event.event_id in refused:
                continue
            if event.event_id in self._rejected:
                where = index if message.is_array else None
                reason = self._rejected[event.event_id]
                rejected.append(RejectedEvent(index=where, event_id=event.event_id, reason=reason, detail=_DETAIL))
            elif event.event_id in self._stored:
                duplicates += 1
            else:
                stored += 1
                self._stored.add(event.event_id)
        return Receipt(stored=stored, duplicates=duplicates, rejected=tuple(rejected))

    async def _send(self, *payloads: tuple[bytes, bytes | None]) -> None:
        topic = receipt_topic(self._device_id)
        await self._connection.publish(_packets(topic, payloads))


def _packets(topic: str, payloads: Iterable[tuple[bytes, bytes | None]]) -> list[PublishPacket]:
    return [PublishPacket(topic, payload, correlation_data=correlation) for payload, correlation in payloads]
