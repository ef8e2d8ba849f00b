"""PURE. What a bad connection or a bad clock does to events that are already observed.

Guarantees: pure; an event keeps its id, whatever happens to its copies. Nothing is invented, and only a device that is
silent for good loses anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final

from services.simulator.patients.model import Event
from services.simulator.patients.scenarios import Scenario, ScenarioKind


def deliver(events: list[Event], faults: Iterable[Scenario], draw: Random) -> list[Event]:
    """Apply the delivery faults of one pump and its handheld to events in order of observation."""
    for fault in faults:
        events = [
            out
            for event in events
            for out in (_FAULTY[fault.kind](event, fault, draw) if _concerns(fault, event) else (event,))
        ]
    return events


def _concerns(fault: Scenario, event: Event) -> bool:
    if fault.kind is ScenarioKind.HOLIDAY:  # pump and handheld are away together, with what they had not uploaded yet
        return fault.covers(event.available_at.timestamp())
    return event.device_id == fault.device_id and fault.covers(event.observed_at.timestamp())


def _silent(event: Event, fault: Scenario, _draw: Random) -> tuple[Event, ...]:
    if fault.ends_at is None:
        return ()
    return (replace(event, available_at=max(event.available_at, fault.ends_at)),)


def _skewed(event: Event, fault: Scenario, _draw: Random) -> tuple[Event, ...]:
    return (replace(event, observed_at=event.observed_at + timedelta(minutes=fault.parameters["ahead_minutes"])),)


def _duplicated(event: Event, fault: Scenario, _draw: Random) -> tuple[Event, ...]:
    after = timedelta(seconds=fault.parameters["after_seconds"])
    return (event, replace(event, available_at=event.available_at + after))


def _reordered(event: Event, fault: Scenario, draw: Random) -> tuple[Event, ...]:
    late = timedelta(seconds=draw.randint(0, int(60 * fault.parameters["at_most_minutes"])))
    return (replace(event, available_at=event.available_at + late),)


_FAULTY: Final[Mapping[ScenarioKind, Callable[[Event, Scenario, Random], tuple[Event, ...]]]] = {
    ScenarioKind.SILENT_DEVICE: _silent,
    ScenarioKind.HOLIDAY: _silent,
    ScenarioKind.CLOCK_SKEW: _skewed,
    ScenarioKind.DUPLICATE_DELIVERY: _duplicated,
    ScenarioKind.REORDERED_DELIVERY: _reordered,
}
DELIVERY_FAULTS: Final = frozenset(_FAULTY)
