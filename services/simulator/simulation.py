"""One run, planned: the fleet, its scenarios and its times, before anything is published.

Guarantees: follows from the settings and `now` alone, so tests and the demo can ask what is going to happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from services.simulator.patients.clock import SimulatedClock
from services.simulator.patients.fleet import build_unit, draw_fleet, first_midnight
from services.simulator.patients.model import PumpSpec
from services.simulator.patients.plan import Placement, parse_request, plan_scenarios
from services.simulator.patients.scenarios import Scenario
from services.simulator.patients.unit import Unit
from services.simulator.settings import SimulatorSettings


@dataclass(frozen=True, slots=True)
class Simulation:
    """A fleet that is ready to run: pure, so that tests and the demo can look at it before anything is published."""

    specs: tuple[PumpSpec, ...]
    life_starts_at: datetime
    history_from: datetime
    clock: SimulatedClock
    scenarios: tuple[Scenario, ...]

    def units(self, seed: int) -> Iterator[Unit]:
        """Bring the pumps to life, one after the other."""
        for spec in self.specs:
            yield build_unit(seed, spec, self.life_starts_at, self.scenarios)


def prepare(settings: SimulatorSettings, now: datetime, life_starts_at: datetime | None = None) -> Simulation:
    """Draw the fleet and plan its scenarios for a run that starts at `now`.

    Raises:
        ScenarioRequestError: A scenario cannot be placed; the message says why.
    """
    specs = draw_fleet(
        settings.seed,
        settings.pumps,
        handheld_share=settings.handheld_share,
        demand_memory=settings.demand_memory,
    )
    lead = timedelta(minutes=settings.live_lead_minutes if settings.live else 0)
    clock = SimulatedClock(now - lead, now, settings.speed)
    history_from = first_midnight(now - lead, settings.history_days, settings.utc_offset_minutes)
    scenarios = plan_scenarios(
        [parse_request(text) for text in settings.scenarios],
        specs,
        Placement(clock, settings.first_scenario_seconds, settings.scenario_gap_seconds),
        settings.seed,
    )
    return Simulation(specs, life_starts_at or history_from, history_from, clock, scenarios)


def write_truth(path: Path, scenarios: Sequence[Scenario]) -> None:
    """Write the truth file: one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(scenario.truth_line() + "\n" for scenario in scenarios), encoding="utf-8")
