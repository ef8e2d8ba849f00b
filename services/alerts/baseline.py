"""PURE. What a pump's days tell about its patient's usual demand, and how rare the last days are against it.

Source: DOMAIN.md section 3, recipe a to e: attempts and not deliveries, missing days are missing and not
zero, the baseline begins anew when the pump is reprogrammed and counts at most `CARRIED_DAYS` days from
before the newest refill (a refill is where a mixture may change without anybody saying so).

Scanning several spans back from now, each against days before all of them, is a window-limited CUSUM: the
span that is rarest is the likeliest beginning. Measured (bench/results/detection.md), tails of the
predictive distribution find more at one false-alert rate than likelihood ratios do, because they carry the
uncertainty of a short baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import BolusDemandPolicy
from services.alerts.model import DayWindow, PumpFacts
from services.alerts.negative_binomial import Habit, learn, tail

CARRIED_DAYS: Final = 63
SURGE_SPANS: Final = (1, 2, 3)
DRIFT_SPANS: Final = (7, 14, 21, 28)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """The rarest of the spans that were looked at: its days, those of them known, its count and how rare."""

    days: int
    known_days: int
    attempts: int
    probability: float


def known_before(facts: PumpFacts, rule: BolusDemandPolicy, now: datetime, after: int) -> list[int]:
    """The counts of the days that the baseline rests on, newest first: windows from number `after` on."""
    last = rule.baseline_days
    if facts.reprogrammed_at is not None:
        last = min(last, int((now - facts.reprogrammed_at) / _DAY))
    if facts.refill is not None:
        last = min(last, int((now - facts.refill.observed_at) / _DAY) + CARRIED_DAYS)
    return [window.attempts for window in facts.windows[after:last] if window.heard]


def habit(facts: PumpFacts, rule: BolusDemandPolicy, now: datetime, after: int) -> Habit | None:
    """What is usual, from the days before the newest `after`; None: too few are known yet."""
    counts = known_before(facts, rule, now, after)
    return learn(counts) if len(counts) >= rule.minimum_days else None


def rarest(windows: Sequence[DayWindow], usual: Habit, spans: Sequence[int], at_least: int) -> Span:
    """The rarest span that ends now, by P(as many or more); fewer than `at_least` attempts are never rare.

    Days of which nothing is known count neither way.
    """
    found = Span(spans[0], 0, 0, 1.0)
    attempts = known = day = 0
    for span in spans:
        for window in windows[day:span]:
            if window.heard:
                attempts, known = attempts + window.attempts, known + 1
        day = span
        if known == 0 or attempts < at_least or attempts <= known * usual.mean:
            continue
        probability = tail(usual.over(known), attempts)
        if probability < found.probability:
            found = Span(span, known, attempts, probability)
    return found
