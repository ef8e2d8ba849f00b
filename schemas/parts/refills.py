"""PURE. The part of a clinic's policy that says when a reservoir is low, and for how long a drug is good in a pump.

docs/domain.md section 1, rows "low-reservoir setting" and "drug in the pump"; schemas/policy.py has the whole.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from schemas.line_text import LineText
from schemas.policy_part import Part, Priority

DrugName = Annotated[LineText, Field(min_length=1, max_length=60, pattern=r"[^\W\d_]")]


class ForecastBy(StrEnum):
    """By which use of boluses it is said that a reservoir will be low before the refill."""

    OWN_USE = "own_use"
    """As this patient has used them; by every bolus while too few days of that are known."""
    WORST_CASE = "worst_case"
    """By every bolus that the limit allows."""


class LowReservoirPolicy(Part):
    """When a reservoir counts as low (docs/domain.md section 1, row "low-reservoir setting")."""

    level_ml: Annotated[float, Field(gt=0, le=40)] = 2.0
    """Used where the therapy programs no level: 2 mL is the manufacturer's recommendation."""
    hysteresis_ml: Annotated[float, Field(ge=0, le=10)] = 1.0
    """An open alert clears only at level + hysteresis, so that reading noise does not re-page (GK)."""
    priority: Priority = Priority.MEDIUM
    empty_priority: Priority = Priority.HIGH
    forecast_by: ForecastBy = ForecastBy.OWN_USE
    """By which use of boluses it may be low before the booked refill (INF)."""
    forecast_probability: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    """So surely the reservoir lasts, by the patient's own use, until the date that is told (INF)."""
    own_use_days: Annotated[int, Field(ge=7, le=84)] = 14
    """While fewer days of a patient's use are known, every bolus of the limit counts (INF)."""
    surge_days: Annotated[float, Field(ge=0, le=14)] = 3.0
    """Whatever a patient's use is: for so many days ahead every bolus of the limit counts (INF)."""
    warn_ahead_days: Annotated[int, Field(ge=7, le=400)] = 28
    """By own use, a day that is farther ahead is not warned of yet: it will be known better, and a visit is moved in
    time (INF)."""
    forecast_priority: Priority = Priority.MEDIUM
    """It may be low before the booked refill (docs/domain.md section 4)."""
    overdue_days: Annotated[int, Field(ge=0, le=90)] = 3
    """So long after the booked day without a refill, somebody should ask (GK)."""
    overdue_priority: Priority = Priority.LOW


class DrugStability(Part):
    """For how many days after the fill a drug, or a mixture of exactly these drugs, is good in the pump."""

    drugs: Annotated[tuple[DrugName, ...], Field(min_length=1, max_length=6)]
    days: Annotated[int, Field(ge=1, le=400)]
    first_fill_days: Annotated[int, Field(ge=1, le=400)] | None = None
    """After the first fill of a pump that is new to the drug, where that is less."""
    undiluted_mcg_per_ml: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = ()
    """The strengths that the drug comes in; any other, and any mixture, is diluted. Not given: no difference."""
    diluted_days: Annotated[int, Field(ge=1, le=400)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.diluted_days is None) != (not self.undiluted_mcg_per_ml):
            msg = "diluted_days and undiluted_mcg_per_ml go together; expected both, or neither"
            raise ValueError(msg)
        return self


DEFAULT_STABILITY: Final = (
    DrugStability(drugs=("morphine",), days=90),
    DrugStability(drugs=("baclofen",), days=180),
    DrugStability(
        drugs=("ziconotide",), days=84, first_fill_days=14, undiluted_mcg_per_ml=(25.0, 100.0), diluted_days=40
    ),
    DrugStability(drugs=("morphine", "clonidine"), days=90),
    DrugStability(drugs=("morphine", "bupivacaine", "clonidine"), days=90),
    DrugStability(drugs=("baclofen", "morphine"), days=30),
)
"""docs/domain.md section 1, row "drug in the pump"."""
