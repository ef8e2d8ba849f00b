"""PURE. A volume was told that is more than the pump holds: a slip, another unit, or the size of another pump.

Source: docs/domain.md section 1, row "reservoirs" (20 or 40 mL) and row "over-infusion" (likelier after overfilling).
Until it is corrected, such a volume counts as what the pump holds (services.alerts.rules.reservoir.level).

A refill is news for `stays_days`, until a person resolves its alert, or until its entry is corrected; a reading until
the next one.

Failure modes: a slip that stays below the size is no wonder here; if the size that was programmed is wrong, a right
volume is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.events import ReadingBasis
from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength, key_of
from services.alerts.said.model import Sentence, Shortest, Volume, sentence
from services.texts.model import msgid

ENTRY_KEY: Final = "beyond_size"
READING_KEY: Final = "reading_beyond_size"
_ENTERED: Final = {
    "filled_in": msgid("%(told)s were entered as filled in at the refill of %(at)s"),
    "found": msgid("%(told)s were entered as found at the refill of %(at)s"),
    "expected": msgid("%(told)s were entered as expected at the refill of %(at)s"),
}
_READ: Final = {
    ReadingBasis.COMPUTED: msgid("%(told)s were computed %(at)s"),
    ReadingBasis.MEASURED: msgid("%(told)s were measured %(at)s"),
}


def beyond_size(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: of the newest refill or, if that is within the size, of the newest reading."""
    most, since = facts.size_ml + policy.infusion.overfill_ml, now - timedelta(days=policy.infusion.stays_days)
    refill, reading = facts.refill, facts.reading
    if refill is not None and refill.observed_at >= since:
        told = (("filled_in", refill.filled_ml), ("found", refill.measured_ml), ("expected", refill.expected_ml))
        beyond = [(name, volume_ml) for name, volume_ml in told if volume_ml > most]
        if beyond:
            name, volume_ml = beyond[0]
            entered = sentence(_ENTERED[name], told=Volume(volume_ml), at=refill.observed_at)
            key = key_of(ENTRY_KEY, refill.observed_at)
            return (_condition(facts, policy, key, volume_ml, "entered into", entered, min(now, refill.observed_at)),)
    if reading is not None and reading.volume_ml > most and reading.observed_at >= since:
        was_read = sentence(_READ[reading.basis], told=Volume(reading.volume_ml), at=reading.observed_at)
        at = min(now, reading.observed_at)
        return (_condition(facts, policy, READING_KEY, reading.volume_ml, "told of", was_read, at),)
    return ()


def _condition(
    facts: PumpFacts, policy: Policy, key: str, volume_ml: float, told: str, said: Sentence, since: datetime
) -> Condition:
    size, holds = f"{facts.size_ml:g} mL", Shortest(facts.size_ml)
    if facts.therapy:
        beyond = sentence("%(told)s, and the pump holds %(size)s mL.", told=said, size=holds)
    else:
        beyond = sentence("%(told)s, and the pump holds at most %(size)s mL.", told=said, size=holds)
    return Condition(
        rule=RuleName.INFUSION,
        key=key,
        priority=policy.infusion.priority,
        strength=Strength.FULL,
        since=since,
        title=f"{volume_ml:g} mL were {told} a pump of {size}",
        said=(beyond, sentence("Until that is corrected, it counts as %(size)s mL.", size=holds)),
        evidence={"told_ml": volume_ml, "size_ml": facts.size_ml},
    )
