"""PURE. Scenarios: what can be made to happen to a pump, its patient or its connection, and the truth about it.

Guarantees: a scenario is a value; it changes its own pump from `starts_at` on and nothing before (except
`low_reservoir`, which needs a smaller filling earlier on), and no other pump at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

from services.simulator.patients.model import SECONDS_PER_DAY, PumpSpec


class ScenarioKind(StrEnum):
    """What can be asked for by name."""

    DEMAND_SURGE = "demand_surge"
    DEMAND_DRIFT = "demand_drift"
    MOTOR_STALL = "motor_stall"
    MOTOR_STALL_RECOVERED = "motor_stall_recovered"
    LOW_RESERVOIR = "low_reservoir"
    OVER_INFUSION = "over_infusion"
    UNDER_INFUSION = "under_infusion"
    SILENT_DEVICE = "silent_device"
    HOLIDAY = "holiday"
    CLOCK_SKEW = "clock_skew"
    DUPLICATE_DELIVERY = "duplicate_delivery"
    REORDERED_DELIVERY = "reordered_delivery"


@dataclass(frozen=True, slots=True)
class Shape:
    """The defaults of one kind of scenario."""

    duration: timedelta | None
    """None: it never ends."""
    parameters: Mapping[str, float]
    expected: tuple[str, str] | None = None
    """The (rule, key) of the alert that a clinic should get, where one is expected."""
    of_handheld: bool = False
    """The truth names the handheld as the device concerned."""


SHAPES: Final[Mapping[ScenarioKind, Shape]] = {
    ScenarioKind.DEMAND_SURGE: Shape(
        timedelta(hours=4), {"attempts": 20}, ("bolus_demand", "attempts_24h"), of_handheld=True
    ),
    ScenarioKind.DEMAND_DRIFT: Shape(timedelta(days=28), {"factor": 2.5}, of_handheld=True),
    ScenarioKind.MOTOR_STALL: Shape(None, {}, ("pump_alarm", "infusion")),
    ScenarioKind.MOTOR_STALL_RECOVERED: Shape(timedelta(minutes=40), {}),
    ScenarioKind.LOW_RESERVOIR: Shape(None, {}, ("low_reservoir", "reservoir")),
    ScenarioKind.OVER_INFUSION: Shape(None, {"factor": 1.4}),
    ScenarioKind.UNDER_INFUSION: Shape(None, {"factor": 0.6}),
    ScenarioKind.SILENT_DEVICE: Shape(None, {}),
    ScenarioKind.HOLIDAY: Shape(timedelta(days=10), {}),
    ScenarioKind.CLOCK_SKEW: Shape(None, {"ahead_minutes": 90}),
    ScenarioKind.DUPLICATE_DELIVERY: Shape(timedelta(days=2), {"after_seconds": 45}),
    ScenarioKind.REORDERED_DELIVERY: Shape(timedelta(days=2), {"at_most_minutes": 600}),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that is made to happen to one pump."""

    kind: ScenarioKind
    pump_id: str
    device_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    uploaded_at: datetime | None = None
    """Of a surge: the handheld is out of reach from `starts_at`, and its log comes in one upload now."""
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def expected(self) -> tuple[str, str] | None:
        """The (rule, key) of the alert that is expected, if one is."""
        return SHAPES[self.kind].expected

    def covers(self, at_seconds: float) -> bool:
        """Tell whether it holds at this moment, in seconds since 1970."""
        return self.starts_at.timestamp() <= at_seconds and (
            self.ends_at is None or at_seconds < self.ends_at.timestamp()
        )

    def truth_line(self) -> str:
        """One line of the truth file: a JSON object."""
        rule, key = self.expected or (None, None)
        return json.dumps(
            {
                "scenario": self.kind.value,
                "pump_id": self.pump_id,
                "device_id": self.device_id,
                "starts_at": self.starts_at.isoformat(),
                "ends_at": self.ends_at.isoformat() if self.ends_at else None,
                "visible_at": (self.uploaded_at or self.starts_at).isoformat(),
                "expected_rule": rule,
                "expected_key": key,
                "parameters": dict(self.parameters),
            }
        )


def make_scenario(
    kind: ScenarioKind,
    spec: PumpSpec,
    starts_at: datetime,
    *,
    ends_at: datetime | None = None,
    uploaded_at: datetime | None = None,
    parameters: Mapping[str, float] | None = None,
) -> Scenario:
    """Make a scenario of one pump; what is left out comes from its `Shape`.

    Raises:
        ValueError: A scenario about a handheld, of a pump that has none.
    """
    shape = SHAPES[kind]
    if shape.of_handheld and spec.handheld is None:
        msg = f"{kind.value} needs a pump with a handheld, and {spec.pump_id} has none"
        raise ValueError(msg)
    if ends_at is None and shape.duration is not None:
        ends_at = starts_at + shape.duration
    return Scenario(
        kind=kind,
        pump_id=spec.pump_id,
        device_id=spec.handheld.handheld_id if shape.of_handheld and spec.handheld else spec.pump_id,
        starts_at=starts_at,
        ends_at=ends_at,
        uploaded_at=uploaded_at,
        parameters={**shape.parameters, **(parameters or {})},
    )


_FLOW: Final = (ScenarioKind.OVER_INFUSION, ScenarioKind.UNDER_INFUSION)
_STALL: Final = (ScenarioKind.MOTOR_STALL, ScenarioKind.MOTOR_STALL_RECOVERED)


class Effects:
    """What the scenarios of one pump do to its body: flow, motor, patient and visits."""

    def __init__(self, scenarios: Iterable[Scenario], draw: Random) -> None:
        of_kind: dict[ScenarioKind, list[Scenario]] = {kind: [] for kind in ScenarioKind}
        for scenario in scenarios:
            of_kind[scenario.kind].append(scenario)
        self.stalls = [s for kind in _STALL for s in of_kind[kind]]
        self.flows = [s for kind in _FLOW for s in of_kind[kind]]
        self.low = next(iter(of_kind[ScenarioKind.LOW_RESERVOIR]), None)
        self.surges = of_kind[ScenarioKind.DEMAND_SURGE]
        self._drifts = of_kind[ScenarioKind.DEMAND_DRIFT]
        self._presses = sorted(at for surge in self.surges for at in surge_presses(surge, draw))
        self._edges = sorted(
            int(at.timestamp())
            for scenario in (*self.stalls, *self.flows)
            for at in (scenario.starts_at, scenario.ends_at)
            if at is not None
        )

    def true_ratio(self, at_seconds: float, accuracy: float) -> float:
        """True flow over programmed flow."""
        if self.stalled(at_seconds):
            return 0.0
        for scenario in self.flows:
            if scenario.covers(at_seconds):
                return accuracy * scenario.parameters["factor"]
        return accuracy

    def stalled(self, at_seconds: float) -> bool:
        """Tell whether the motor stands still."""
        return any(stall.covers(at_seconds) for stall in self.stalls)

    def demand_factor(self, at_seconds: float) -> float:
        """How much more than usual the patient asks: a drift rises to its factor and stays there."""
        factor = 1.0
        for drift in self._drifts:
            begins = drift.starts_at.timestamp()
            ends = drift.ends_at.timestamp() if drift.ends_at else begins
            part = 1.0 if at_seconds >= ends else max(0.0, (at_seconds - begins) / (ends - begins))
            factor *= 1.0 + (drift.parameters["factor"] - 1.0) * part
        return factor

    def edges(self, day: int) -> list[int]:
        """Moments of the day beginning at `day` when the flow changes."""
        return [at for at in self._edges if day <= at < day + SECONDS_PER_DAY]

    def presses(self, day: int) -> list[int]:
        """Moments of the day when a surge makes the patient press."""
        return [at for at in self._presses if day <= at < day + SECONDS_PER_DAY]


def surge_presses(surge: Scenario, draw: Random) -> list[int]:
    """The extra presses of a surge: about evenly spread from its start to its end."""
    begins = surge.starts_at.timestamp()
    ends = (surge.ends_at or surge.starts_at + timedelta(hours=4)).timestamp()
    count = int(surge.parameters["attempts"])
    step = (ends - begins) / count
    return [int(begins + step * (index + 0.2 + 0.6 * draw.random())) for index in range(count)]
