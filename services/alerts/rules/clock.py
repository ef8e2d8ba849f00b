"""PURE. The clock of a device is wrong by more than an upload could explain, or so wrong that its events are refused.

Source: docs/decisions/0016-a-wrong-clock-is-told.md; the limits are INF. What a clock is off by is
services.alerts.facts.clocks's to say. A clock that is ahead does little harm, since its events count as of their
receipt; one that is behind puts them on other days, so what is judged by days cannot be judged (`days_are_known`). What
the pump says itself, its levels and its alarms, is judged all the same.

Failure modes: a relay that hands on everything two days late looks like a clock that is behind; a device that
sends no heartbeats is known by its newest event alone, and a clock that is behind does not show in one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import ClockPolicy, Policy
from services.alerts.facts.model import Contact, PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.refused_alarm import standing
from services.alerts.said.model import LongSpan, Sentence, sentence
from services.texts.model import msgid

_HELD: Final = 0.8
"""An open alert is held down to this part of the limit."""
_NOTHING: Final = timedelta(0)
_NOT_KNOWN: Final = {
    True: msgid("The clock of the pump %(id)s is not known."),
    False: msgid("The clock of the handheld %(id)s is not known."),
}
"""By whether the device is the pump; as the next."""
_BEHIND: Final = {
    True: msgid("The clock of the pump %(id)s is %(span)s behind%(consequence)s"),
    False: msgid("The clock of the handheld %(id)s is %(span)s behind%(consequence)s"),
}
_AHEAD: Final = {
    True: msgid("The clock of the pump %(id)s is %(span)s ahead%(consequence)s"),
    False: msgid("The clock of the handheld %(id)s is %(span)s ahead%(consequence)s"),
}
_IS_REFUSED: Final = sentence(", and what it sends is refused: its levels and its demand are not known. Set it.")
_WAITS: Final = sentence(", or all that it sends waits for as long: what is judged by days is not judged. Set it.")
_SET_IT: Final = sentence(". Set it.")


def clock(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition for each device: FULL when its clock is off, HOLDING when it is hardly, or nobody knows."""
    told = {each.device_id for raised in standing(facts, policy, now).values() for each in raised}
    found = (_of_device(contact, policy, now, pump=contact.device_id == facts.pump_id) for contact in facts.contacts)
    return tuple(
        # A refused alarm says already that the clock is to be set: one thing, one page.
        replace(condition, strength=Strength.HOLDING) if condition.key in told else condition
        for condition in found
        if condition is not None
    )


def days_are_known(facts: PumpFacts, policy: Policy) -> bool:
    """Whether the days of this pump's events can be told: none of its devices' clocks is behind or refused."""
    return not any(
        contact.clock is not None
        and (contact.clock.refused or contact.clock.behind > timedelta(hours=policy.clock.behind_hours))
        for contact in facts.contacts
    )


def _of_device(contact: Contact, policy: Policy, now: datetime, *, pump: bool) -> Condition | None:
    rule, words = policy.clock, "pump" if pump else "handheld"
    off, refused = contact.clock, contact.clock is not None and contact.clock.refused
    if off is None:
        strength, said = Strength.HOLDING, sentence(_NOT_KNOWN[pump], id=contact.device_id)
    else:
        if not refused and not is_off(off.behind, rule, _HELD):
            return None
        strength = Strength.FULL if refused or is_off(off.behind, rule) else Strength.HOLDING
        said = sentence(
            (_BEHIND if off.behind > _NOTHING else _AHEAD)[pump],
            id=contact.device_id,
            span=LongSpan(abs(off.behind)),
            consequence=_consequence(off.behind, refused=refused),
        )
    return Condition(
        rule=RuleName.CLOCK,
        key=contact.device_id,
        priority=rule.refused_priority if refused else rule.priority,
        strength=strength,
        since=min(now, contact.last_at or now),
        title=f"The clock of the {words} is wrong",
        said=(said,),
        evidence={"behind_seconds": None if off is None else round(off.behind.total_seconds()), "refused": refused},
    )


def is_off(behind: timedelta, rule: ClockPolicy, part: float = 1.0) -> bool:
    """Tell whether a clock is off by more than a part of the limits."""
    ahead, late = timedelta(minutes=rule.ahead_minutes), timedelta(hours=rule.behind_hours)
    return -behind > part * ahead or behind > part * late


def _consequence(behind: timedelta, *, refused: bool) -> Sentence:
    if refused:
        return _IS_REFUSED
    return _WAITS if behind > _NOTHING else _SET_IT
