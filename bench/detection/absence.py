"""How often a device with a regular habit is called silent though it is well.

A device uploads every so many days, not to the minute, and now and then an upload fails. What ingest would keep of it
(services.alerts.facts.from_events) is put to the rule just before each upload: an alert that is open then was a false
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from schemas import events as wire
from schemas.policy import Policy
from services.alerts.facts.from_events import History
from services.alerts.model import Strength
from services.alerts.rules.device_silent import device_silent

HABITS_DAYS: Final = (1, 7, 11, 60)
JITTER: Final = 0.1
"""An upload comes so much of the habit early or late, at the most."""
FAILS: Final = 0.02
"""So many uploads fail."""
BEGAN: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_PAUSES_TO_LEARN: Final = 5


@dataclass(frozen=True, slots=True)
class Absence:
    """What one device made in a time: days since the first upload at which it was called silent."""

    days: float
    learned_on_day: float
    false_on_days: tuple[float, ...]

    def later(self) -> int:
        """Those after it had paused five times."""
        return sum(day > self.learned_on_day for day in self.false_on_days)

    def within(self, days: float) -> int:
        """Those of the first days."""
        return sum(day <= days for day in self.false_on_days)


def live(habit_days: float, days: float, seed: str, *, jitter: float = JITTER, fails: float = FAILS) -> Absence:
    """Let one device live."""
    draw, policy = Random(seed), Policy()
    history = History("pump-1", "north")
    false: list[float] = []
    uploads, learned, number = 0, float("inf"), 0
    while number * habit_days <= days:
        day = (number + draw.uniform(-jitter, jitter)) * habit_days
        number += 1
        if uploads and draw.random() < fails:
            continue
        at = BEGAN + timedelta(days=day)
        facts = history.facts(at, 1)
        if any(each.strength is Strength.FULL for each in device_silent(facts, policy, at)):
            false.append(day)
        beat = wire.Status(event_id=UUID(int=draw.getrandbits(128)), observed_at=at)
        history.add(beat, at, "pump-1")
        uploads += 1
        if uploads == _PAUSES_TO_LEARN + 1:
            learned = day
    return Absence(days, learned, tuple(false))


def find_absences(seed: int, devices: int = 200, years: float = 3.0) -> list[dict[str, Any]]:
    """The figures, by habit."""
    lines = []
    for habit in HABITS_DAYS:
        days = 365 * years + 6 * habit
        lives = [live(habit, days, f"{seed}/{habit}/{number}") for number in range(devices)]
        learned_days = sum(max(0.0, days - each.learned_on_day) for each in lives)
        lines.append(
            {
                "habit_days": habit,
                "devices": devices,
                "false_a_year_after_five_pauses": round(365 * sum(each.later() for each in lives) / learned_days, 3),
                "most_of_one_device_a_year": round(
                    max(365 * each.later() / max(365.0, days - each.learned_on_day) for each in lives), 2
                ),
                "false_in_the_first_60_days_of_1000_devices": round(
                    1000 * sum(each.within(60) for each in lives) / devices, 1
                ),
            }
        )
    return lines
