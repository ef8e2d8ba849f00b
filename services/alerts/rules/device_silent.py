"""PURE. A device has been silent for much longer than it ever is.

Source: docs/domain.md section 8 item 8: that nothing was uploaded is judged against each device's own habit,
and a gap in the data is never taken for health; section 4: a silent handheld is of low priority (INF). The clock is
ours (when something was received), because a log that is uploaded late fills its own past.

The habit is the last pauses that ingest keeps, however long; where it does not keep five yet, those between the known
heartbeats. While neither has five, a device may be silent for `learning_hours`, or longer after a longer pause.

Devices of one pump that fell silent together, none overdue while the other was still heard, are one alert: that of
the device whose limit passed first. It tells of all, and lasts until that device is heard. Who comes back first gives
the others a day, or their usual pause, before they have an alert of their own: a network that returns makes none.

Failure modes: a device that was never heard is not missed; a patient on holiday is; a device that dies within its
first days is missed after `learning_hours`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Final

from schemas.policy import DeviceSilentPolicy, Policy
from services.alerts.facts.clocks import UPLOAD
from services.alerts.facts.model import Contact, PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.said.model import Said, Sentence, sentence
from services.texts.model import msgid

_LEAST_PAUSES: Final = 5
_QUANTILE: Final = 0.9
_MOMENT: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_UNKNOWN: Final = {
    "pump": msgid("Nothing is known of the pump %(id)s."),
    "handheld": msgid("Nothing is known of the handheld %(id)s."),
}
_LAST_HEARD: Final = {
    "pump": msgid("The pump %(id)s was last heard %(at)s; it is usually heard within %(within)s."),
    "handheld": msgid("The handheld %(id)s was last heard %(at)s; it is usually heard within %(within)s."),
}


def device_silent(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """FULL for the devices that fell silent together, by the first of them; HOLDING for the others, and the unknown."""
    rule, conditions, silent = policy.device_silent, [], []
    for contact in facts.contacts:
        if contact.last_at is None:
            conditions.append(_unknown(facts, contact, rule, now))
        elif now - contact.last_at > _least_silence(rule) and now > (limit := _limit(contact, contact.last_at, rule)):
            silent.append((limit, contact.device_id, contact.last_at, contact))
    groups: list[list[Contact]] = []
    for _, _, last_at, contact in sorted(silent, key=lambda each: each[:2]):
        for group in groups:
            if _together(group[0], group[0].last_at or last_at, contact, last_at, rule):
                group.append(contact)
                break
        else:
            groups.append([contact])
    quiet = {contact.device_id for group in groups for contact in group}
    back = [contact for contact in facts.contacts if contact.device_id not in quiet]
    for group in groups:
        waits = any(_has_just_returned(contact, group[0], rule, now) for contact in back)
        for contact in group:
            full = contact is group[0] and not waits
            strength = Strength.FULL if full else Strength.HOLDING
            conditions.append(_silent(facts, contact, group, strength, rule, now))
    return tuple(conditions)


def allowed_silence(contact: Contact, rule: DeviceSilentPolicy) -> timedelta:
    """How long this device may be silent."""
    pauses = sorted(later - earlier for earlier, later in _pauses(contact))
    if len(pauses) < _LEAST_PAUSES:
        return max(timedelta(hours=rule.learning_hours), rule.factor * max(pauses, default=timedelta(0)))
    usual = pauses[ceil(_QUANTILE * len(pauses)) - 1]
    return max(timedelta(hours=rule.minimum_hours), rule.factor * usual)


def silent_from(facts: PumpFacts, policy: Policy, now: datetime) -> datetime | None:
    """The first moment after `now` at which a device is silent for too long, if none is heard until then."""
    limits = (
        _limit(contact, contact.last_at, policy.device_silent) + _MOMENT
        for contact in facts.contacts
        if contact.last_at is not None
    )
    return min((limit for limit in limits if limit > now), default=None)


def _pauses(contact: Contact) -> list[tuple[datetime, datetime]]:
    """The pauses by which it is judged, oldest first; messages that are closer than `UPLOAD` belong to one upload."""
    heard = [pair for pair in pairwise(contact.heard_at) if pair[1] - pair[0] >= UPLOAD]
    return heard if len(heard) > len(contact.pauses) < _LEAST_PAUSES else list(contact.pauses)


def _limit(contact: Contact, last_at: datetime, rule: DeviceSilentPolicy) -> datetime:
    return last_at + allowed_silence(contact, rule)


def _usual(contact: Contact, rule: DeviceSilentPolicy) -> timedelta:
    return allowed_silence(contact, rule) / rule.factor


def _least_silence(rule: DeviceSilentPolicy) -> timedelta:
    return timedelta(hours=min(rule.minimum_hours, rule.learning_hours))


def _together(one: Contact, one_at: datetime, other: Contact, other_at: datetime, rule: DeviceSilentPolicy) -> bool:
    """Whether neither was overdue when the other was last heard."""
    return one_at + _usual(one, rule) >= other_at and other_at + _usual(other, rule) >= one_at


def _has_just_returned(contact: Contact, silent: Contact, rule: DeviceSilentPolicy, now: datetime) -> bool:
    """Whether it paused together with one that is still silent, which may be about to return too."""
    pauses = _pauses(contact)
    if not pauses or silent.last_at is None:
        return False
    paused_at, resumed_at = pauses[-1]
    return (
        resumed_at - paused_at >= _least_silence(rule)
        and resumed_at > silent.last_at
        and _together(contact, paused_at, silent, silent.last_at, rule)
        and now - resumed_at < max(_DAY, _usual(silent, rule))
    )


def _word(facts: PumpFacts, contact: Contact) -> str:
    return "pump" if contact.device_id == facts.pump_id else "handheld"


def _unknown(facts: PumpFacts, contact: Contact, rule: DeviceSilentPolicy, now: datetime) -> Condition:
    said = (sentence(_UNKNOWN[_word(facts, contact)], id=contact.device_id),)
    return _condition(contact, Strength.HOLDING, rule, now, f"The {_word(facts, contact)} is silent", said)


def _silent(
    facts: PumpFacts,
    contact: Contact,
    group: list[Contact],
    strength: Strength,
    rule: DeviceSilentPolicy,
    now: datetime,
) -> Condition:
    handhelds = sum(_word(facts, each) == "handheld" for each in group)
    several = handhelds > 1
    if handhelds == len(group):
        title = "The handhelds are silent" if several else "The handheld is silent"
    elif handhelds:
        title = "The pump and the handhelds are silent" if several else "The pump and the handheld are silent"
    else:
        title = "The pump is silent"
    return _condition(contact, strength, rule, now, title, tuple(_sentences(facts, group, rule)))


def _sentences(facts: PumpFacts, group: Iterable[Contact], rule: DeviceSilentPolicy) -> Iterable[Sentence]:
    for contact in group:
        assert contact.last_at is not None  # noqa: S101 - it was heard, and is silent since
        yield sentence(
            _LAST_HEARD[_word(facts, contact)],
            id=contact.device_id,
            at=contact.last_at,
            within=allowed_silence(contact, rule),
        )


def _condition(
    contact: Contact, strength: Strength, rule: DeviceSilentPolicy, now: datetime, title: str, said: Said
) -> Condition:
    last = contact.last_at
    return Condition(
        rule=RuleName.DEVICE_SILENT,
        key=contact.device_id,
        priority=rule.priority,
        strength=strength,
        since=min(now, last or now),
        title=title,
        said=said,
        evidence={"last_heard": last.isoformat() if last else None},
    )
