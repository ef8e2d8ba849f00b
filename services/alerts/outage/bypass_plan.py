"""PURE. What must be paged from what was heard on MQTT alone, while the database is away or nothing is evaluated.

Guarantees: the same rules, routes and steps as ever (pump alarms and the reservoir's own alarms, high ones only); an
alarm that was cleared again pages nobody; what was already open and high before the database went pages nobody again,
unless it was heard to end and to begin anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from schemas.events import AlarmCode, AlarmState
from schemas.policy import Policy, Priority
from schemas.topics import DRILL
from services.alerts.delivery.page_text import PageText, board_for_the_pump
from services.alerts.facts.model import AlarmEvent, PumpFacts, RefusedAlarm
from services.alerts.model import AlertState, Occasion, OpenAlert, Page, RuleName, Strength, Transition, TransitionKind
from services.alerts.rules.pump_alarm import pump_alarm
from services.alerts.rules.refused_alarm import refused_alarm
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from services.alerts.title_words import title_words
from services.alerts.wording import rule_words
from services.texts.model import ENGLISH, Texts

Cause = tuple[str, str, str]
"""Pump, rule and key: what at most one open alert is about."""

_DECIDED_WITHIN_SECONDS: Final = 2.0
_LONGEST_HOLD_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class HeardAlarm:
    """An event of a pump alarm as it came from the broker."""

    clinic_id: str
    pump_id: str
    event: AlarmEvent | RefusedAlarm
    received_at: datetime
    pumps: tuple[str, ...] = ()
    """Other pumps that it may be stored for: of a handheld that was paired with several."""
    queued_as: int | None = None
    """The newest entry of the queue that named its pump when it was first found stored."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the database knows of an alarm that was heard."""

    stored: bool = False
    queued_as: int | None = None
    """The newest entry of the queue, of those up to `HeardAlarm.queued_as`, that names a pump it is stored for."""
    settled: bool = False
    """It has nothing to tell any more: ingest rejected it for good, a later event that is stored has ended it, or its
    pump is in nobody."""


def follow(heard: HeardAlarm, trace: Trace) -> HeardAlarm | None:
    """What still waits for an evaluation; None: nothing does.

    The entry of the queue that came with an event goes with the transaction that evaluates it. An entry that came
    later says nothing of it.
    """
    if trace.settled or (trace.stored and trace.queued_as is None):
        return None
    return heard if heard.queued_as is not None else replace(heard, queued_as=trace.queued_as)


@dataclass(frozen=True, slots=True)
class Hold:
    """A pump that is left alone while a transaction writes its alerts; in seconds of a clock that only goes on."""

    began: float
    ends: float


def held(before: Hold | None, now: float) -> Hold:
    """Leave a pump alone from now on; `before`: as it was already.

    A transaction that has begun to write alerts commits within `_DECIDED_WITHIN_SECONDS`, or its pump is paged all the
    same. So is a pump that is decided about again and again, as while old news of it come in: an alarm that is not
    among them must not wait for their end.
    """
    began = before.began if before else now
    return Hold(began, min(now + _DECIDED_WITHIN_SECONDS, began + _LONGEST_HOLD_SECONDS))


def overdue(alerts: Iterable[OpenAlert], now: datetime, after: timedelta) -> tuple[OpenAlert, ...]:
    """Those of `emergencies` that have waited for so long since they were heard."""
    return tuple(alert for alert in alerts if alert.pages[0].at <= now - after)


def emergencies(
    heard: Collection[HeardAlarm], policy: Policy, now: datetime, known: Collection[Cause]
) -> tuple[OpenAlert, ...]:
    """The high alerts that one clinic's alarms make, as if they had just opened; `alert_id` is the event's id."""
    found = []
    for pump_id, clinic_id in sorted({(each.pump_id, each.clinic_id) for each in heard}):
        own = [each for each in heard if each.pump_id == pump_id]
        facts = PumpFacts(
            pump_id=pump_id,
            clinic_id=clinic_id,
            alarms=tuple(each.event for each in own if isinstance(each.event, AlarmEvent)),
            refused_alarms=_in_order(each.event for each in own if isinstance(each.event, RefusedAlarm)),
        )
        for condition in (
            *pump_alarm(facts, policy, now),
            *low_reservoir(facts, policy, now),
            *refused_alarm(facts, policy, now),
        ):
            cause = (pump_id, condition.rule.value, condition.key)
            codes = {code.value for code in AlarmCode} & set(condition.evidence)
            if condition.strength is not Strength.FULL or condition.priority is not Priority.HIGH:
                continue
            if cause in known and not _began_anew(own, codes):
                continue
            of_kind = RefusedAlarm if condition.rule is RuleName.CLOCK else AlarmEvent
            first = _first_raised((each for each in own if isinstance(each.event, of_kind)), codes)
            opened = OpenAlert.opened_by(condition, alert_id=first.event.event_id, clinic_id=clinic_id, pump_id=pump_id)
            page = Page(TransitionKind.OPENED, 0, first.received_at, Priority.HIGH, None)
            found.append(replace(opened, pages=(page,)))
    return tuple(found)


def remembered(known: Collection[Cause], decided: Iterable[tuple[str, Transition]]) -> frozenset[Cause]:
    """What is open and high once these things have happened to alerts, each of its pump, in their order."""
    causes = set(known)
    for pump_id, transition in decided:
        about = transition.alert or transition.condition
        if about is not None:
            cause = (pump_id, str(about.rule), about.key)
            is_open = transition.to_state in {AlertState.ACTIVE, AlertState.ACKNOWLEDGED}
            if is_open and transition.priority is Priority.HIGH:
                causes.add(cause)
            else:
                causes.discard(cause)
    return frozenset(causes)


def bypass_text(
    alert: OpenAlert,
    step: int,
    public_url: str,
    *,
    include_patient_data: bool,
    away: bool = True,
    texts: Texts = ENGLISH,
) -> PageText:
    """Say that there is a high alarm which stands in no record yet; the pump only where the clinic wants it."""
    why = texts.say("The database is away.") if away else texts.say("Pumpwatch could not evaluate it in time.")
    again = texts.say(" (nobody has acknowledged)") if step else ""
    if alert.clinic_id == DRILL:
        return PageText(
            title=texts.say("Pumpwatch DRILL%(again)s, not recorded: a test alarm", again=again),
            body=texts.say("No pump and no patient. %(why)s Alarms of patients would be paged like this one.", why=why),
        )
    what = rule_words(alert.rule, alert.key, texts)
    if include_patient_data:
        title = title_words(alert.title, texts)
        what = texts.say("pump %(pump)s: %(title)s", pump=alert.pump_id, title=title)
    return PageText(
        title=texts.say("Pumpwatch HIGH%(again)s, not recorded: %(what)s", again=again, what=what),
        body=texts.say(
            "Clinic %(clinic)s. %(why)s Open %(board)s",
            clinic=alert.clinic_id,
            why=why,
            board=board_for_the_pump(public_url, texts),
        ),
    )


def delivery_id_of(about: UUID, occasion: Occasion, contact: str, channel: str) -> UUID:
    """The id of a page about an event: the same for every try and in every process."""
    return uuid5(about, "/".join((str(occasion), contact, channel)))


def _began_anew(own: Iterable[HeardAlarm], codes: Collection[str]) -> bool:
    """Tell whether one of the alarms that stand was cleared before it was raised."""
    events = [each.event for each in own if isinstance(each.event, AlarmEvent) and each.event.code.value in codes]
    return any(
        over.state is AlarmState.CLEARED
        and raised.state is AlarmState.RAISED
        and over.code is raised.code
        and over.observed_at <= raised.observed_at
        for over in events
        for raised in events
    )


def _in_order(refused: Iterable[RefusedAlarm]) -> tuple[RefusedAlarm, ...]:
    return tuple(sorted(refused, key=lambda each: (each.received_at, each.event_id)))


def _first_raised(own: Iterable[HeardAlarm], codes: Collection[str]) -> HeardAlarm:
    raised = [each for each in own if each.event.state is AlarmState.RAISED and each.event.code.value in codes]
    return min(raised, key=lambda each: (each.received_at, each.event.event_id))


@dataclass(frozen=True, slots=True)
class BypassedPage:
    """A page that went out, to be written down when the database is back."""

    event_id: UUID
    alert: OpenAlert
    step: int
    contact: str
    channel: str
    text: PageText
    sent_at: datetime
