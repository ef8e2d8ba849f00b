"""PURE. The days that a pump's demand is judged by: what counts of them, and at which level.

Source: docs/domain.md section 3, recipe (a) to (d): attempts and not deliveries, missing days are missing and not zero,
the baseline begins anew when the pump is reprogrammed and counts at most `CARRIED_DAYS` days from before the newest
refill (a refill is where a mixture may change without anybody saying so).

A person may have accepted a level of demand as the new one (docs/decisions/0018-a-surge-that-goes-on.md). Then
what was before that level began is counted as if it had been at that level: each day times the mean of the new days
over the mean of the old ones. So the pump is judged from the first day on, and by how its days differ. Once enough days
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
from services.alerts.facts.model import DayWindow, PumpFacts
from services.alerts.rules.demand.negative_binomial import mean_of

CARRIED_DAYS: Final = 84
ACCEPTED_DAYS: Final = 28
"""A level that is accepted began at most so many days before; longer ago, it is in the baseline as it is."""
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
    accepted = accepted_window(facts, now)
    if accepted is None or accepted >= len(counts):
        return Days(counts, len(counts))
    return _at_level(counts, accepted)


def accepted_window(facts: PumpFacts, now: datetime) -> int | None:
    """The window in which a person accepted the level of demand; None: nobody has, since the pump was reprogrammed."""
    accepted, changed = facts.demand_accepted_at, facts.reprogrammed_at
    if accepted is None or (changed is not None and changed >= accepted):
        return None
    return max(0, int((now - accepted) / _DAY))


def _at_level(counts: tuple[int | None, ...], accepted: int) -> Days:
    """Scale what was before the level that was accepted in this window."""
    begins = _begins(counts, accepted)
    new = [count for count in counts[accepted:begins] if count is not None]
    old = [count for count in counts[begins:] if count is not None]
    if not new or not old:
        return Days(counts, len(counts))
    factor = mean_of(new) / mean_of(old)
    scaled = (None if count is None else round(count * factor) for count in counts[begins:])
    return Days((*counts[:begins], *scaled), begins)


def _begins(counts: Sequence[int | None], accepted: int) -> int:
    """Where the level begins: the days from `accepted` to there differ most clearly from those before.

    That is the split of the days into two with the largest likelihood of two means (of Poisson counts), within
    ACCEPTED_DAYS. Where days swing, the most extreme of them may decide; they then count for more than one would think.
    """
    sums = list(accumulate((count or 0 for count in counts[accepted:]), initial=0))
    known = list(accumulate((count is not None for count in counts[accepted:]), initial=0))
    best, found = -1.0, accepted + 1
    for split in range(1, min(ACCEPTED_DAYS, len(sums) - 1) + 1):
        new, old = known[split], known[-1] - known[split]
        if new and old:
            clear = _log(sums[split], new) + _log(sums[-1] - sums[split], old)
            if clear > best:
                best, found = clear, accepted + split
    return found


def _log(total: int, days: int) -> float:
    """What the total of some days adds to the likelihood, at the mean that fits them best."""
    return total * math.log(total / days) if total else 0.0
