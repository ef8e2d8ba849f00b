"""What the alert service talks about: facts of a pump, conditions, alerts and what happens to them.

Plain frozen values. Nothing here reads a clock, a setting or the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from schemas.policy import Priority

EvidenceValue = str | int | float | bool | None
Evidence = Mapping[str, EvidenceValue]
"""What a condition rests on: plain JSON values, for the board and for a later report."""


EPISODE: Final = timedelta(minutes=5)
"""Requests that follow each other this closely are one episode: devices rarely say that they refused, so
patients press again (docs/domain.md section 3, INF)."""


class RuleName(StrEnum):
    """The rules, by the name that is stored with an alert."""

    PUMP_ALARM = "pump_alarm"
    LOW_RESERVOIR = "low_reservoir"
    BOLUS_DEMAND = "bolus_demand"
    BOLUS_LIMIT = "bolus_limit"
    INFUSION = "infusion"
    DEVICE_SILENT = "device_silent"
    PATIENT_REPORT = "patient_report"
    PUMP_UNJUDGED = "pump_unjudged"
    """No rule of `rules`: Pumpwatch itself failed on the pump."""


class AlertState(StrEnum):
    """active -> acknowledged -> cleared -> closed (docs/glossary.md).

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
    COMMENTED = "commented"
    ACTED = "acted"
    """A person wrote down what was done."""


class Reason(StrEnum):
    """Why it happened; stored, logged and counted."""

    CONDITION_BEGAN = "condition_began"
    CONDITION_WORSENED = "condition_worsened"
    CONDITION_EASED = "condition_eased"
    CONDITION_CHANGED = "condition_changed"
    CONDITION_PERSISTS = "condition_persists"
    CONDITION_RETURNED = "condition_returned"
    CONDITION_FLAPPED = "condition_flapped"
    """It returned soon after it had ended, and whoever was told has not answered: no new page."""
    CONDITION_ENDED = "condition_ended"
    PERSON_TOOK_IT = "person_took_it"
    PERSON_SAW_IT = "person_saw_it"
    PERSON_WROTE = "person_wrote"
    PERSON_RESOLVED = "person_resolved"
    """It is about one thing that happened, and a person has dealt with that."""
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
    """A refill: what the pump expected to be left, what was, and what was put in after it was drawn off."""

    filled_ml: float
    observed_at: datetime
    expected_ml: float = 0.0
    measured_ml: float = 0.0

    @property
    def missing_ml(self) -> float:
        """Less left than expected: the pump gave more than programmed. Negative: it gave less."""
        return self.expected_ml - self.measured_ml


@dataclass(frozen=True, slots=True)
class Therapy:
    """The newest therapy, and what follows from it. Volumes in mL."""

    observed_at: datetime
    daily_ml: float
    bolus_ml: float = 0.0
    bolus_limit: int = 0
    size_ml: float = 40.0
    refill_due: date | None = None
    drugs: tuple[str, ...] = ()

    @property
    def worst_daily_ml(self) -> float:
        """The most a day can take: the profile and every bolus of the limit."""
        return self.daily_ml + self.bolus_ml * self.bolus_limit


@dataclass(frozen=True, slots=True)
class Report:
    """What the patient said."""

    complaint: Complaint
    score: int | None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """When a device was heard, by our clock: the newest, and the ends of its uploads before (ascending)."""

    device_id: str
    heard_at: tuple[datetime, ...]

    @property
    def last_at(self) -> datetime | None:
        """When it was last heard; None: not for a long time, or never."""
        return self.heard_at[-1] if self.heard_at else None


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
        """Every request counts, also one of unknown delivery (docs/domain.md section 3, recipe (a))."""
        return self.delivered + self.denied_lockout + self.denied_limit + self.denied_other + self.comm_failure


@dataclass(frozen=True, slots=True)
class DayWindow:
    """One 24-hour window: episodes of requests, whether anything at all was heard of the pump, and outcomes.

    `attempts` counts episodes (see EPISODE), the others single requests; `refused` holds `refused_at_limit`.
    """

    attempts: int
    heard: bool
    requests: int = 0
    delivered: int = 0
    refused: int = 0
    refused_at_limit: int = 0


@dataclass(frozen=True, slots=True)
class PumpFacts:
    """All that the rules need to know of one pump, as of one moment.

    `alarms` holds every event that decides the state of an alarm code (services.alerts.rules.active_alarms); more do no
    harm. `windows[0]` is the last 24 hours before `now`, `windows[1]` the 24 hours before that, and so on.
    """

    pump_id: str
    clinic_id: str
    enrolled: bool = True
    alarms: tuple[AlarmEvent, ...] = ()
    reading: Reading | None = None
    earlier_reading: Reading | None = None
    """The first computed one after the newest refill and therapy, at most 7 days and a bit old."""
    filled_reading: Reading | None = None
    """The first measured one from 15 minutes to 3 days after the newest refill."""
    refills: tuple[Refill, ...] = ()
    """The newest, and up to three before; newest first."""
    programmed_low_ml: float | None = None
    therapy: Therapy | None = None
    reprogrammed_at: datetime | None = None
    """When the newest prescription that differs from the one before was programmed; None: none is known."""
    demand: Demand = Demand()
    windows: tuple[DayWindow, ...] = ()
    reports: tuple[Report, ...] = ()
    contacts: tuple[Contact, ...] = ()
    """Of the pump and of the handhelds that are paired with it now."""

    @property
    def refill(self) -> Refill | None:
        """The newest refill."""
        return self.refills[0] if self.refills else None


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
    flapped: bool = False

    @classmethod
    def after(cls, transition: Transition, seq: int, at: datetime) -> Self:
        """The page that a transition begins."""
        flapped = transition.reason is Reason.CONDITION_FLAPPED
        return cls(transition.kind, seq, at, transition.priority, transition.from_state, flapped)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is not closed, closed a moment ago or resolved, with what was paged for it so far (oldest first).

    `told` is the highest priority of which somebody was told; None: nobody was, or a page was called off.
    """

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
    ended_at: datetime | None = None
    told: Priority | None = None
    resolved_by: str | None = None

    @classmethod
    def opened_by(cls, condition: Condition, *, alert_id: UUID, clinic_id: str, pump_id: str) -> Self:
        """The alert that a condition opens, before anything was paged."""
        return cls(
            alert_id=alert_id,
            clinic_id=clinic_id,
            pump_id=pump_id,
            rule=condition.rule.value,
            key=condition.key,
            priority=condition.priority,
            state=AlertState.ACTIVE,
            since=condition.since,
            title=condition.title,
            explanation=condition.explanation,
            evidence=condition.evidence,
        )

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
