"""What a bad connection or a bad clock does to events that are already observed.

Guarantees: pure; an event keeps its id, whatever happens to its copies. Nothing is invented, and only a device that is
silent for good loses anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final, assert_never

from services.simulator.model import Event
from services.simulator.scenarios import Scenario, ScenarioKind

_Fault = ScenarioKind
DELIVERY_FAULTS: Final = frozenset(
    {_Fault.SILENT_DEVICE, _Fault.CLOCK_SKEW, _Fault.DUPLICATE_DELIVERY, _Fault.REORDERED_DELIVERY}
)


def deliver(events: list[Event], faults: Iterable[Scenario], draw: Random) -> list[Event]:
    """Apply the delivery faults of one pump and its handheld to events in order of observation."""
    for fault in faults:
        events = [
            out for event in events for out in (_faulty(event, fault, draw) if _concerns(fault, event) else (event,))
        ]
    return events


def _concerns(fault: Scenario, event: Event) -> bool:
    return event.device_id == fault.device_id and fault.covers(event.observed_at.timestamp())


def _faulty(event: Event, fault: Scenario, draw: Random) -> tuple[Event, ...]:
    match fault.kind:
        case ScenarioKind.SILENT_DEVICE:
            if fault.ends_at is None:
                return ()
            return (replace(event, available_at=max(event.available_at, fault.ends_at)),)
        case ScenarioKind.CLOCK_SKEW:
            ahead = timedelta(minutes=fault.parameters["ahead_minutes"])
            return (replace(event, observed_at=event.observed_at + ahead),)
        case ScenarioKind.DUPLICATE_DELIVERY:
            after = timedelta(seconds=fault.parameters["after_seconds"])
            return (event, replace(event, available_at=event.available_at + after))
        case ScenarioKind.REORDERED_DELIVERY:
            late = timedelta(seconds=draw.randint(0, int(60 * fault.parameters["at_most_minutes"])))
            return (replace(event, available_at=event.available_at + late),)
        case (
            ScenarioKind.DEMAND_SURGE
            | ScenarioKind.DEMAND_DRIFT
            | ScenarioKind.MOTOR_STALL
            | ScenarioKind.MOTOR_STALL_RECOVERED
            | ScenarioKind.LOW_RESERVOIR
            | ScenarioKind.OVER_INFUSION
            | ScenarioKind.UNDER_INFUSION
        ):
            return (event,)
        case _:
            assert_never(fault.kind)
