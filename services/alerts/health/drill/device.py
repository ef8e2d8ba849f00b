"""The device of the drill: says over MQTT that it has an alarm, and that it is over, and hears what ingest answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import mqtt5
from pydantic_core import to_json

from schemas.events import AlarmState, EventKind, Receipt
from schemas.topics import DRILL, event_topic, receipt_topic
from services.alerts.health.drill.course import DRILL_CODE
from services.runtime.addresses import BrokerAddress, BrokerUnavailableError
from services.runtime.device_link.connect import open_link
from services.runtime.device_link.link import LinkError

_SECONDS: Final = 10.0
_DETAIL: Final = "drill: no pump and no patient, nothing to do"


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one message."""

    accepted_at: datetime | None = None
    """The broker took it."""
    stored_at: datetime | None = None
    """Ingest has it, or had it already."""
    fault: str | None = None
    """Why not, in words that hold no secret."""


async def say_alarm(
    broker: BrokerAddress,
    state: AlarmState,
    event_id: UUID,
    observed_at: datetime,
    clock: Callable[[], datetime],
    *,
    receipt_seconds: float,
) -> Said:
    """Publish one event of the drill's alarm, and wait a while for its receipt.

    Args:
        broker: With the login of the drill's device.
        state: Whether the alarm begins or ends.
        event_id: The same for each try of one event.
        observed_at: The same for each try, too.
        clock: Says when something came.
        receipt_seconds: How long is waited for the receipt, at most `_SECONDS`.
    """
    receipts: asyncio.Queue[tuple[datetime, bytes]] = asyncio.Queue()
    event = {
        "kind": EventKind.ALARM,
        "event_id": event_id,
        "observed_at": observed_at,
        "code": DRILL_CODE,
        "state": state,
        "detail": _DETAIL,
    }
    accepted_at: datetime | None = None
    correlation = uuid4().bytes

    def keep(packet: mqtt5.PublishPacket) -> None:
        if packet.correlation_data == correlation:
            receipts.put_nowait((clock(), bytes(packet.payload)))

    try:
        # A name of its own: with one for all, two workers that look at once would end each other's connection.
        name = f"{DRILL}-{uuid4().hex[:8]}"
        async with open_link(broker, name, keep, connect_timeout_seconds=_SECONDS) as link:
            async with asyncio.timeout(_SECONDS):
                await link.subscribe(receipt_topic(DRILL))
                await link.publish(
                    event_topic(DRILL, EventKind.ALARM),
                    to_json(event),
                    response_topic=receipt_topic(DRILL),
                    correlation_data=correlation,
                )
            accepted_at = clock()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(receipt_seconds, _SECONDS)):
                    stored_at, payload = await receipts.get()
                    return _understood(payload, accepted_at, stored_at)
    except TimeoutError:
        return Said(accepted_at, fault=f"{broker} did not answer within {_SECONDS:g} s")
    except (LinkError, BrokerUnavailableError) as error:
        return Said(accepted_at, fault=str(error))
    return Said(accepted_at)


def _understood(payload: bytes, accepted_at: datetime, stored_at: datetime) -> Said:
    try:
        receipt = Receipt.model_validate_json(payload)
    except ValueError:
        return Said(accepted_at, fault="ingest sent a receipt that is none")
    if receipt.rejected:
        return Said(accepted_at, fault=f"ingest rejected it: {receipt.rejected[0].reason}")
    return Said(accepted_at, stored_at)
