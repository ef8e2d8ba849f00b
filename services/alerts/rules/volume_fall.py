"""PURE. Between two refills the volume falls faster or slower than programmed.

Source: docs/domain.md section 1: over-infusion is more than 14.5 % above programmed [15]; the pump's own volume
is computed, so it shows a wrong programme or counter, and only a measured one shows a wrong flow. A computed
reading is held against the first one of the last week, a measured one against the newest filling.

What must have flowed: the profile, and the boluses known to be delivered. What may have: the profile and
every bolus of the limit, since one of unknown outcome, or not yet uploaded, may have been given. Outside of
that by more than the percentage and 0.5 mL (the noise of a reading) of what was programmed.

Failure modes: nothing shows for three days after a refill or a reprogramming; a slow over-infusion hides
within unused boluses until the refill.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from schemas.events import ReadingBasis
from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts, Reading, Therapy
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.wording import moment

KEY: Final = "volume"
_DAY: Final = timedelta(days=1)
_LEAST_DAYS: Final = 3.0
_NOISE_ML: Final = 0.5


def volume_fall(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition."""
    therapy, newest, start = facts.therapy, facts.reading, _start(facts)
    if therapy is None or newest is None or start is None:
        return ()
    days = (newest.observed_at - start.observed_at) / _DAY
    if days < _LEAST_DAYS or now - newest.observed_at > timedelta(days=policy.infusion.stays_days):
        return ()
    fell = start.volume_ml - newest.volume_ml
    least, most = _programmed(facts, therapy, start, newest, now)
    share = policy.infusion.discrepancy_percent / 100
    if least * (1 - share) - _NOISE_ML <= fell <= most * (1 + share) + _NOISE_ML or newest.volume_ml <= 0:
        return ()
    faster = fell > most
    return (
        Condition(
            rule=RuleName.INFUSION,
            key=KEY,
            priority=policy.infusion.priority,
            strength=Strength.FULL,
            since=min(now, start.observed_at),
            title=f"Reservoir falls {'faster' if faster else 'slower'} than programmed",
            explanation=f"{fell:.1f} mL less since {moment(start.observed_at)}; "
            f"{least:.1f} to {most:.1f} mL are programmed.",
            evidence={"fell_ml": round(fell, 2), "least_ml": round(least, 2), "most_ml": round(most, 2)},
        ),
    )


def _start(facts: PumpFacts) -> Reading | None:
    newest, refill = facts.reading, facts.refill
    if newest is None or newest.basis is ReadingBasis.COMPUTED:
        return facts.earlier_reading
    if refill is None or facts.therapy is None or facts.therapy.observed_at > refill.observed_at + _DAY:
        return None
    return Reading(refill.filled_ml, ReadingBasis.MEASURED, refill.observed_at)


def _programmed(
    facts: PumpFacts, therapy: Therapy, start: Reading, newest: Reading, now: datetime
) -> tuple[float, float]:
    """What must and what may have flowed. Only whole windows between the readings prove deliveries."""
    days = (newest.observed_at - start.observed_at) / _DAY
    first = ceil((now - newest.observed_at) / _DAY)
    last = int((now - start.observed_at) / _DAY)
    delivered = sum(window.delivered for window in facts.windows[first:last])
    least = therapy.daily_ml * days + therapy.bolus_ml * delivered
    return least, max(least, therapy.daily_ml * days + therapy.bolus_ml * therapy.bolus_limit * ceil(days + 1))
