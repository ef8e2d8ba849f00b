"""PURE. The pump: the volume that it computes, the volume that is really there, and what it says of the computed one.

Guarantees: both volumes stay between 0 and the size; the computed one falls by exactly the programmed flow and the
boluses the pump gave, whatever is true. So an over-infusing pump does not sound its low alarm (docs/domain.md section 1
[9]), and a stalled one goes on counting down: only the residual at the next refill shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.simulator.patients.model import PumpSpec


@dataclass(slots=True)
class Reservoir:
    """The volumes of one pump, in mL."""

    size_ml: float
    computed_ml: float
    true_ml: float
    used_since_fill_ml: float = 0.0
    """What the pump counted down since the last filling."""
    fills: int = 0

    def infuse(self, programmed_ml: float, true_ratio: float) -> None:
        """Let the programmed amount flow; `true_ratio` of it really does (0 in a stall)."""
        counted = min(programmed_ml, self.computed_ml)
        self.computed_ml -= counted
        self.used_since_fill_ml += counted
        self.true_ml = max(0.0, self.true_ml - programmed_ml * true_ratio)

    def fill(self, filled_ml: float) -> None:
        """Empty it, put `filled_ml` in, and tell the pump so."""
        self.computed_ml = self.true_ml = min(self.size_ml, filled_ml)
        self.used_since_fill_ml = 0.0
        self.fills += 1


def therapy_payload(spec: PumpSpec, refill_due: datetime) -> dict[str, object]:
    """What was programmed, as the `therapy` event carries it."""
    bolus = spec.bolus
    return {
        "drugs": [
            {"name": drug.name, "concentration_mcg_per_ml": drug.concentration_mcg_per_ml} for drug in spec.drugs
        ],
        "profile": [
            {"from": f"{minute // 60:02d}:{minute % 60:02d}", "rate_ml_per_day": rate}
            for minute, rate in spec.profile.steps
        ],
        "bolus": None
        if bolus is None
        else {
            "dose_mcg": bolus.dose_mcg,
            "lockout_minutes": bolus.lockout_minutes,
            "limit_per_24h": bolus.limit_per_24h,
        },
        "reservoir_size_ml": spec.size_ml,
        "low_reservoir_ml": spec.low_ml,
        "refill_due": refill_due.date().isoformat(),
    }


def status_payload(spec: PumpSpec, life_starts_at: datetime, now: datetime) -> dict[str, object]:
    """The pump's heartbeat; its battery is planned to last 7 years (docs/domain.md section 1 [12])."""
    ends = life_starts_at + timedelta(days=spec.service_days_left)
    left = max(0.0, (ends - now) / timedelta(days=7 * 365))
    return {
        "battery_percent": round(100 * min(1.0, left), 1),
        "firmware": spec.firmware,
        "end_of_service": ends.astimezone(UTC).date().isoformat(),
    }
