"""Alarms as a device publishes them, without a receipt."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4

import aiomqtt
from mqtt5 import QoS

from schemas.events import EventKind
from schemas.topics import event_topic
from services.devstack.servers.mosquitto import MosquittoServer


async def publish(broker: MosquittoServer, device: str, *alarms: tuple[str, str]) -> None:
    async with aiomqtt.Client(
        hostname=broker.host, port=broker.port, identifier=f"{device}-{uuid4().hex[:6]}"
    ) as client:
        for code, state in alarms:
            event = {
                "event_id": str(uuid4()),
                "observed_at": datetime.now(UTC).isoformat(),
                "code": code,
                "state": state,
            }
            topic = event_topic(device, EventKind.ALARM)
            packet_id = next(client.packet_ids)
            await client.publish(topic, json.dumps(event).encode(), qos=QoS.AT_LEAST_ONCE, packet_id=packet_id)
