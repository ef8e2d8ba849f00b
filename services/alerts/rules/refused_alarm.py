"""PURE. A pump alarm that ingest refused for its date: it is told all the same, as an alarm of a wrong clock.

Source: docs/decisions/0016-a-wrong-clock-is-told.md. A pump that was reset says 1970, and just such a pump may have
stalled. The refusal stays, because such a date orders nothing; when the alarm was received is known.

A refused `raised` stands from its receipt. It ends by a stored `cleared` of the code that was judged to be after that
(for the reservoir's own alarms, also by a refill); by a refused `cleared` of the same device, received no earlier and
later by its counter, or, without one, received later and dated later; or `alarm_stays_hours` after it came. While an
alarm of the code stands by stored events, it is that alarm's alert that tells of it. A dead letter that is replayed
is the same event: while it is told here, it makes no second alert.

Failure modes: a recovery in one message with its alarm ends it by the counter only; a stall that lasts longer than
`alarm_stays_hours`, and of which nothing more is heard, is on the list of what was cleared unseen, or was somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from schemas.events import AlarmCode, AlarmState
from schemas.policy import Policy
from services.alerts.facts.model import AlarmEvent, PumpFacts, RefusedAlarm
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.active_alarms import active_alarms
from services.alerts.said.model import LongSpan, Sentence, Word, sentence
from services.alerts.wording import ALARM_SIGN, ALARM_WORDS, capitalised
from services.texts.model import msgid

RESERVOIR_CODES: Final = (AlarmCode.LOW_RESERVOIR, AlarmCode.EMPTY_RESERVOIR)
_REPORTS: Final = {
    (False, True): msgid(
        "Pump %(pump)s reports %(alarm)s with a clock that is %(span)s behind, received %(at)s. "
        "Ask the pump what is so now, and set the clock."
    ),
    (False, False): msgid(
        "Pump %(pump)s reports %(alarm)s with a clock that is %(span)s ahead, received %(at)s. "
        "Ask the pump what is so now, and set the clock."
    ),
    (True, True): msgid(
        "Pump %(pump)s reports %(alarm)s by %(device)s with a clock that is %(span)s behind, received %(at)s. "
        "Ask the pump what is so now, and set the clock."
    ),
    (True, False): msgid(
        "Pump %(pump)s reports %(alarm)s by %(device)s with a clock that is %(span)s ahead, received %(at)s. "
        "Ask the pump what is so now, and set the clock."
    ),
}
"""By whether a handheld told of it, and whether the clock is behind."""


def refused_alarm(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """One condition for each code of which a refused alarm stands."""
    return tuple(_condition(facts, code, raised, policy, now) for code, raised in standing(facts, policy, now).items())


def stored_alarms(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[AlarmEvent, ...]:
    """The stored alarms but those that are told here: dead letters that were replayed meanwhile."""
    if not facts.refused_alarms:
        return facts.alarms
    told = {each.event_id for raised in standing(facts, policy, now).values() for each in raised}
    return tuple(event for event in facts.alarms if event.event_id not in told)


def standing(facts: PumpFacts, policy: Policy, now: datetime) -> dict[AlarmCode, list[RefusedAlarm]]:
    """The refused `raised` that stand, by code, in the order of receipt."""
    stays = timedelta(hours=policy.clock.alarm_stays_hours)
    refused_ids = {each.event_id for each in facts.refused_alarms}
    stored = [event for event in facts.alarms if event.event_id not in refused_ids]
    told = _told_by_stored(facts, stored)
    found: dict[AlarmCode, list[RefusedAlarm]] = {}
    for each in facts.refused_alarms:
        if each.state is AlarmState.RAISED and now - each.received_at < stays and each.code not in told:
            over_at = _over_at(facts, stored, each.code)
            if over_at is not None and over_at > each.received_at:
                continue
            if not any(_ends(other, each) for other in facts.refused_alarms):
                found.setdefault(each.code, []).append(each)
    return found


def _told_by_stored(facts: PumpFacts, stored: Iterable[AlarmEvent]) -> set[AlarmCode]:
    refilled_at = facts.refill.observed_at if facts.refill else None
    return {
        code
        for code, alarm in active_alarms(stored).items()
        if code not in RESERVOIR_CODES or refilled_at is None or alarm.last_raised_at >= refilled_at
    }


def _over_at(facts: PumpFacts, stored: Iterable[AlarmEvent], code: AlarmCode) -> datetime | None:
    """The newest moment at which the code is known to have been over."""
    moments = [event.judged_at for event in stored if event.code is code and event.state is AlarmState.CLEARED]
    if code in RESERVOIR_CODES and facts.refill is not None:
        moments.append(facts.refill.observed_at)
    return max(moments, default=None)


def _ends(cleared: RefusedAlarm, raised: RefusedAlarm) -> bool:
    if cleared.state is not AlarmState.CLEARED or cleared.code is not raised.code:
        return False
    if cleared.device_id != raised.device_id or cleared.received_at < raised.received_at:
        return False
    if cleared.seq is not None and raised.seq is not None:
        return cleared.seq > raised.seq
    elapsed = cleared.received_at - raised.received_at
    return elapsed > timedelta(0) and cleared.behind < raised.behind + elapsed


def _condition(
    facts: PumpFacts, code: AlarmCode, raised: list[RefusedAlarm], policy: Policy, now: datetime
) -> Condition:
    first, newest = raised[0], raised[-1]
    return Condition(
        rule=RuleName.CLOCK,
        key=f"{ALARM_SIGN}{code}",
        priority=policy.priority_of(code),
        strength=Strength.FULL,
        since=min(now, first.received_at),
        title=f"{capitalised(ALARM_WORDS[code])}, told with a wrong clock",
        said=(_sentence(facts.pump_id, code, newest, first.received_at),),
        evidence={
            code.value: first.received_at.isoformat(),
            "device": newest.device_id,
            "behind_seconds": round(newest.behind.total_seconds()),
        },
    )


def _sentence(pump_id: str, code: AlarmCode, newest: RefusedAlarm, received_at: datetime) -> Sentence:
    by = {} if newest.device_id == pump_id else {"device": newest.device_id}
    return sentence(
        _REPORTS[bool(by), newest.behind > timedelta(0)],
        pump=pump_id,
        alarm=Word(ALARM_WORDS[code]),
        span=LongSpan(abs(newest.behind)),
        at=received_at,
        **by,
    )
