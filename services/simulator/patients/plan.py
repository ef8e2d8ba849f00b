"""PURE. Which scenario happens to which pump, and when: from what was asked for by name to `Scenario` values.

A request is `NAME`, `NAME/PUMP_ID`, `NAME@WHEN` or `NAME/PUMP_ID@WHEN`. WHEN is `-20d`, `-6h` or `-90m` for simulated
time before now (so within the history), or `+15s` for seconds on the wall after the live phase began.

Guarantees: pure; a pump gets at most one scenario, unless two requests name it; a pump is chosen only if
the scenario would show on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from services.simulator.patients.clock import SimulatedClock
from services.simulator.patients.model import PumpSpec
from services.simulator.patients.scenarios import SHAPES, Scenario, ScenarioKind, make_scenario

_REQUEST: Final = re.compile(
    r"(?P<kind>[a-z_]+)(/(?P<pump>[A-Za-z0-9][A-Za-z0-9._:-]*))?"
    r"(@(-(?P<ago>\d+(\.\d+)?)(?P<unit>[dhm])|\+(?P<wall>\d+(\.\d+)?)s))?"
)
_UNIT: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_SURGE_BASELINE: Final = (1.6, 2.4)
"""A surge must stand out: a patient who usually asks about this often in a day."""


class ScenarioRequestError(ValueError):
    """A scenario that was asked for cannot be had; the message says what is possible."""


@dataclass(frozen=True, slots=True)
class ScenarioRequest:
    """A parsed request. At most one of `before_now` and `wall_seconds` is set."""

    kind: ScenarioKind
    pump_id: str | None = None
    before_now: timedelta | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """When the requests that name no time happen: one after the other, early in the live phase (wall seconds)."""

    clock: SimulatedClock
    first_seconds: float
    gap_seconds: float

    def simulated(self, wall_seconds: float) -> datetime:
        """Simulated time so many wall seconds after the live phase began."""
        return self.clock.at(self.clock.wall_starts_at + timedelta(seconds=wall_seconds))


def parse_request(text: str) -> ScenarioRequest:
    """Read one request.

    Raises:
        ScenarioRequestError: It has another form, or the name is unknown.
    """
    match = _REQUEST.fullmatch(text.strip())
    if match is None:
        msg = f"scenario {text!r}: expected NAME, NAME/PUMP_ID, NAME@-6h (also d, m) or NAME@+15s"
        raise ScenarioRequestError(msg)
    try:
        kind = ScenarioKind(match["kind"])
    except ValueError as error:
        msg = f"scenario {match['kind']!r} is unknown: expected one of {', '.join(ScenarioKind)}"
        raise ScenarioRequestError(msg) from error
    return ScenarioRequest(
        kind,
        match["pump"],
        float(match["ago"]) * _UNIT[match["unit"]] if match["ago"] else None,
        float(match["wall"]) if match["wall"] else None,
    )


def plan_scenarios(
    requests: Iterable[ScenarioRequest], specs: Sequence[PumpSpec], placement: Placement, seed: int
) -> tuple[Scenario, ...]:
    """Give each request a pump and a time.

    The choice depends on the seed and on the hour: two runs on one database, hours apart, make other pumps fail.

    Raises:
        ScenarioRequestError: A pump that was named does not exist or does not suit, or no pump is left.
    """
    draw = Random(f"pumpwatch/{seed}/plan/{placement.clock.wall_starts_at:%Y-%m-%dT%H}")
    free = {spec.pump_id: spec for spec in specs}
    planned: list[Scenario] = []
    next_seconds = placement.first_seconds
    for request in requests:
        spec = _choose(request, specs, free, draw)
        free.pop(spec.pump_id, None)
        if request.before_now is not None:
            starts_at = placement.clock.wall_starts_at - request.before_now
        elif request.wall_seconds is not None:
            starts_at = placement.simulated(request.wall_seconds)
        else:
            starts_at = placement.simulated(next_seconds)
            next_seconds += placement.gap_seconds
        planned.append(_scenario(request, spec, starts_at.replace(microsecond=0)))
    return tuple(planned)


def _choose(request: ScenarioRequest, specs: Sequence[PumpSpec], free: dict[str, PumpSpec], draw: Random) -> PumpSpec:
    if request.pump_id is not None:
        named = next((spec for spec in specs if spec.pump_id == request.pump_id), None)
        if named is None or (SHAPES[request.kind].of_handheld and named.handheld is None):
            lack = "does not exist" if named is None else "has no handheld"
            msg = f"{request.kind.value} cannot happen to {request.pump_id}: it {lack}"
            raise ScenarioRequestError(msg)
        return named
    suitable = [spec for spec in free.values() if suits(request.kind, spec)]
    if not suitable:
        msg = f"{request.kind.value}: of {len(specs)} pumps none that is left suits: use more pumps"
        raise ScenarioRequestError(msg)
    return draw.choice([spec for spec in suitable if shows_plainly(request.kind, spec)] or suitable)


def shows_plainly(kind: ScenarioKind, spec: PumpSpec) -> bool:
    """Tell whether only what was asked for is told of this pump, and nothing that leads up to it.

    A reservoir is booked to be filled before every bolus of the limit could have emptied it. Where the patient asks
    for less, it is low so long after that day that the missed visit is paged first.
    """
    return kind is not ScenarioKind.LOW_RESERVOIR or spec.worst_daily_ml == spec.usual_daily_ml


def suits(kind: ScenarioKind, spec: PumpSpec) -> bool:
    """Tell whether the scenario would show on this pump."""
    match kind:
        case ScenarioKind.DEMAND_SURGE:
            if spec.handheld is None or spec.bolus is None:
                return False
            low, high = _SURGE_BASELINE
            return low <= spec.handheld.attempts_per_day <= high and spec.bolus.lockout_minutes >= 60
        case ScenarioKind.DEMAND_DRIFT:
            return spec.handheld is not None and spec.handheld.attempts_per_day >= _SURGE_BASELINE[0]
        case ScenarioKind.OVER_INFUSION | ScenarioKind.UNDER_INFUSION:
            # Enough flow between two refills for the residual to leave the 2 mL that are ordinary.
            return spec.usual_daily_ml * spec.refill_interval_days * 0.3 > 4.0
        case _:
            return True


def _scenario(request: ScenarioRequest, spec: PumpSpec, starts_at: datetime) -> Scenario:
    """A surge in the live phase is uploaded at its time, by a handheld that was out of reach while it lasted."""
    duration = SHAPES[request.kind].duration
    if request.kind is ScenarioKind.DEMAND_SURGE and request.before_now is None and duration is not None:
        return make_scenario(request.kind, spec, starts_at - duration, ends_at=starts_at, uploaded_at=starts_at)
    return make_scenario(request.kind, spec, starts_at)
