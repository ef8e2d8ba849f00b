"""Short ways to write facts and alerts in tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.events import AlarmCode, AlarmState, ReadingBasis
from schemas.policy import Priority
from services.alerts.facts.model import AlarmEvent, DayWindow, Demand, PumpFacts, Reading, Refill
from services.alerts.model import (
    AlertState,
    Condition,
    Occasion,
    OccasionKind,
    OpenAlert,
    Page,
    RuleName,
    Strength,
    TransitionKind,
)
from services.alerts.said.model import sentence

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HIGH, MEDIUM, LOW, INFO = Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.INFO
FACTS = PumpFacts(pump_id="pump-1", clinic_id="north")


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def alarm(
    text: str,
    hours: float,
    *,
    seq: int | None = None,
    device: str = "pump-1",
    number: int = 0,
    detail: str | None = None,
    received: float | None = None,
) -> AlarmEvent:
    """`alarm("motor_stall raised", 2)`: two hours ago, and received at once, or so many hours ago."""
    code, state = text.split()
    received_at = ago(hours if received is None else received)
    return AlarmEvent(
        AlarmCode(code), AlarmState(state), ago(hours), received_at, device, seq, UUID(int=number), detail
    )


def reading(volume_ml: float, hours: float = 1, basis: str = "computed") -> Reading:
    return Reading(volume_ml, ReadingBasis(basis), ago(hours))


def refill(filled_ml: float, hours: float) -> Refill:
    return Refill(filled_ml, ago(hours))


def windows(*attempts: int | None) -> tuple[DayWindow, ...]:
    """Newest first; None: nothing was heard."""
    return tuple(DayWindow(each or 0, each is not None) for each in attempts)


def demand(delivered: int = 0, **others: int) -> Demand:
    return Demand(delivered=delivered, first_at=ago(20), **others)


def facts(*, refill: Refill | None = None, **values: Any) -> PumpFacts:
    return replace(FACTS if refill is None else replace(FACTS, refills=(refill,)), **values)


CONDITION = Condition(
    rule=RuleName.PUMP_ALARM,
    key="infusion",
    priority=HIGH,
    strength=Strength.FULL,
    since=ago(1),
    title="Motor stall",
    said=(sentence("Motor stall since then."),),
    evidence={"motor_stall": "then"},
)


def condition(**values: Any) -> Condition:
    """A condition; an explanation is said as it is, in no language but English."""
    if "explanation" in values:
        values["said"] = (sentence(values.pop("explanation")),)
    return replace(CONDITION, **values)


def page(kind: TransitionKind, seq: int, hours: float, priority: Priority, from_state: AlertState | None) -> Page:
    return Page(kind, seq, ago(hours), priority, from_state)


def occasion(text: str) -> Occasion:
    """`occasion("returned:8/step:1")`, as it is written in logs."""
    name, _, step = text.partition("/step:")
    kind, _, episode = name.partition(":")
    return Occasion(OccasionKind(kind), episode, int(step or 0))


OPENED_HIGH = page(TransitionKind.OPENED, 1, 1, HIGH, None)

ALERT = OpenAlert(
    alert_id=UUID(int=7),
    clinic_id="north",
    pump_id="pump-1",
    rule="pump_alarm",
    key="infusion",
    priority=HIGH,
    state=AlertState.ACTIVE,
    since=ago(1),
    title="Motor stall",
    explanation="Motor stall since then.",
    evidence={"motor_stall": "then"},
    pages=(OPENED_HIGH,),
)


def alert(**values: Any) -> OpenAlert:
    return replace(ALERT, **values)
