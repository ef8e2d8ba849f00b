"""PURE. The simulated clock of the live phase.

Guarantees: pure; it starts behind the wall clock, runs `speed` times as fast until it has caught up, and never
passes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """`starts_at` is simulated time when the wall clock shows `wall_starts_at`."""

    starts_at: datetime
    wall_starts_at: datetime
    speed: float

    def at(self, wall: datetime) -> datetime:
        """Simulated time when the wall clock shows `wall`."""
        return min(wall, self.starts_at + (wall - self.wall_starts_at) * self.speed)

    def seconds_until(self, simulated: datetime, wall: datetime) -> float:
        """Wall seconds until simulated time reaches `simulated`; 0 when it has."""
        if simulated <= self.at(wall):
            return 0.0
        at_speed = self.wall_starts_at + (simulated - self.starts_at) / self.speed
        return max(0.0, (max(at_speed, simulated) - wall) / timedelta(seconds=1))
