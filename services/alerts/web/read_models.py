"""Alerts as people and programs see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from schemas.policy import Priority
from services.alerts.delivery.mute import MuteReason, SilenceKind
from services.alerts.model import AlertState, Occasion, Reason, RuleName, TransitionKind


def _said(words: str, values: Iterable[str] = ()) -> Any:
    """What a program is told of a field. Of `values`, it is one: as text, so that no row can fail to be shown."""
    return Field(description=words, json_schema_extra={"enum": list(values)} if values else None)


_Priority = Annotated[str, _said("How urgent it is.", Priority)]
_State = Annotated[
    str,
    _said(
        "active: nobody has it; acknowledged: somebody does; cleared: what was high is over, and nobody has seen it; "
        "closed: over.",
        AlertState,
    ),
]
_Rule = Annotated[
    str,
    Field(
        description="Which rule raised it. Those of now are: "
        + ", ".join(RuleName)
        + "; an old alert may have another.",
        examples=[RuleName.LOW_RESERVOIR.value],
    ),
]


class StateFilter(StrEnum):
    """Which alerts are asked for; `open` is everything that is not closed."""

    OPEN = "open"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    CLOSED = "closed"
    ALL = "all"


STATES: Final[dict[StateFilter, tuple[AlertState, ...]]] = {
    StateFilter.OPEN: (AlertState.ACTIVE, AlertState.ACKNOWLEDGED, AlertState.CLEARED),
    StateFilter.ALL: tuple(AlertState),
    **{StateFilter(state.value): (state,) for state in AlertState},
}


DELIVERY_STATES: Final = ("due", "sending", "sent", "failed", "cancelled", "grouped")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One page to one contact, and what became of it."""

    alert_id: UUID
    delivery_id: UUID
    occasion: Annotated[str, _said("Why it went out: `opened`, or with its episode and step, `returned:8/step:1`.")]
    why: Annotated[Occasion, Field(exclude=True)]
    contact: Annotated[str, _said("Whom it is for, as the policy names them.")]
    channel: Annotated[str, _said("By what, as the policy names it; never an address.")]
    priority: _Priority
    state: Annotated[str, _said("What became of it.", DELIVERY_STATES)]
    created_at: datetime
    due_at: Annotated[datetime, _said("When it goes out, or is tried again.")]
    attempts: int
    last_error: Annotated[str | None, _said("Why the last try did not work; null: it did, or none was made.")]
    sent_at: Annotated[datetime | None, _said("When the service that carries it took it; null: not yet.")]
    held_by: Annotated[str | None, _said("What it waits for; null: nothing.", [*MuteReason, None])]
    grouped: Annotated[bool, _said("Whether one page tells of several alerts.")]
    bypassed: Annotated[bool, _said("Whether it went out past a database that was away.")]
    receipt_said: Annotated[
        str | None,
        _said("What the service that took it said later; null: nothing.", ("arrived", "answered", "not_arrived", None)),
    ] = None
    receipt_said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One audited transition."""

    clinic_seq: Annotated[int, _said("Its place in the audit trail of the clinic.")]
    at: datetime
    kind: Annotated[str, _said("What happened.", TransitionKind)]
    from_state: Annotated[str | None, _said("Null: there was no alert.", [*AlertState, None])]
    to_state: _State
    priority: _Priority
    reason: Annotated[str, _said("Why it happened.", Reason)]
    actor: Annotated[str, _said("Who did it: `pumpwatch`, `person:ID` or `key:ID`.")]
    detail: Annotated[dict[str, Any], _said("What else is known of it; `name` is who did it, in words.")]
    said: Annotated[Any, Field(exclude=True)] = None
    """What the explanation of then says, as `said` of an alert."""


@dataclass(frozen=True, slots=True)
class HeldBy:
    """The silence that holds the pages of an alert now."""

    silence_id: UUID
    kind: Annotated[str, _said("Why somebody wants silence.", SilenceKind)]
    by: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AlertInScope:
    """An alert that nobody has finished with, of a pump or a rule that somebody would silence."""

    alert_id: UUID
    pump_id: str
    rule: str
    priority: str
    state: str
    title: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as people and programs see it."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    rule: _Rule
    key: Annotated[str, _said("What of the pump it is about, within the rule.")]
    priority: _Priority
    state: _State
    title: Annotated[str, _said("In a few words.")]
    explanation: Annotated[str, _said("In sentences: what is so, and by what it is known.")]
    evidence: Annotated[dict[str, Any], _said("The numbers it rests on, by their names.")]
    since: Annotated[datetime, _said("Since when the condition holds, by the device's clock.")]
    opened_at: Annotated[datetime, _said("When Pumpwatch raised it.")]
    updated_at: datetime
    acknowledged_by: Annotated[str | None, _said("Who has it, or had it; null: nobody.")]
    acknowledged_at: datetime | None
    acknowledgement_expires_at: Annotated[datetime | None, _said("When it pages again if the condition still holds.")]
    cleared_at: datetime | None
    closed_at: datetime | None
    policy_version: Annotated[str, _said("Which version of the clinic's policy it was judged by last.")]
    resolved_by: str | None
    resolved_at: datetime | None
    resolution: str | None
    accepted_by: str | None
    accepted_at: datetime | None
    acceptance: str | None
    accepted_since: datetime | None
    accepted_per_day: float | None
    deliveries: Annotated[tuple[Delivery, ...], _said("Its pages, and what became of each.")]
    held: Annotated[HeldBy | None, _said("The silence that holds its pages now; null: none does.")]
    said: Annotated[str | None, Field(exclude=True)] = None
    """What the explanation says, for readers of other languages; programs are told in English."""
