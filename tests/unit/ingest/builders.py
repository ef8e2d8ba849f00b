"""Messages as devices send them, and what is decoded from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.ingest.messages.decode import ClockLimits, Decoded, decode
from services.ingest.messages.whose import ALWAYS, Enrolment, Pairing

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLOCK = ClockLimits(ahead=timedelta(hours=24), behind=timedelta(days=400))
REGISTRY = {
    "pump-1": Enrolment("north", "pump-1"),
    "hand-1": Enrolment("north", "pump-1"),
    "hand-2": Enrolment("north", None),
    "hand-3": Enrolment.of_pairings("north", [Pairing("pump-1", ALWAYS, NOW.timestamp() - 86_400)]),
}


@dataclass(frozen=True)
class Sent:
    topic: str
    payload: bytes


def sent(payload: object, *, device: str = "pump-1", level: str = "reservoir") -> Sent:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Sent(f"pumpwatch/v1/{device}/events/{level}", body)


def reading(**changes: object) -> dict[str, object]:
    event = {"event_id": str(uuid4()), "observed_at": "2026-11-22T08:00:00+01:00", "volume_ml": 12.4}
    return {key: value for key, value in (event | changes).items() if value is not ...}


def decoded(*messages: Sent) -> Decoded:
    return decode(messages, REGISTRY, now=NOW, clock=CLOCK)
