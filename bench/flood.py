"""What one device may do to the others: arrays of 500 without pause, right, wrong, nested or huge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address

DEVICE: Final = "pump-000000"
_TOPIC: Final = f"pumpwatch/v1/{DEVICE}/events/batch"
_EVENTS: Final = 500


def _array(**more: object) -> bytes:
    at = datetime.now(UTC).isoformat()
    events: list[dict[str, Any]] = [
        {"kind": "reservoir", "event_id": str(uuid4()), "observed_at": at, "volume_ml": 12.0, **more}
        for _ in range(_EVENTS)
    ]
    return json.dumps(events).encode()


PAYLOADS: Final[dict[str, Callable[[], bytes]]] = {
    "valid": _array,
    "invalid": lambda: _array(volume_ml=-1.0),
    "nested": lambda: b"[" * 190 + str(uuid4().int).encode() + b"]" * 190,
    "huge": lambda: b"[" + b" " * 262_100 + str(uuid4().int).encode()[:20] + b"]",
}


async def flood(url: str, payload_of: Callable[[], bytes], *, messages: int | None = None) -> int:
    """Publish without pause, as fast as the broker takes it, until `messages` are sent or the task is cancelled."""
    sent = 0
    async with open_link(broker_address(url), "bench-flood", lambda _: None) as link:
        while messages is None or sent < messages:
            await link.slot()
            link.send(_TOPIC, payload_of(), on_ack=lambda _: None)
            sent += 1
            await asyncio.sleep(0)
    return sent
