"""PURE. What is known of a pump: plain frozen values, which every rule judges by.

Volumes are in millilitres. Moments are judged: by the device's clock, and no later than the event was received. What a
device dates after that is provably wrong, and never outranks what was received later
(docs/decisions/0013-time-is-judged.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis

DRAWN_OFF: Final = timedelta(minutes=15)
"""So soon after a refill a measured volume is what was drawn off, and not what is in the pump (GK)."""
FILLED_FOR: Final = timedelta(days=3)
"""So long after a refill the first measured volume shows whether it went into the pump (docs/domain.md section 1)."""
MEASURED_FOR: Final = timedelta(days=400)
"""No event that is older than this is taken, and no measured reading."""

_LEAST_SIZE_ML: Final = 1.0
_LARGEST_SIZE_ML: Final = 40.0
EPISODE: Final = timedelta(minutes=5)
"""Requests that follow each other this closely are one episode: devices rarely say that they refused, so
patients press again (docs/domain.md section 3, INF)."""


Position = tuple[datetime, datetime, int, UUID]
"""The judged moment, when it was received, the device's own counter, and an id: what orders events."""


def position(observed_at: datetime, received_at: datetime, seq: int | None, event_id: UUID) -> Position:
    """Where an event stands among others: the greatest is the newest. In SQL it is `judged_at` (migration 0023)."""
    return min(observed_at, received_at), received_at, -1 if seq is None else seq, event_id


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One stored event of a pump alarm; `observed_at` is the device's word."""

    code: AlarmCode
    state: AlarmState
    observed_at: datetime
    received_at: datetime
    device_id: str
    seq: int | None
    event_id: UUID
    detail: str | None = None

    @property
    def position(self) -> Position:
        """Where it stands among others."""
        return position(self.observed_at, self.received_at, self.seq, self.event_id)

    @property
    def judged_at(self) -> datetime:
        """When it happened at the latest."""
        return min(self.observed_at, self.received_at)

    @property
    def is_ahead(self) -> bool:
        """Whether it is dated after its receipt: the clock that dated it was wrong."""
        return self.observed_at > self.received_at

    @property
    def proven_at(self) -> datetime:
        """What is dated before this happened before it: by as much earlier as its clock was ahead at the least."""
        return min(self.observed_at, self.received_at - (self.observed_at - self.received_at))


@dataclass(frozen=True, slots=True)
class RefusedAlarm:
    """An event of a pump alarm that was refused for its date: of its time only the first receipt is known.

    `behind` is how much earlier it was dated than received; below 0: later.
    """

    code: AlarmCode
    state: AlarmState
    received_at: datetime
    behind: timedelta
    device_id: str
    seq: int | None
    event_id: UUID


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
    concentrations: tuple[float, ...] = ()
    """Of the drugs, in the same order, in mcg/mL."""

    @property
    def worst_daily_ml(self) -> float:
        """The most a day can take: the profile and every bolus of the limit."""
        return self.daily_ml + self.bolus_ml * self.bolus_limit


@dataclass(frozen=True, slots=True)
class Flow:
    """What a therapy lets flow from a moment on, until the next one: mL a day, and mL for each delivered bolus."""

    since: datetime
    daily_ml: float
    bolus_ml: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the patient said."""

    complaint: Complaint
    score: int | None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """How far behind a device's clock is (below 0: ahead), and whether its events are refused for it."""

    behind: timedelta
    refused: bool = False


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """When the certificate ends by which a device logs in: of several that are good, the last."""

    device_id: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """When a device was heard, by our clock: the newest, and the ends of its uploads before (ascending)."""

    device_id: str
    heard_at: tuple[datetime, ...]
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    """Its last pauses, from when it was heard to when it was heard again, as ingest keeps them: of any age."""
    clock: DeviceClock | None = None
    """None: its clock is not known."""

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
class AcceptedLevel:
    """A level of demand that a person has accepted as the new one: when, since when it was so, and requests a day."""

    at: datetime
    since: datetime
    per_day: float


class VisitKind(StrEnum):
    """What somebody said of the next refill visit; stored in `refill_visits.kind`."""

    BOOKED = "booked"
    MOVED = "moved"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Visit:
    """What was last said on the refill board of this patient's visit: for which day, and when that begins."""

    kind: VisitKind
    on: date
    begins: datetime
    said_at: datetime


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
    """The first computed one after the newest refill and therapy, at most 7 days and a bit old.

    First by the device's clock, of those that are judged to be after it; `filled_reading` too.
    """
    first_reading: Reading | None = None
    """The first computed one after the newest refill, at most 7 days and a bit old, where a therapy came after both.

    None: no therapy did, and `earlier_reading` is the same.
    """
    filled_reading: Reading | None = None
    """The first measured one from 15 minutes to 3 days after the newest refill."""
    measured_reading: Reading | None = None
    """The newest measured one from 15 minutes after the newest refill on, at most 400 days old; it may be `reading`."""
    refills: tuple[Refill, ...] = ()
    """The newest, and up to three before; newest first. What was entered again is one (facts.refills)."""
    programmed_low_ml: float | None = None
    therapy: Therapy | None = None
    earlier_flows: tuple[Flow, ...] = ()
    """Of up to seven therapies before `therapy`, newest first, where that came after the newest measured reading."""
    reprogrammed_at: datetime | None = None
    """When the newest prescription that differs from the one before was programmed; None: none is known."""
    accepted: AcceptedLevel | None = None
    """The level of demand that a person last accepted as the new one; None: nobody has."""
    demand: Demand = Demand()
    windows: tuple[DayWindow, ...] = ()
    requests_heard_at: datetime | None = None
    """When the newest request was received, which may be later than it is dated."""
    reports: tuple[Report, ...] = ()
    refused_alarms: tuple[RefusedAlarm, ...] = ()
    """Those of the last 30 days, at most the newest 200, in the order of receipt."""
    contacts: tuple[Contact, ...] = ()
    """Of the pump and of the handhelds that are paired with it now."""
    certificates: tuple[DeviceCertificate, ...] = ()
    """Of those devices, where one is written down. As they are now, also in a replay: what ends is in the future."""
    since: datetime | None = None
    """When the pump was implanted, or explanted: nothing before counts. None: as far back as anybody knows."""
    implanted: bool = True
    """False: the registry says that it is in nobody."""
    implantation: int | None = None
    """Which one it is; None: the first."""
    visit: Visit | None = None
    """What was last said of the next refill visit; None: nothing was, on the board."""

    @property
    def size_ml(self) -> float:
        """What the pump holds; while no therapy says so, 40 mL: none holds more (docs/domain.md section 1)."""
        return self.therapy.size_ml if self.therapy and self.therapy.size_ml >= _LEAST_SIZE_ML else _LARGEST_SIZE_ML

    @property
    def refill(self) -> Refill | None:
        """The newest refill."""
        return self.refills[0] if self.refills else None
