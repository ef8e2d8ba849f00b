"""A pump as it was programmed, and the clock of its clinic."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from services.alerts.web.pump.model import Programmed
from tests.unit.alerts.rules.builders import ago

BERLIN = ZoneInfo("Europe/Berlin")
PROGRAMMED = Programmed(
    at=ago(100),
    drugs=(
        {"name": "Morphine", "concentration_mcg_per_ml": 20_000.0},
        {"name": "clonidine", "concentration_mcg_per_ml": 50},
    ),
    profile=({"from": "00:00", "rate_ml_per_day": 0.4},),
    bolus_dose_mcg=500.0,
    bolus_lockout_minutes=240,
    bolus_limit_per_24h=4,
    reservoir_size_ml=40.0,
    low_reservoir_ml=4.0,
    refill_due=date(2026, 12, 24),
)
