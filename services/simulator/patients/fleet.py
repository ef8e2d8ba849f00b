"""PURE. The fleet: its pumps, their lives from a first midnight on, and what they can upload by a given moment.

Guarantees: pure and lazy; a pump's events do not depend on the other pumps, on how many there are, or on the steps in
which they are taken. `uploads` keeps each device's order and never mixes two devices in one message.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from services.simulator.patients.model import Event, PumpSpec
from services.simulator.patients.scenarios import Scenario, ScenarioKind
from services.simulator.patients.specs import draw_pump
from services.simulator.patients.unit import Unit


@dataclass(frozen=True, slots=True)
class Upload:
    """Events that one device sends in one message."""

    device_id: str
    events: Sequence[Event]


def first_midnight(now: datetime, days: int, utc_offset_minutes: int) -> datetime:
    """The local midnight on or before `now - days`; a fleet's life starts there, so that runs of a day agree."""
    zone = timezone(timedelta(minutes=utc_offset_minutes))
    return (now.astimezone(zone) - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)


def draw_fleet(
    seed: int, pumps: int, *, handheld_share: float = 0.8, demand_memory: bool = False
) -> tuple[PumpSpec, ...]:
    """Draw the pumps of a fleet, number 1 to `pumps`."""
    return tuple(
        draw_pump(seed, index, handheld_share=handheld_share, demand_memory=demand_memory)
        for index in range(1, pumps + 1)
    )


def build_unit(seed: int, spec: PumpSpec, life_starts_at: datetime, scenarios: Iterable[Scenario] = ()) -> Unit:
    """Bring one pump to life. `scenarios` may hold those of other pumps; they do not concern it.

    For a reservoir that is to be low at a given moment the pump is lived through once before, to see how much its
    patient uses until then; its last filling before gets just that on top of the alarm level.
    """
    own = tuple(scenario for scenario in scenarios if scenario.pump_id == spec.pump_id)
    low = next((scenario for scenario in own if scenario.kind is ScenarioKind.LOW_RESERVOIR), None)
    if low is None:
        return Unit(seed, spec, life_starts_at, own)
    others = [scenario for scenario in own if scenario is not low]
    rehearsal = Unit(seed, spec, life_starts_at, others, probe_at=low.starts_at)
    rehearsal.events_until(low.starts_at)
    if rehearsal.probed is None:
        msg = f"{low.kind.value} of {spec.pump_id} starts before the pump's life at {life_starts_at.isoformat()}"
        raise ValueError(msg)
    fillings, used_ml = rehearsal.probed
    return Unit(seed, spec, life_starts_at, own, short_fill=(fillings, spec.low_ml + used_ml))


def uploads(events: Iterable[Event], batch_events: int) -> Iterator[Upload]:
    """Pack events of any number of devices into messages of at most `batch_events`, a device at a time."""
    by_device: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_device[event.device_id].append(event)
    for device_id, own in by_device.items():
        for start in range(0, len(own), batch_events):
            yield Upload(device_id, own[start : start + batch_events])


def live_uploads(events: Iterable[Event], batch_events: int) -> Iterator[Upload]:
    """Pack events as devices send them live: alone, and in one message what became available at one moment."""
    waiting: list[Event] = []
    for event in events:
        if waiting and (
            event.device_id != waiting[0].device_id
            or event.available_at != waiting[0].available_at
            or len(waiting) >= batch_events
        ):
            yield Upload(waiting[0].device_id, waiting)
            waiting = []
        waiting.append(event)
    if waiting:
        yield Upload(waiting[0].device_id, waiting)


class LiveFleet:
    """Takes events of many pumps in the order in which they can be uploaded."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units = list(units)
        self._heap = [(unit.next_at(), index) for index, unit in enumerate(self._units)]
        heapq.heapify(self._heap)

    def next_at(self) -> datetime | None:
        """When the next event can be uploaded, or a day must be simulated; None for an empty fleet."""
        return self._heap[0][0] if self._heap else None

    def events_until(self, until: datetime) -> list[Event]:
        """Take what can be uploaded by `until`, ordered by when it could."""
        taken: list[Event] = []
        while self._heap and self._heap[0][0] <= until:
            index = self._heap[0][1]
            taken += self._units[index].events_until(until)
            heapq.heapreplace(self._heap, (self._units[index].next_at(), index))
        taken.sort(key=lambda event: event.available_at)
        return taken
