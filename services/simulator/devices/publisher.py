"""Publishes for any number of devices over few or many connections, and counts what became of the events.

Guarantees: all events of one device go by one connection, in order. With shared connections the login must be allowed
to write for every device and to read `pumpwatch/v1/+/receipts`; the Response Topic is always in the device's own
subtree, as for a real device. With one connection for each device, the login is the device's id.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from services.runtime.mqtt import BrokerAddress
from services.simulator.devices.outbox import Counts, Rejection
from services.simulator.devices.session import Session, SessionOptions
from services.simulator.devices.wire import encode
from services.simulator.patients.model import Event

_EVERY_DEVICE: Final = "+"


class Publisher:
    """Use it as an async context manager; leaving it closes every connection at once; to wait for the
    receipts first, see `drained`.

    Args:
        broker: Where to, with the login of shared connections.
        connections: How many to share; 0 for one of its own for each device, logged in as that device.
        device_password: For connections of their own.
        window_events: The most events without a receipt on one connection; `publish` waits beyond.
        resend_after_seconds: Without a receipt for so long, a message is sent again; doubled with each try.
        keep_alive_seconds: Of MQTT.
        clock: Any steady clock, in seconds.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        *,
        connections: int = 1,
        device_password: str | None = None,
        window_events: int = 20_000,
        resend_after_seconds: float = 10.0,
        keep_alive_seconds: int = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._own_links = connections == 0
        self._device_password = device_password
        self._options = SessionOptions(window_events, resend_after_seconds, keep_alive_seconds, secrets.token_bytes(6))
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._running: list[asyncio.Task[None]] = []
        self._by_device: dict[str, Session] = {}
        self._shared = [self._session(broker, str(number), _EVERY_DEVICE) for number in range(connections)]

    async def __aenter__(self) -> Self:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        for session in self._shared:
            self._start(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        if self._tasks is not None:
            await self._tasks.__aexit__(kind, error, trace)

    async def publish(self, device_id: str, events: Sequence[Event]) -> None:
        """Put one message of one or more events into the device's log; waits while the window is full."""
        topic, payload = encode(device_id, events)
        await self.session_of(device_id).add(device_id, topic, payload, len(events))

    async def publish_raw(self, device_id: str, topic: str, payload: bytes, events: int) -> None:
        """Like `publish`, for bytes that are already encoded; `events` is how many they hold."""
        await self.session_of(device_id).add(device_id, topic, payload, events)

    async def drained(self) -> None:
        """Wait until every message has its receipt."""
        for session in self.sessions:
            await session.drained()

    @property
    def sessions(self) -> list[Session]:
        """Every connection's session, those of their own included."""
        return [*self._shared, *(self._by_device.values() if self._own_links else ())]

    @property
    def counts(self) -> Counts:
        """The counts of all connections together."""
        return sum((session.outbox.counts for session in self.sessions), Counts())

    @property
    def rejections(self) -> list[Rejection]:
        """The last rejections of each connection."""
        return [rejection for session in self.sessions for rejection in session.outbox.rejections]

    def session_of(self, device_id: str) -> Session:
        """The session that carries a device; made now if it is to have its own."""
        session = self._by_device.get(device_id)
        if session is None:
            if self._own_links:
                broker = replace(self._broker, username=device_id, password=self._device_password, password_file=None)
                session = self._session(broker, device_id, device_id)
                self._start(session)
            else:
                session = self._shared[zlib.crc32(device_id.encode()) % len(self._shared)]
            self._by_device[device_id] = session
        return session

    def _session(self, broker: BrokerAddress, name: str, receipts_of: str) -> Session:
        tag = self._options.tag
        options = replace(self._options, tag=tag + zlib.crc32(name.encode()).to_bytes(4, "big"))
        client_id = name if self._own_links else f"simulator-{tag.hex()}-{name}"
        return Session(broker, client_id, receipts_of, options, self._clock)

    def _start(self, session: Session) -> None:
        if self._tasks is None:
            msg = "the publisher is not open: use `async with`"
            raise RuntimeError(msg)
        self._running.append(self._tasks.create_task(session.run()))
