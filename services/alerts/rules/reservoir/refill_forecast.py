"""PURE. Will the reservoir last until the booked refill? low_reservoir puts the answer into its alert.

Source: docs/domain.md section 1, row "low-reservoir setting"; section 4: projected empty before the next refill visit
is of medium priority; section 8 item 4. Which visit is booked is services.alerts.rules.reservoir.booked's, how long a
level lasts own_use's.

From the newest level the profile and the boluses flow until the booked day begins: as this patient uses them, as surely
as the policy wants, or, while too little is known of that or where the policy says so, with every bolus of the limit.
What by own use is not so any more is held for as long as it would be so a day later: the newest day changes it a
little all the time. What is farther ahead than the policy wants is not warned of yet: it will be known better, and the
board shows it. A day that has passed without a refill is overdue.

Failure modes: an over-infusing pump empties sooner than any programme says; of the device's own date the zone is not
known, so its day may be off by half a day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import ForecastBy, LowReservoirPolicy, Priority
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Strength
from services.alerts.rules.reservoir.booked import Booked, booked
from services.alerts.rules.reservoir.own_use import use_of
from services.alerts.said.model import Said, Sentence, sentence
from services.texts.model import msgid

_DAY: Final = timedelta(days=1)
_HELD_DAYS: Final = 1.0
_EVERY_BOLUS: Final = {
    True: msgid(
        "If every bolus is used, the reservoir reaches the alarm level on %(low)s, before the refill booked for "
        "%(visit)s."
    ),
    False: msgid(
        "If every bolus is used, the reservoir reaches the alarm level on %(low)s, about when the refill booked for "
        "%(visit)s."
    ),
}
"""By whether it is low before the visit; as the next ones."""
_AS_PROGRAMMED: Final = {
    True: msgid(
        "As programmed, the reservoir reaches the alarm level on %(low)s, before the refill booked for %(visit)s."
    ),
    False: msgid(
        "As programmed, the reservoir reaches the alarm level on %(low)s, about when the refill booked for %(visit)s."
    ),
}
_BY_OWN_USE: Final = {
    True: msgid(
        "By this patient's own use the reservoir may reach the alarm level on %(low)s, before the refill booked for "
        "%(visit)s."
    ),
    False: msgid(
        "By this patient's own use the reservoir may reach the alarm level on %(low)s, about when the refill booked "
        "for %(visit)s."
    ),
}
_LEARNING: Final = sentence("Too little is known yet of this patient's own use.")
_SHOWN_HOURS: Final = 6
"""By own use nobody knows the hour, and what changes with each look would be written each time."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Why the reservoir needs attention though it is not low: when it will be, if that is known."""

    said: Said
    priority: Priority
    low_at: datetime | None
    visit: Booked
    strength: Strength = Strength.FULL


def forecast(
    volume_ml: float, at: datetime, limit_ml: float, facts: PumpFacts, rule: LowReservoirPolicy, now: datetime
) -> Forecast | None:
    """Look ahead from a level above the limit. None: all is well, or no refill is booked."""
    visit = booked(facts)
    if visit is None or facts.therapy is None:
        return None
    refill = facts.refill
    if now - visit.begins >= timedelta(days=1 + rule.overdue_days) and not (
        refill and refill.observed_at >= visit.begins
    ):
        said = (sentence("The refill of %(day)s is overdue.", day=visit.on),)
        return Forecast(said, rule.overdue_priority, None, visit)
    # Days are compared as numbers: a flow next to nothing lasts for longer than a calendar has dates.
    left_ml, days = volume_ml - limit_ml, (visit.begins - at) / _DAY
    if visit.begins <= now or days <= 0 or left_ml >= facts.therapy.worst_daily_ml * days:
        return None
    return _before(left_ml, at, visit, facts, rule, now)


def _before(
    left_ml: float, at: datetime, visit: Booked, facts: PumpFacts, rule: LowReservoirPolicy, now: datetime
) -> Forecast | None:
    use, days = use_of(facts, rule, now), (visit.begins - at) / _DAY
    assert use is not None  # noqa: S101 - there is a therapy
    by_worst_case, waited_days = rule.forecast_by is ForecastBy.WORST_CASE, (now - at) / _DAY
    low_days, strength = use.worst_days(left_ml), Strength.FULL
    if not by_worst_case:
        low_days = use.sure_days(left_ml, rule.forecast_probability, rule.surge_days + waited_days)
        ahead_days = low_days - waited_days
        if ahead_days > rule.warn_ahead_days + _HELD_DAYS or low_days >= days + _HELD_DAYS:
            return None
        if ahead_days > rule.warn_ahead_days or low_days >= days:
            strength = Strength.HOLDING
    if by_worst_case or use.is_learning or use.worst_daily_ml <= use.daily_ml:
        low_at = at + timedelta(days=min(low_days, days))
        how = _EVERY_BOLUS if use.worst_daily_ml > use.daily_ml else _AS_PROGRAMMED
        learning = (_LEARNING,) if use.is_learning else ()
        return Forecast((_reaches(how, low_at, visit), *learning), rule.forecast_priority, low_at, visit, strength)
    low_at = _rounded(at + timedelta(days=min(low_days, days)))
    return Forecast((_reaches(_BY_OWN_USE, low_at, visit),), rule.forecast_priority, low_at, visit, strength)


def _reaches(how: Mapping[bool, str], low_at: datetime, visit: Booked) -> Sentence:
    low = low_at if low_at.date() >= visit.on else low_at.date()
    return sentence(how[low_at < visit.begins], low=low, visit=visit.on)


def _rounded(at: datetime) -> datetime:
    hour = math.floor(at.hour / _SHOWN_HOURS) * _SHOWN_HOURS
    return at.replace(hour=hour, minute=0, second=0, microsecond=0)
