"""PURE. What the alert service decides about: conditions, alerts, and what happens to them.

Plain frozen values. Nothing here reads a clock, a setting or the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from schemas.policy import Priority
from services.alerts.said.model import Said, in_words
from services.alerts.said.stored import written

EvidenceValue = str | int | float | bool | None
Evidence = Mapping[str, EvidenceValue]
"""What a condition rests on: plain JSON values, for the board and for a later report."""


KEY_SIGN: Final = "@"  # in no id of a device


def key_of(name: str, at: datetime) -> str:
    """The key of a condition about a one-off event, which happened at `at` (services.alerts.lifecycle.one_off)."""
    return f"{name}{KEY_SIGN}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class RuleName(StrEnum):
    """The rules, by the name that is stored with an alert."""

    PUMP_ALARM = "pump_alarm"
    LOW_RESERVOIR = "low_reservoir"
    BOLUS_DEMAND = "bolus_demand"
    BOLUS_LIMIT = "bolus_limit"
    INFUSION = "infusion"
    DEVICE_SILENT = "device_silent"
    CLOCK = "clock"
    CERTIFICATE = "certificate"
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
    HOLDING = "holding"
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
    PASSED_ON = "passed_on"
    """Who had it, or was told of it, is out: whoever stands in for them has it now, or is told."""


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
    CONDITION_CALM = "condition_calm"
    """It is over at this look, and must be so for a while before its alert ends."""
    CONDITION_ENDED = "condition_ended"
    PERSON_TOOK_IT = "person_took_it"
    PERSON_SAW_IT = "person_saw_it"
    PERSON_WROTE = "person_wrote"
    PERSON_RESOLVED = "person_resolved"
    """It is about one thing that happened, and a person has dealt with that."""
    PERSON_ACCEPTED = "person_accepted"
    """It is about a level of demand, and a person has said that it is the new one."""
    PERSON_IS_OUT = "person_is_out"
    """Who had it, or was told of it, is out."""
    PUMP_RETIRED = "pump_retired"
    PUMP_MOVED = "pump_moved"
    PUMP_EXPLANTED = "pump_explanted"
    PUMP_IMPLANTED = "pump_implanted"
    """In another patient: what was so of the one before is not told of this one."""


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
class Condition:
    """Something that holds for a pump now. `since` is by the device's clock, and never after now."""

    rule: RuleName
    key: str
    priority: Priority
    strength: Strength
    since: datetime
    title: str
    said: Said
    evidence: Evidence

    @property
    def explanation(self) -> str:
        """What is said, in English: as it is stored. Made when it is asked for, and most conditions are never told."""
        return in_words(self.said)


class OccasionKind(StrEnum):
    """What made an episode begin, or what else a page is about. Stored with each delivery."""

    OPENED = "opened"
    PRIORITY = "priority"
    """The alert became more urgent than it ever was in the episode before."""
    RETURNED = "returned"
    EXPIRED = "expired"
    """An acknowledgement has expired, and the condition holds."""
    GROUP = "group"
    """One page for many alerts of a kind."""
    NOTICE = "notice"
    """About Pumpwatch itself."""
    ACKNOWLEDGED = "acknowledged"
    """A follow-up, as the next three: a receiver of alerts, no person, hears that somebody has taken the alert..."""
    CLEARED = "cleared"
    """...that its condition is gone, and nobody has seen it..."""
    CLOSED = "closed"
    """...that it is over..."""
    REOPENED = "reopened"
    """...or that it is back, where nobody is paged for that."""

    @property
    def is_follow_up(self) -> bool:
        """Tell whether it only follows a page that went out before."""
        return self in {self.ACKNOWLEDGED, self.CLEARED, self.CLOSED, self.REOPENED}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a page goes out: an episode of an alert, and the step of its route (0 is the first).

    `episode` tells episodes of one kind apart; together with the alert, kind, episode and step are told once. Steps
    count on beyond the route: when nobody answers, the last step goes out again under numbers of its own.
    """

    kind: OccasionKind
    episode: str = ""
    step: int = 0

    def __str__(self) -> str:
        """In one word, for logs and programs: "opened", "returned:8/step:1"."""
        name = f"{self.kind}:{self.episode}" if self.episode else self.kind.value
        return f"{name}/step:{self.step}" if self.step else name

    def is_of(self, other: Occasion) -> bool:
        """Tell whether both are steps of one episode."""
        return (self.kind, self.episode) == (other.kind, other.episode)

    def at_step(self, step: int) -> Occasion:
        """Another step of the same episode."""
        return replace(self, step=step)


@dataclass(frozen=True, slots=True)
class Page:
    """A transition after which somebody may have to be told; `seq` is its position in the clinic's trail."""

    kind: TransitionKind
    seq: int
    at: datetime
    priority: Priority
    from_state: AlertState | None
    flapped: bool = False

    @classmethod
    def of(cls, transition: Transition, seq: int | None, at: datetime) -> tuple[Self, ...]:
        """The page that a transition begins; empty: it begins none.

        Raises:
            ValueError: It begins one, and has no position in the trail.
        """
        if transition.kind not in PAGING_KINDS:
            return ()
        if seq is None:
            msg = f"a transition that pages must be audited: {transition.kind}"
            raise ValueError(msg)
        flapped = transition.reason is Reason.CONDITION_FLAPPED
        return (cls(transition.kind, seq, at, transition.priority, transition.from_state, flapped),)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the pages of one episode of an alert."""

    occasion: Occasion
    """Of the newest page: the highest step so far."""
    at: datetime
    """When somebody was last told, or was to be."""
    reached: bool
    """A page was sent, is held or is on its way. False: every one has failed or was called off."""
    policy_version: str | None = None
    """By which policy the newest page was planned; None: not known."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page that has not gone out yet: it is new, held, or (`fails`) could not be sent so far and is tried again."""

    contact: str
    channel: str
    fails: bool = False


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is not closed, closed a moment ago or resolved, with what was paged for it so far (oldest first).

    `occasions` have deliveries, `told` sums them up by episode, `waiting` have not gone out. `notified` is the highest
    priority of which somebody was told; None: nobody was, or a page was called off.
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
    occasions: frozenset[Occasion] = frozenset()
    told: tuple[Told, ...] = ()
    waiting: frozenset[Waiting] = frozenset()
    ended_at: datetime | None = None
    notified: Priority | None = None
    resolved_by: str | None = None
    accepted_by: str | None = None
    acknowledged_by_id: str | None = None
    """Of the actor; None: nobody has, or a name was typed, before persons had accounts."""
    resolved_by_id: str | None = None
    accepted_by_id: str | None = None
    implantation: int | None = None
    """Of the pump; None: the first."""
    said: str | None = None
    """What its explanation says, as `services.alerts.said.stored` writes it; None: it is known in English only."""
    calm_since: datetime | None = None
    """Since when its condition has been over at every look, where it does not close at the first of these."""

    @classmethod
    def opened_by(
        cls, condition: Condition, *, alert_id: UUID, clinic_id: str, pump_id: str, implantation: int | None = None
    ) -> Self:
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
            said=written(condition.said),
            evidence=condition.evidence,
            implantation=implantation,
        )

    def after(self, transition: Transition, seq: int | None, at: datetime) -> OpenAlert:
        """This alert once a transition of it has happened.

        Args:
            transition: Of this alert; one that opens it may follow `opened_by`.
            seq: The position of the transition in the clinic's audit trail; None: it is not audited.
            at: When.

        Raises:
            ValueError: The transition pages and has no position in the trail.
        """
        condition, ended = transition.condition, transition.to_state in {AlertState.CLEARED, AlertState.CLOSED}
        active = transition.to_state is AlertState.ACTIVE
        return replace(
            self,
            state=transition.to_state,
            priority=transition.priority,
            since=transition.since_of(self),
            title=condition.title if condition else self.title,
            explanation=condition.explanation if condition else self.explanation,
            said=written(condition.said) if condition else self.said,
            evidence=condition.evidence if condition else self.evidence,
            acknowledged_by=None if active else self.acknowledged_by,
            acknowledged_by_id=None if active else self.acknowledged_by_id,
            acknowledgement_expires_at=None if active else self.acknowledgement_expires_at,
            pages=(*self.pages, *Page.of(transition, seq, at)),
            ended_at=(self.ended_at or at) if ended else None,
            calm_since=transition.calm_since,
        )

    def acknowledgement_is_over(self, now: datetime) -> bool:
        """Tell whether somebody took it, and that was too long ago."""
        until = self.acknowledgement_expires_at
        return self.state is AlertState.ACKNOWLEDGED and until is not None and until <= now

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
    calm_since: datetime | None = None
    """What the alert's own is afterwards."""

    @property
    def from_state(self) -> AlertState | None:
        """The state before; None when it opens."""
        return self.alert.state if self.alert else None

    def since_of(self, alert: OpenAlert) -> datetime:
        """Since when it is so afterwards: what returns begins anew, what goes on began at the earliest moment known."""
        if self.condition is None:
            return alert.since
        if self.kind is TransitionKind.RETURNED:
            return self.condition.since
        return min(alert.since, self.condition.since)
