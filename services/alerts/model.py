"""What the alert service talks about: facts of a pump, conditions, alerts and what happens to them.

Plain frozen values. Nothing here reads a clock, a setting or the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from schemas.events import AlarmCode, AlarmState, ReadingBasis
from schemas.policy import Priority

EvidenceValue = str | int | float | bool | None
Evidence = Mapping[str, EvidenceValue]
"""What a condition rests on: plain JSON values, for the board and for a later report."""


class RuleName(StrEnum):
    """The rules, by the name that is stored with an alert."""

    PUMP_ALARM = "pump_alarm"
    LOW_RESERVOIR = "low_reservoir"
    BOLUS_DEMAND = "bolus_demand"


class AlertState(StrEnum):
    """active -> acknowledged -> cleared -> closed (docs: DESIGN.md, decision 7).

    `cleared` is only for what was once high and nobody has seen: the condition is gone, the alert stays
    listed.
    """

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    CLOSED = "closed"


class Strength(StrEnum):
    """What a condition may do."""

    FULL = "full"
    """Opens an alert, changes it and pages."""
    LINGERING = "lingering"
    """Only keeps an open alert open: inside the hysteresis, or nobody knows. Opens and changes nothing."""


class TransitionKind(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    PRIORITY_RAISED = "priority_raised"
    PRIORITY_LOWERED = "priority_lowered"
    REFRESHED = "refreshed"
    """Only text or evidence changed: the row follows, nothing is audited and nobody is paged."""
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_EXPIRED = "acknowledgement_expired"
    RETURNED = "returned"
    CLEARED = "cleared"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why it happened; stored, logged and counted."""

    CONDITION_BEGAN = "condition_began"
    CONDITION_WORSENED = "condition_worsened"
    CONDITION_EASED = "condition_eased"
    CONDITION_CHANGED = "condition_changed"
    CONDITION_PERSISTS = "condition_persists"
    CONDITION_RETURNED = "condition_returned"
    CONDITION_ENDED = "condition_ended"
    PERSON_TOOK_IT = "person_took_it"
    PERSON_SAW_IT = "person_saw_it"
    PUMP_RETIRED = "pump_retired"
    PUMP_MOVED = "pump_moved"


PAGING_KINDS = frozenset(
    {
        TransitionKind.OPENED,
        TransitionKind.PRIORITY_RAISED,
        TransitionKind.ACKNOWLEDGEMENT_EXPIRED,
        TransitionKind.RETURNED,
    }
)
"""The transitions after which somebody may have to be told."""


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One stored event of a pump alarm."""

    code: AlarmCode
    state: AlarmState
    observed_at: datetime
    device_id: str
    seq: int | None
    event_id: UUID
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest reservoir volume, in millilitres, and whether it was computed or measured."""

    volume_ml: float
    basis: ReadingBasis
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Refill:
    """The newest refill; after it the reservoir held `filled_ml`, since what was left is drawn off first."""

    filled_ml: float
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Demand:
    """Requests for a bolus in the last 24 hours, by what became of them."""

    delivered: int = 0
    denied_lockout: int = 0
    denied_limit: int = 0
    denied_other: int = 0
    comm_failure: int = 0
    first_at: datetime | None = None

    @property
    def attempts(self) -> int:
        """Every request counts, also one of unknown delivery (DOMAIN.md section 3, recipe a)."""
        return self.delivered + self.denied_lockout + self.denied_limit + self.denied_other + self.comm_failure


@dataclass(frozen=True, slots=True)
class DayWindow:
    """One 24-hour window: how many requests, and whether anything at all was heard of the pump in it."""

    attempts: int
    heard: bool


@dataclass(frozen=True, slots=True)
class PumpFacts:
    """All that the rules need to know of one pump, as of one moment.

    `alarms` holds every event that decides the state of an alarm code (services.alerts.alarms); more do no
    harm. `windows[0]` is the last 24 hours before `now`, `windows[1]` the 24 hours before that, and so on.
    """

    pump_id: str
    clinic_id: str
    enrolled: bool = True
    alarms: tuple[AlarmEvent, ...] = ()
    reading: Reading | None = None
    refill: Refill | None = None
    programmed_low_ml: float | None = None
    demand: Demand = Demand()
    windows: tuple[DayWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds for a pump now. `since` is by the device's clock, and never after now."""

    rule: RuleName
    key: str
    priority: Priority
    strength: Strength
    since: datetime
    title: str
    explanation: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Page:
    """A transition after which somebody may have to be told; `seq` is its place in the clinic's trail."""

    kind: TransitionKind
    seq: int
    at: datetime
    priority: Priority
    from_state: AlertState | None


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is not closed, with what was paged for it so far (oldest first)."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    rule: str
    key: str
    priority: Priority
    state: AlertState
    since: datetime
    title: str
    explanation: str
    evidence: Evidence
    acknowledged_by: str | None = None
    acknowledgement_expires_at: datetime | None = None
    pages: tuple[Page, ...] = ()
    occasions: frozenset[str] = frozenset()

    @property
    def peak(self) -> Priority:
        """The highest priority it ever had."""
        return max((self.priority, *(page.priority for page in self.pages)), key=lambda each: each.rank)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one alert. `alert` is None when it opens; `condition` is None when none is left."""

    kind: TransitionKind
    reason: Reason
    alert: OpenAlert | None
    condition: Condition | None
    to_state: AlertState
    priority: Priority

    @property
    def from_state(self) -> AlertState | None:
        """The state before; None when it opens."""
        return self.alert.state if self.alert else None


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One page to one contact over one channel, on one occasion."""

    occasion: str
    contact: str
    channel: str
