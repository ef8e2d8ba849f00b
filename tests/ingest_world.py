"""What the tests of ingest share: its settings, a fleet in the registry, and events to send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from services.devstack.servers.mosquitto import MosquittoServer
from services.runtime.database import Pool

CLINIC = "north"
TOKEN = "gateway-secret"  # noqa: S105 - of the tests


def ingest_settings(dsn: str, broker: MosquittoServer, **more: str) -> dict[str, str]:
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
