"""What the tests of ingest share: its settings, a fleet in the registry, and events to send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
import httpx

from services.runtime.database import Pool
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.stack import eventually

CLINIC = "north"
TOKEN = "gateway-secret"  # noqa: S105 - of the tests


class HasUrl(Protocol):
    """A broker that runs."""

    @property
    def url(self) -> str:
        """Where ingest logs in."""


def ingest_settings(dsn: str, broker: HasUrl, **more: str) -> dict[str, str]:
    """Settings of an ingest process that shares nothing with another test's."""
    own = uuid.uuid4().hex[:10]
    return {
        "INGEST_DATABASE_URL": dsn,
        "INGEST_MQTT_URL": broker.url,
        "INGEST_CLIENT_ID": f"ingest-{own}",
        "INGEST_SHARE_GROUP": f"g{own}",
        "INGEST_GATEWAY_TOKEN": TOKEN,
        "INGEST_LOG_JSON": "false",
        **more,
    }


async def enrol(pool: Pool, pumps: Iterable[str], handhelds: dict[str, str | None] | None = None) -> None:
    """Put pumps, and handhelds with their pumps, into the registry."""
    await pool.execute("INSERT INTO clinics VALUES ($1, $1) ON CONFLICT DO NOTHING", CLINIC)
    rows = [(pump, "pump", CLINIC) for pump in pumps] + [(h, "handheld", CLINIC) for h in handhelds or {}]
    await pool.executemany("INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, $2, $3)", rows)
    pairs = [(handheld, pump) for handheld, pump in (handhelds or {}).items() if pump]
    await pool.executemany("INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, $2)", pairs)


def unique(prefix: str) -> str:
    """A device of the test's own: the broker is shared."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def reading(volume_ml: float = 12.4, *, ago: timedelta = timedelta(), **more: object) -> dict[str, object]:
    """A reservoir event of now, or of some time ago."""
    observed_at = (datetime.now(UTC) - ago).isoformat()
    return {"event_id": str(uuid.uuid4()), "observed_at": observed_at, "volume_ml": volume_ml, **more}


def alarm(code: str, state: str = "raised", *, ago: timedelta = timedelta()) -> dict[str, object]:
    """An alarm event of now, or of some time ago."""
    observed_at = (datetime.now(UTC) - ago).isoformat()
    return {"event_id": str(uuid.uuid4()), "observed_at": observed_at, "code": code, "state": state}


def encoded(event: object) -> bytes:
    """The bytes of an event, or of a list of them."""
    return json.dumps(event).encode()


class Device:
    """A device that publishes with receipts over its own connection."""

    def __init__(self, name, link):
        self.name, self.link, self.receipts, self.sent = name, link, {}, 0

    def on_message(self, packet):
        self.receipts.setdefault(packet.correlation_data, []).append(json.loads(packet.payload))

    async def publish(self, level, payload, *, response_topic=None):
        self.sent += 1
        correlation = str(self.sent).encode()
        await self.link.publish(
            f"pumpwatch/v1/{self.name}/events/{level}",
            payload if isinstance(payload, bytes) else encoded(payload),
            response_topic=response_topic or f"pumpwatch/v1/{self.name}/receipts",
            correlation_data=correlation,
        )
        return correlation

    async def receipt(self, level, payload):
        correlation = await self.publish(level, payload)
        await eventually(lambda: correlation in self.receipts, what="the receipt")
        [receipt] = self.receipts[correlation]
        return receipt


@asynccontextmanager
async def opened(broker, name):
    """A device on a connection of its own, which hears its receipts."""
    device = Device(name, None)
    async with open_link(broker_address(broker.url), client_id=name, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{name}/receipts")
        yield device


@asynccontextmanager
async def held(database, table):
    """Nothing can be stored in this table."""
    connection = await asyncpg.connect(database.dsn)
    await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        await connection.close()


async def metric(service, name):
    """The value of a metric of ingest, by its name behind `pumpwatch_ingest_`, with its labels."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{service.url}/metrics")).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(values[f"pumpwatch_ingest_{name}"])


async def not_sent(service, reason):
    return await metric(service, f'receipts_not_sent_total{{reason="{reason}"}}')
