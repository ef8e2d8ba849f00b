"""PURE. The days that a pump's demand is judged by: what counts of them, and at which level.

Source: docs/domain.md section 3, recipe (a) to (d): attempts and not deliveries, missing days are missing and not zero,
the baseline begins anew when the pump is reprogrammed and counts at most `CARRIED_DAYS` days from before the newest
refill (a refill is where a mixture may change without anybody saying so).

A person may have accepted a level of demand as the new one (docs/decisions/0018-a-surge-that-goes-on.md). Then
what was before that level began is counted as if it had been at that level: each day times the accepted level over the
mean of those days. So the pump is judged from the first day on, and by how its days differ. Once enough days
of the new level are known, they alone count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from schemas.policy import BolusDemandPolicy
from services.alerts.facts.model import AcceptedLevel, DayWindow, PumpFacts
from services.alerts.rules.demand.negative_binomial import mean_of
from services.alerts.said.model import sentence

CARRIED_DAYS: Final = 84
ACCEPTED_DAYS: Final = 28
"""A level that is accepted began at most so many days before; longer ago, it is in the baseline as it is."""
TOO_FEW: Final = sentence("Too few days are known to tell.")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """The requests of each day, newest first; None: nothing was heard. From `own` on scaled to the level of now."""

    counts: tuple[int | None, ...]
    own: int

    def known(self, after: int, enough: int) -> list[int]:
        """The counts that a baseline rests on, newest first: of days from number `after` on.

        Days that were scaled are left out where `enough` others are known.
        """
        own = [count for count in self.counts[after : self.own] if count is not None]
        if len(own) >= enough:
            return own
        return own + [count for count in self.counts[max(after, self.own) :] if count is not None]


def asked(window: DayWindow) -> int:
    """How often a patient asked: presses within minutes are one request, but two deliveries are always two.

    A lockout stands between deliveries, so the second is no repeated press.
    """
    return max(window.attempts, window.delivered)


def days_of(facts: PumpFacts, rule: BolusDemandPolicy, now: datetime) -> Days:
    """The days of the prescription that holds, at the level that a person has accepted since, if one has."""
    last = rule.baseline_days
    if facts.reprogrammed_at is not None:
        last = min(last, int((now - facts.reprogrammed_at) / _DAY))
    if facts.refill is not None:
        last = min(last, int((now - facts.refill.observed_at) / _DAY) + CARRIED_DAYS)
    counts = tuple(asked(window) if window.heard else None for window in facts.windows[: max(0, last)])
    level = accepted_level(facts)
    if level is None:
        return Days(counts, len(counts))
    begins = max(0, round((now - level.since) / _DAY))
    old = [count for count in counts[begins:] if count is not None]
    if not old:
        return Days(counts, len(counts))
    factor = level.per_day / mean_of(old)
    scaled = (None if count is None else round(count * factor) for count in counts[begins:])
    return Days((*counts[:begins], *scaled), begins)


def accepted_level(facts: PumpFacts) -> AcceptedLevel | None:
    """The level that a person accepted; None: nobody has, since the pump was reprogrammed."""
    level, changed = facts.accepted, facts.reprogrammed_at
    return None if level is None or (changed is not None and changed >= level.at) else level


def level_of(facts: PumpFacts, rule: BolusDemandPolicy, now: datetime) -> AcceptedLevel | None:
    """The level of demand of now, since it last changed, for a person to accept; None: nothing is known of it."""
    counts = days_of(facts, rule, now).counts
    begins = level_begins(counts)
    new = [count for count in counts[:begins] if count is not None]
    return AcceptedLevel(now, now - begins * _DAY, mean_of(new)) if new else None


def level_begins(counts: Sequence[int | None], within: int = ACCEPTED_DAYS) -> int:
    """How many days ago the level of now begins: the days up to there differ most clearly from those before.

    That is the split of the days into two with the largest likelihood of two means (of Poisson counts), at most
    `within` days ago. Where days swing, the most extreme of them may decide; they then count for more than one would
    think.
    """
    sums = list(accumulate((count or 0 for count in counts), initial=0))
    known = list(accumulate((count is not None for count in counts), initial=0))
    best, found = -1.0, min(within, len(counts))
    for split in range(1, found + 1):
        new, old = known[split], known[-1] - known[split]
        if new and old:
            clear = _log(sums[split], new) + _log(sums[-1] - sums[split], old)
            if clear > best:
                best, found = clear, split
    return found


def _log(total: int, days: int) -> float:
    """What the total of some days adds to the likelihood, at the mean that fits them best."""
    return total * math.log(total / days) if total else 0.0
