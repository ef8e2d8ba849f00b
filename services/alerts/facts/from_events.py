"""PURE. The facts of one pump, from its stored events in memory: what the query `facts` says, without a database.

Guarantee: equal to the query for every history (tests/integration/alerts/test_facts.py). For benchmarks and
for reading what a rule would have made of a story; the service itself always asks the database.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Final, Generic, TypeVar, assert_never
from uuid import UUID

from schemas import events as wire
from services.alerts.facts.clocks import HABIT_DAYS, UPLOAD, beat, clock_of
from services.alerts.facts.from_rows import (
    HEARTBEATS,
    MOST_REFUSED,
    PAUSES_KEPT,
    REFUSED_DAYS,
    bolus_volume_ml,
    daily_ml,
)
from services.alerts.facts.model import (
    DRAWN_OFF,
    EPISODE,
    FILLED_FOR,
    MEASURED_FOR,
    AcceptedLevel,
    AlarmEvent,
    Contact,
    DayWindow,
    Demand,
    Flow,
    Position,
    PumpFacts,
    Reading,
    Refill,
    RefusedAlarm,
    Report,
    Therapy,
    Visit,
    position,
)
from services.alerts.facts.refills import ENTRIES, Entry, refills_of
from services.alerts.facts.twins import once

Kind = TypeVar("Kind", bound=wire.Event)
_DAY_SECONDS: Final = 86_400.0
_EPISODE_SECONDS: Final = EPISODE.total_seconds()
_WEEK: Final = timedelta(days=7)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_OUTCOMES: Final = tuple(outcome.value for outcome in wire.BolusOutcome)


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Kind]):
    """One stored event, and where it stands among others."""

    position: Position
    device_id: str
    event: Kind

    @property
    def at(self) -> datetime:
        """The judged moment."""
        return self.position[0]

    @property
    def received_at(self) -> datetime:
        return self.position[1]


_Mark = tuple[float, bool, bool, bool, str]
"""Of a request: seconds since 1970, delivered, refused, refused at the limit, and its outcome."""


@dataclass(slots=True)
class _Heard:
    """When a device was heard, and its pauses, as ingest keeps them (device_last_seen)."""

    receipts: list[datetime] = field(default_factory=list)
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)
    newest: tuple[datetime, datetime] = (_NEVER, _NEVER)
    """When it was heard last, and the newest date of what it said then."""

    def add(self, received_at: datetime, observed_at: datetime) -> None:
        self.newest = max(self.newest, (received_at, observed_at))
        in_order = not self.receipts or received_at >= self.receipts[-1]
        insort(self.receipts, received_at)
        pairs = itertools.pairwise(self.receipts[-2:] if in_order else self.receipts)
        paused = [(earlier, later) for earlier, later in pairs if later - earlier >= UPLOAD]
        self.pauses = self.pauses + paused if in_order else paused


_order = attrgetter("position")
_moment = attrgetter("at")


@dataclass(slots=True)
class History:
    """Stored events of one pump and its handhelds. Add them in any order; duplicate ids are ignored.

    Each list is in the order of `position`, the newest last. What is replaced stays, and does not count. Of what was
    refused for its date it knows alarms only: other events are in no table that a replay could read.
    """

    pump_id: str
    clinic_id: str
    handhelds: tuple[str, ...] = ()
    since: datetime | None = None
    """When the pump was implanted: what is judged to be before does not count. None: as far back as anybody knows."""
    implantation: int | None = None
    readings: list[_Entry[wire.Reservoir]] = field(default_factory=list)
    requests: list[_Entry[wire.Bolus]] = field(default_factory=list)
    marks: list[_Mark] = field(default_factory=list)
    told_by: set[str] = field(default_factory=set)
    """The devices that told of requests."""
    therapies: list[_Entry[wire.Therapy]] = field(default_factory=list)
    refills: list[_Entry[wire.Refill]] = field(default_factory=list)
    reports: list[_Entry[wire.Report]] = field(default_factory=list)
    alarms: dict[UUID, AlarmEvent] = field(default_factory=dict)
    statuses: dict[str, list[_Entry[wire.Status]]] = field(default_factory=dict)
    heard: list[float] = field(default_factory=list)
    contacts: dict[str, _Heard] = field(default_factory=dict)
    refused: dict[UUID, RefusedAlarm] = field(default_factory=dict)
    seen: set[UUID] = field(default_factory=set)
    replaced: set[tuple[wire.EventKind, UUID]] = field(default_factory=set)

    accepted: list[AcceptedLevel] = field(default_factory=list)
    """The levels of demand that people accepted as the new one."""
    visits: list[Visit] = field(default_factory=list)
    """What was said of this patient's refill visits."""

    def add(self, event: wire.Event | RefusedAlarm, received_at: datetime, device_id: str) -> None:
        """Store one event, or take note of an alarm that was refused for its date."""
        if isinstance(event, RefusedAlarm):
            self.refused.setdefault(event.event_id, event)
            return
        if event.event_id in self.seen:
            return
        self.seen.add(event.event_id)
        self.contacts.setdefault(device_id, _Heard()).add(received_at, event.observed_at)
        where = position(event.observed_at, received_at, event.seq, event.event_id)
        if self.since is not None and where[0] < self.since:
            if isinstance(event, wire.Therapy | wire.Refill):
                self._replace(event)
            return
        insort(self.heard, where[0].timestamp())
        match event:
            case wire.Reservoir():
                insort(self.readings, _Entry(where, device_id, event), key=_order)
            case wire.Bolus():
                self._add_request(_Entry(where, device_id, event))
            case wire.Therapy():
                self._replace(event)
                insort(self.therapies, _Entry(where, device_id, event), key=_order)
            case wire.Refill():
                self._replace(event)
                insort(self.refills, _Entry(where, device_id, event), key=_order)
            case wire.Report():
                insort(self.reports, _Entry(where, device_id, event), key=_order)
            case wire.Status():
                insort(self.statuses.setdefault(device_id, []), _Entry(where, device_id, event), key=_order)
            case wire.Alarm():
                self.alarms[event.event_id] = AlarmEvent(
                    event.code,
                    event.state,
                    event.observed_at,
                    received_at,
                    device_id,
                    event.seq,
                    event.event_id,
                    event.detail,
                )
            case never:
                assert_never(never)

    def facts(self, now: datetime, windows: int) -> PumpFacts:
        """What is known at `now`."""
        refills = refills_of(
            Entry(each.at, each.received_at, each.event.expected_ml, each.event.measured_ml, each.event.filled_ml)
            for each in self._counting(self.refills)[: -ENTRIES - 1 : -1]
        )
        measured = self._measured(refills, now)
        therapies = self._counting(self.therapies)
        therapy = therapies[-1] if therapies else None
        marks = self._marks(now - timedelta(days=windows), therapy)
        return PumpFacts(
            pump_id=self.pump_id,
            clinic_id=self.clinic_id,
            alarms=tuple(self.alarms.values()),
            reading=_reading(self.readings[-1] if self.readings else None),
            earlier_reading=self._earlier(refills, therapy),
            first_reading=self._first_of_week(refills, therapy),
            measured_reading=measured,
            filled_reading=self._after_filling(refills),
            refills=refills,
            programmed_low_ml=therapy.event.low_reservoir_ml if therapy else None,
            therapy=_therapy(therapy.event, therapy.at) if therapy else None,
            earlier_flows=_earlier_flows(therapies, measured),
            reprogrammed_at=_reprogrammed_at(therapies),
            accepted=self._accepted(now),
            demand=self._demand(now, marks),
            windows=self._windows(now, windows, marks),
            reports=tuple(
                Report(each.event.complaint, each.event.score, each.at)
                for each in self.reports[:-21:-1]
                if each.at > now - timedelta(days=30)
            ),
            requests_heard_at=self._newest_request_heard_at(now - timedelta(days=windows)),
            refused_alarms=self._refused(now),
            contacts=tuple(
                self._contact(device, now, now - timedelta(days=windows))
                for device in sorted({self.pump_id, *self.handhelds})
            ),
            since=self.since,
            implantation=self.implantation,
            visit=max((each for each in self.visits if each.said_at <= now), key=attrgetter("said_at"), default=None),
        )

    def _add_request(self, request: _Entry[wire.Bolus]) -> None:
        index = bisect_right(self.requests, request.position, key=_order)
        self.requests.insert(index, request)
        self.marks.insert(index, _mark(request.at.timestamp(), request.event.outcome.value))
        self.told_by.add(request.device_id)

    def _marks(self, first: datetime, therapy: _Entry[wire.Therapy] | None) -> list[_Mark]:
        """Of the requests after `first`, each press once."""
        start = bisect_right(self.requests, first, key=_moment)
        if len(self.told_by) <= 1:
            return self.marks[start:]
        told = ((each.at.timestamp(), each.event.outcome.value, each.device_id) for each in self.requests[start:])
        bolus = therapy.event.bolus if therapy else None
        return [_mark(*each) for each in once(told, bolus.lockout_minutes if bolus else None)]

    def _replace(self, event: wire.Therapy | wire.Refill) -> None:
        if event.replaces is not None and event.replaces != event.event_id:
            self.replaced.add((event.kind, event.replaces))

    def _counting(self, entries: list[_Entry[Kind]]) -> list[_Entry[Kind]]:
        if not self.replaced:
            return entries
        return [each for each in entries if (each.event.kind, each.event.event_id) not in self.replaced]

    def _earlier(self, refills: tuple[Refill, ...], therapy: _Entry[wire.Therapy] | None) -> Reading | None:
        if not self.readings or self.readings[-1].event.basis is not wire.ReadingBasis.COMPUTED:
            return None
        bounds = [refill.observed_at for refill in refills[:1]] + ([therapy.at] if therapy else [])
        after = max([self.readings[-1].at - _WEEK, *bounds])
        return _first(self.readings[bisect_left(self.readings, after, key=_moment) :], wire.ReadingBasis.COMPUTED)

    def _first_of_week(self, refills: tuple[Refill, ...], therapy: _Entry[wire.Therapy] | None) -> Reading | None:
        if not self.readings or self.readings[-1].event.basis is not wire.ReadingBasis.COMPUTED:
            return None
        after = max([self.readings[-1].at - _WEEK, *(refill.observed_at for refill in refills[:1])])
        if therapy is None or therapy.at <= after:
            return None
        return _first(self.readings[bisect_left(self.readings, after, key=_moment) :], wire.ReadingBasis.COMPUTED)

    def _measured(self, refills: tuple[Refill, ...], now: datetime) -> Reading | None:
        after = max([now - MEASURED_FOR, *(refill.observed_at + DRAWN_OFF for refill in refills[:1])])
        since = self.readings[bisect_left(self.readings, after, key=_moment) :]
        measured = (each for each in reversed(since) if each.event.basis is wire.ReadingBasis.MEASURED)
        return _reading(next(measured, None))

    def _after_filling(self, refills: tuple[Refill, ...]) -> Reading | None:
        if not refills:
            return None
        at = refills[0].observed_at
        start = bisect_left(self.readings, at + DRAWN_OFF, key=_moment)
        end = bisect_right(self.readings, at + FILLED_FOR, key=_moment)
        dated = (each for each in self.readings[start:end] if each.event.observed_at <= at + FILLED_FOR)
        return _first(dated, wire.ReadingBasis.MEASURED)

    def _refused(self, now: datetime) -> tuple[RefusedAlarm, ...]:
        after, since = now - timedelta(days=REFUSED_DAYS), self.since
        counting = (
            each
            for each in self.refused.values()
            if each.received_at > after and (since is None or each.received_at >= since)
        )
        return tuple(sorted(counting, key=lambda each: (each.received_at, each.event_id))[-MOST_REFUSED:])

    def _accepted(self, now: datetime) -> AcceptedLevel | None:
        counting = (each for each in self.accepted if each.at <= now and (self.since is None or each.at >= self.since))
        return max(counting, key=attrgetter("at"), default=None)

    def _demand(self, now: datetime, marks: list[_Mark]) -> Demand:
        today = marks[bisect_right(marks, now.timestamp() - _DAY_SECONDS, key=itemgetter(0)) :]
        counts = dict.fromkeys(_OUTCOMES, 0)
        for mark in today:
            counts[mark[4]] += 1
        return Demand(**counts, first_at=datetime.fromtimestamp(today[0][0], UTC) if today else None)

    def _windows(self, now: datetime, windows: int, marks: list[_Mark]) -> tuple[DayWindow, ...]:
        end = now.timestamp()
        counts = [[0, 0, 0, 0, 0] for _ in range(windows)]
        before = float("-inf")
        for at, delivered, refused, at_limit, _ in marks:
            index = int((end - at) // _DAY_SECONDS)
            count = counts[max(0, index)]
            count[0] += at - before >= _EPISODE_SECONDS
            count[1] += 1
            count[2] += delivered
            count[3] += refused
            count[4] += at_limit
            before = at
        heard = self.heard
        edges = [bisect_right(heard, end - index * _DAY_SECONDS) for index in range(windows + 1)]
        edges[0] = len(heard)
        return tuple(DayWindow(c[0], edges[index] > edges[index + 1], *c[1:]) for index, c in enumerate(counts))

    def _contact(self, device_id: str, now: datetime, first: datetime) -> Contact:
        statuses = self.statuses.get(device_id, [])[: -HEARTBEATS - 1 : -1]
        statuses = [each for each in statuses if each.at > now - timedelta(days=HABIT_DAYS)]
        heard = {each.received_at for each in statuses}
        if self.since is not None:
            heard.add(self.since)
        if self.readings and self.readings[-1].device_id == device_id:
            heard.add(self.readings[-1].received_at)
        newest = [each.received_at for each in self._newest_requests(first) if each.device_id == device_id]
        heard.update(newest and [max(newest)])
        beats = [beat(each.event.observed_at, each.received_at) for each in statuses]
        kept = self.contacts.get(device_id)
        if kept is None:
            return Contact(device_id, tuple(sorted(heard)))
        received_at, observed_at = kept.newest
        clock = clock_of(beats, max(heard, default=None), (received_at, received_at - observed_at))
        pauses = [each for each in kept.pauses[-PAUSES_KEPT:] if self.since is None or each[0] >= self.since]
        return Contact(device_id, tuple(sorted({*heard, received_at})), tuple(pauses), clock)

    def _newest_requests(self, first: datetime) -> list[_Entry[wire.Bolus]]:
        if not self.requests or self.requests[-1].at <= first:
            return []
        return self.requests[bisect_left(self.requests, self.requests[-1].at, key=_moment) :]

    def _newest_request_heard_at(self, first: datetime) -> datetime | None:
        return max((each.received_at for each in self._newest_requests(first)), default=None)


def _mark(at: float, outcome: str) -> _Mark:
    at_limit = outcome == wire.BolusOutcome.DENIED_LIMIT
    refused = at_limit or outcome == wire.BolusOutcome.DENIED_LOCKOUT
    return at, outcome == wire.BolusOutcome.DELIVERED, refused, at_limit, outcome


def _first(readings: Iterable[_Entry[wire.Reservoir]], basis: wire.ReadingBasis) -> Reading | None:
    """The first by the device's clock; of one date the one that was received last. `readings` are in their order."""
    found: _Entry[wire.Reservoir] | None = None
    for each in readings:
        if found is not None and each.at > found.event.observed_at:
            break  # whatever follows is dated later still
        if each.event.basis is basis and (found is None or each.event.observed_at <= found.event.observed_at):
            found = each
    return _reading(found)


def _reading(entry: _Entry[wire.Reservoir] | None) -> Reading | None:
    return None if entry is None else Reading(entry.event.volume_ml + 0.0, entry.event.basis, entry.at)


def _reprogrammed_at(therapies: list[_Entry[wire.Therapy]]) -> datetime | None:
    changed = [
        later.at
        for earlier, later in itertools.pairwise(therapies[-8:])
        if _prescription(earlier.event) != _prescription(later.event)
    ]
    return changed[-1] if changed else None


def _earlier_flows(therapies: list[_Entry[wire.Therapy]], measured: Reading | None) -> tuple[Flow, ...]:
    if not therapies or measured is None or therapies[-1].at <= measured.observed_at:
        return ()
    earlier = (_therapy(each.event, each.at) for each in therapies[-2:-9:-1])
    return tuple(Flow(each.observed_at, each.daily_ml, each.bolus_ml) for each in earlier)


def _prescription(event: wire.Therapy) -> tuple[object, ...]:
    return event.drugs, event.profile, event.bolus


def _therapy(event: wire.Therapy, at: datetime) -> Therapy:
    return Therapy(
        observed_at=at,
        daily_ml=daily_ml([(step.from_time, step.rate_ml_per_day) for step in event.profile]),
        bolus_ml=bolus_volume_ml(
            event.bolus.dose_mcg if event.bolus else 0.0,
            event.drugs[0].concentration_mcg_per_ml if event.drugs else 0.0,
        ),
        bolus_limit=event.bolus.limit_per_24h if event.bolus else 0,
        size_ml=event.reservoir_size_ml,
        refill_due=event.refill_due,
        drugs=tuple(drug.name for drug in event.drugs),
        concentrations=tuple(drug.concentration_mcg_per_ml for drug in event.drugs),
    )
