"""PURE. Between two refills the volume falls faster or slower than programmed, or rises though no refill is recorded.

Source: docs/domain.md section 1: over-infusion is more than 14.5 % above programmed [15]; the pump's own volume is
computed, so it shows a wrong programme or counter, and only a measured one shows a wrong flow. A computed reading is
held against the first one of the last week, a measured one against the newest filling; what the newest measured one
shows is not undone by computed ones after it.

What must have flowed: the profile, and the boluses known to be delivered. What may have: the profile and
every bolus of the limit, since one of unknown outcome, or not yet uploaded, may have been given. Outside of
that by more than the percentage and 0.5 mL (the noise of a reading) of what was programmed.

Nothing but a filling, or somebody who tells the pump another volume, makes a volume rise. That of a computed one is
what it is above the first of the last week, and what is programmed to have flowed since; or what any is above the
filling.

Failure modes: nothing shows for three days after a refill or a reprogramming; a slow over-infusion hides within
unused boluses until the refill. A refill that is entered after the first reading of what it filled in makes an alert
until it comes; a rise that nobody enters is told for a week.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from schemas.events import ReadingBasis
from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts, Reading, Therapy
from services.alerts.model import Condition, EvidenceValue, RuleName, Strength
from services.alerts.rules.reservoir.level import held_ml
from services.alerts.said.model import Number, Said, Sentence, Volume, sentence
from services.texts.model import msgid

KEY: Final = "volume"
_DAY: Final = timedelta(days=1)
_LEAST_DAYS: Final = 3.0
_NOISE_ML: Final = 0.5
_LESS: Final = msgid("%(change)s less since %(at)s; %(least)s to %(most)s are programmed.")
_MORE: Final = msgid("%(change)s more since %(at)s; %(least)s to %(most)s are programmed.")
_ENTER: Final = sentence("If the pump was refilled, enter the refill; if not, ask which volume it was told.")


def volume_fall(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition: of the newest measured volume, of one that rose, or of the newest computed one."""
    return (
        _fall(facts, facts.measured_reading, _filling(facts), policy, now)
        or _rise(facts, policy, now)
        or _fall(facts, facts.reading, facts.earlier_reading, policy, now)
    )


def _fall(
    facts: PumpFacts, newest: Reading | None, start: Reading | None, policy: Policy, now: datetime
) -> tuple[Condition, ...]:
    therapy = facts.therapy
    if therapy is None or newest is None or start is None:
        return ()
    days = (newest.observed_at - start.observed_at) / _DAY
    if days < _LEAST_DAYS or now - newest.observed_at > timedelta(days=policy.infusion.stays_days):
        return ()
    fell = start.volume_ml - newest.volume_ml
    least, most = _programmed(facts, therapy, start, newest, now)
    share = policy.infusion.discrepancy_percent / 100
    if least * (1 - share) - _NOISE_ML <= fell <= most * (1 + share) + _NOISE_ML or newest.volume_ml <= 0 < most - fell:
        return ()
    title = f"Reservoir falls {'faster' if fell > most else 'slower'} than programmed"
    said = sentence(
        _LESS if fell >= 0 else _MORE,
        change=Volume(abs(fell)),
        at=start.observed_at,
        least=Number(least),
        most=Volume(most),
    )
    evidence = {"fell_ml": round(fell, 2), "least_ml": round(least, 2), "most_ml": round(most, 2)}
    return (_condition(policy, title, (said,), min(now, start.observed_at), evidence),)


def _rise(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    newest, rule = facts.reading, policy.infusion
    if newest is None or now - newest.observed_at > timedelta(days=rule.stays_days):
        return ()
    refill, first = facts.refill, facts.first_reading or facts.earlier_reading
    if refill is not None and newest.observed_at > refill.observed_at:
        above = newest.volume_ml - refill.filled_ml
        if above > rule.rise_ml:
            said = sentence("%(above)s more than was filled in %(at)s.", above=Volume(above), at=refill.observed_at)
            return (_rose(policy, said, above, min(now, newest.observed_at)),)
    if first is not None and newest.basis is ReadingBasis.COMPUTED:
        above = newest.volume_ml - first.volume_ml
        flowed = facts.therapy.daily_ml * ((newest.observed_at - first.observed_at) / _DAY) if facts.therapy else 0.0
        if above > _NOISE_ML and above + flowed > rule.rise_ml:
            said = sentence("%(above)s more than %(at)s.", above=Volume(above), at=first.observed_at)
            return (_rose(policy, said, above, min(now, first.observed_at)),)
    return ()


def _rose(policy: Policy, said: Sentence, rose_ml: float, since: datetime) -> Condition:
    evidence = {"rose_ml": round(rose_ml, 2)}
    return _condition(policy, "Volume rose; no refill is recorded", (said, _ENTER), since, evidence)


def _condition(policy: Policy, title: str, said: Said, since: datetime, evidence: dict[str, float]) -> Condition:
    found: dict[str, EvidenceValue] = {**evidence}
    return Condition(RuleName.INFUSION, KEY, policy.infusion.priority, Strength.FULL, since, title, said, found)


def _filling(facts: PumpFacts) -> Reading | None:
    refill = facts.refill
    if refill is None or facts.therapy is None or facts.therapy.observed_at > refill.observed_at + _DAY:
        return None
    return Reading(held_ml(refill.filled_ml, facts), ReadingBasis.MEASURED, refill.observed_at)


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
