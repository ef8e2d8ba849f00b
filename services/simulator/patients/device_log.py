"""PURE. What one device keeps about itself: its counter, its ids, and when it can be reached.

Guarantees: `seq` counts the device's observations without gaps; the id of each is made of its `seq` and of when the
device's life began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from schemas.events import EventKind
from services.simulator.patients.model import Event, event_id, event_namespace


class DeviceLog:
    """One device's own counter and ids; the device is in reach again at `reach_from`."""

    def __init__(self, seed: int, device_id: str, life_starts_at: datetime) -> None:
        self.device_id = device_id
        self.reach_from = 0
        self._namespace = event_namespace(seed, device_id, life_starts_at)
        self._zone: tzinfo | None = life_starts_at.tzinfo
        self._seq = 0

    def event(self, kind: EventKind, at: int, payload: Mapping[str, object]) -> Event:
        """Record an observation."""
        seq = self._seq
        self._seq = seq + 1
        observed = datetime.fromtimestamp(at, self._zone)
        available = observed if at >= self.reach_from else datetime.fromtimestamp(self.reach_from, self._zone)
        return Event(self.device_id, kind, observed, event_id(self._namespace, seq), seq, payload, available)
