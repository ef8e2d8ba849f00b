"""PURE. Draw one pump and its handheld from the fleet's seed.

Guarantees: a spec depends on (seed, index, share of handhelds) only, never on how many pumps there are; whether
patients have a memory changes nothing else about it. Every value
lies in the ranges of docs/domain.md sections 1 and 2; what that page marks GK rests on general knowledge here too, and
on no source.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from services.simulator.patients.model import BolusSpec, Drug, FlowProfile, HandheldSpec, PumpSpec

_WITH_BOLUS: Final = (
    (("morphine", (10_000.0, 20_000.0, 25_000.0)),),
    (("hydromorphone", (5_000.0, 10_000.0)),),
    (("morphine", (10_000.0, 15_000.0)), ("bupivacaine", (5_000.0, 7_500.0))),
    (("fentanyl", (1_000.0, 2_000.0)),),
)
"""Boluses by the patient are for opioids, not for baclofen (docs/domain.md section 2 [26])."""

_WITHOUT_BOLUS: Final = (
    (("baclofen", (500.0, 1_000.0, 2_000.0)),),
    (("baclofen", (500.0, 1_000.0, 2_000.0)),),
    (("ziconotide", (25.0, 100.0)),),
    (("morphine", (10_000.0, 20_000.0)),),
)

_DAY_SHAPES: Final = (
    ((0, 1.0),),
    ((0, 0.8), (420, 1.15), (1320, 0.8)),
    ((0, 0.7), (360, 1.3), (1260, 0.7)),
    ((0, 0.75), (360, 1.5), (600, 1.05), (1260, 0.75)),
)
"""(minute of the day, rate over the mean rate): constant, and three with a quieter night."""

_MEMORY: Final = (0.7, 0.9)
_MEMORY_SPREAD: Final = (0.2, 0.45)
"""Of the log-rate (INF). At 2 to 8 requests a day the daily counts have a lag-1 of about 0.05 to 0.5 then."""

_MARGIN_ML: Final = 2.0
"""What is left above the low alarm on the day the refill is due, all boluses used."""


def draw_pump(seed: int, index: int, *, handheld_share: float = 0.8, demand_memory: bool = False) -> PumpSpec:
    """Draw pump number `index` (from 1) of the fleet of `seed`; with `demand_memory`, a patient's days are alike."""
    draw = Random(f"pumpwatch/{seed}/{index}")
    has_handheld = draw.random() < handheld_share
    size_ml = draw.choice((20.0, 40.0, 40.0))
    low_ml = draw.choice((2.0, 2.0, 2.0, 3.0, 4.0))
    interval_days = draw.randint(45, 150)
    mixture = draw.choice(_WITH_BOLUS if has_handheld else _WITHOUT_BOLUS)
    drugs = tuple(Drug(name, draw.choice(strengths)) for name, strengths in mixture)
    worst_daily_ml = (size_ml - 0.2 - low_ml - _MARGIN_ML) / (interval_days + 1)
    bolus_share = draw.uniform(0.03, 0.12)
    limit = draw.choice((3, 4, 4, 6, 6, 8)) if has_handheld else 0
    profile = _draw_profile(draw, worst_daily_ml / (1 + bolus_share * limit))
    bolus = _bolus(draw, profile, drugs[0], bolus_share, limit) if has_handheld else None
    return PumpSpec(
        index=index,
        pump_id=f"pump-{index:04d}",
        handheld=_draw_handheld(draw, seed, index, limit, demand_memory=demand_memory) if has_handheld else None,
        drugs=drugs,
        profile=profile,
        bolus=bolus,
        size_ml=size_ml,
        low_ml=low_ml,
        refill_interval_days=interval_days,
        days_since_refill=draw.randint(1, interval_days - 10),
        accuracy=min(1.05, max(0.95, draw.gauss(1.01, 0.012))),
        service_days_left=draw.randint(400, 2_400),
        firmware=draw.choice(("2.1.4", "2.1.4", "2.2.0", "3.0.1")),
        reading_offset_seconds=draw.randrange(60, 4 * 3600 - 60),
    )


def _draw_profile(draw: Random, mean_ml_per_day: float) -> FlowProfile:
    shape = draw.choice(_DAY_SHAPES)
    mean_of_shape = FlowProfile.of(shape).daily_ml
    # Rounded down, as a programmer rounds: what is programmed never exceeds what was planned for.
    return FlowProfile.of(
        tuple((minute, math.floor(1_000 * mean_ml_per_day * part / mean_of_shape) / 1_000) for minute, part in shape)
    )


def _bolus(draw: Random, profile: FlowProfile, drug: Drug, share: float, limit: int) -> BolusSpec:
    dose_mcg = math.floor(10 * profile.daily_ml * share * drug.concentration_mcg_per_ml) / 10
    return BolusSpec(
        dose_mcg=dose_mcg,
        volume_ml=dose_mcg / drug.concentration_mcg_per_ml,
        lockout_minutes=draw.choice((60, 90, 120, 180, 240)),
        limit_per_24h=limit,
    )


def _draw_handheld(draw: Random, seed: int, index: int, limit: int, *, demand_memory: bool) -> HandheldSpec:
    """1 to 8 attempts a day, most patients well below their limit."""
    wanted = limit * draw.lognormvariate(-0.7, 0.35)
    own = Random(f"pumpwatch/{seed}/{index}/memory")  # of its own, so that all else about the pump stays as it is
    memory, spread = (own.uniform(*_MEMORY), own.uniform(*_MEMORY_SPREAD)) if demand_memory else (0.0, 0.0)
    return HandheldSpec(
        handheld_id=f"handheld-{index:04d}",
        attempts_per_day=round(min(8.0, max(1.0, wanted)), 2),
        dispersion=draw.uniform(12.0, 40.0),
        wakes_hour=draw.gauss(6.8, 0.8),
        weekend_factor=draw.choice((1.0, 1.0, 0.85, 1.15)),
        out_of_reach_probability=draw.choice((0.01, 0.03, 0.08)),
        reports_per_day=draw.choice((0.01, 0.03, 0.06)),
        memory=memory,
        memory_spread=spread,
    )
