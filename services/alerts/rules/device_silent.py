"""PURE. A device has been silent for much longer than it ever is.

Source: docs/domain.md section 8 item 8: that nothing was uploaded is judged against each device's own habit,
and a gap in the data is never taken for health; section 4: a silent handheld is of low priority (INF). The clock is
ours (when something was received), because a log that is uploaded late fills its own past.

Failure modes: a device that was never heard is not missed; a patient on holiday is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from schemas.policy import DeviceSilentPolicy, Policy
from services.alerts.facts.model import Contact, PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.wording import age, moment

_LEAST_PAUSES: Final = 5
_LEAST_PAUSE: Final = timedelta(minutes=30)
"""Messages closer than this belong to one upload."""
_QUANTILE: Final = 0.9
_MOMENT: Final = timedelta(microseconds=1)


def device_silent(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """One condition for each device that is silent; HOLDING for one not heard for so long that it is unknown."""
    return tuple(
        condition
        for contact in facts.contacts
        for condition in _of_device(contact, policy, now, pump=contact.device_id == facts.pump_id)
    )


def allowed_silence(contact: Contact, rule: DeviceSilentPolicy) -> timedelta:
    """How long this device may be silent."""
    pauses = sorted(
        pause
        for earlier, later in zip(contact.heard_at, contact.heard_at[1:], strict=False)
        if (pause := later - earlier) >= _LEAST_PAUSE
    )
    if len(pauses) < _LEAST_PAUSES:
        return timedelta(hours=rule.learning_hours)
    usual = pauses[ceil(_QUANTILE * len(pauses)) - 1]
    return max(timedelta(hours=rule.minimum_hours), rule.factor * usual)


def silent_from(facts: PumpFacts, policy: Policy, now: datetime) -> datetime | None:
    """The first moment after `now` at which a device is silent for too long, if none is heard until then."""
    limits = (
        contact.last_at + allowed_silence(contact, policy.device_silent) + _MOMENT
        for contact in facts.contacts
        if contact.last_at is not None
    )
    return min((limit for limit in limits if limit > now), default=None)


def _least_silence(rule: DeviceSilentPolicy) -> timedelta:
    return timedelta(hours=min(rule.minimum_hours, rule.learning_hours))


def _of_device(contact: Contact, policy: Policy, now: datetime, *, pump: bool) -> tuple[Condition, ...]:
    last, rule = contact.last_at, policy.device_silent
    words = "pump" if pump else "handheld"
    if last is None:
        explanation, strength = f"Nothing is known of the {words} {contact.device_id}.", Strength.HOLDING
    elif now - last <= _least_silence(rule):
        return ()  # what is so of nearly every device takes no time
    elif now - last > allowed_silence(contact, rule):
        strength = Strength.FULL
        explanation = f"The {words} {contact.device_id} was last heard {moment(last)}; it is usually heard within "
        explanation += f"{age(allowed_silence(contact, rule))}."
    else:
        return ()
    return (
        Condition(
            rule=RuleName.DEVICE_SILENT,
            key=contact.device_id,
            priority=rule.priority,
            strength=strength,
            since=min(now, last or now),
            title=f"The {words} is silent",
            explanation=explanation,
            evidence={"last_heard": last.isoformat() if last else None},
        ),
    )
