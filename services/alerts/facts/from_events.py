"""PURE. The facts of one pump, from its stored events in memory: what the query `facts` says, without a database.

Guarantee: equal to the query for every history (tests/integration/alerts/test_facts.py). For benchmarks and
for reading what a rule would have made of a story; the service itself always asks the database.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, assert_never
from uuid import UUID

from schemas import events as wire
from services.alerts.facts.from_rows import HABIT_DAYS, HEARTBEATS, bolus_volume_ml, daily_ml
from services.alerts.facts.model import (
    EPISODE,
    AlarmEvent,
    Contact,
    DayWindow,
    Demand,
    PumpFacts,
    Reading,
    Refill,
    Report,
    Therapy,
)

_DAY_SECONDS: Final = 86_400.0
_EPISODE_SECONDS: Final = EPISODE.total_seconds()
_WEEK: Final = timedelta(days=7)
_OUTCOMES: Final = tuple(outcome.value for outcome in wire.BolusOutcome)


@dataclass(slots=True)
class History:
    """Stored events of one pump and its handhelds. Add them in any order; duplicate ids are ignored."""

    pump_id: str
    clinic_id: str
    handhelds: tuple[str, ...] = ()
    readings: list[tuple[datetime, UUID, str, datetime, wire.Reservoir]] = field(default_factory=list)
    requests: list[tuple[datetime, UUID, str, datetime, wire.Bolus]] = field(default_factory=list)
    marks: list[tuple[float, bool, bool, bool]] = field(default_factory=list)
    """Of each request: seconds since 1970, delivered, refused, refused at the limit."""
    therapies: list[tuple[datetime, UUID, wire.Therapy]] = field(default_factory=list)
    refills: list[tuple[datetime, UUID, wire.Refill]] = field(default_factory=list)
    reports: list[tuple[datetime, UUID, wire.Report]] = field(default_factory=list)
    alarms: dict[UUID, AlarmEvent] = field(default_factory=dict)
    statuses: dict[str, list[tuple[datetime, datetime, UUID]]] = field(default_factory=dict)
    heard: list[float] = field(default_factory=list)
    seen: set[UUID] = field(default_factory=set)

    def add(self, event: wire.Event, received_at: datetime, device_id: str) -> None:
        """Store one event."""
        if event.event_id in self.seen:
            return
        self.seen.add(event.event_id)
        at, number = event.observed_at, event.event_id
        insort(self.heard, at.timestamp())
        match event:
            case wire.Reservoir():
                insort(self.readings, (at, number, device_id, received_at, event), key=_order)
            case wire.Bolus():
                self._add_request((at, number, device_id, received_at, event))
            case wire.Therapy():
                insort(self.therapies, (at, number, event), key=_order)
            case wire.Refill():
                insort(self.refills, (at, number, event), key=_order)
            case wire.Report():
                insort(self.reports, (at, number, event), key=_order)
            case wire.Status():
                insort(self.statuses.setdefault(device_id, []), (at, received_at, number))
            case wire.Alarm():
                alarm = AlarmEvent(event.code, event.state, at, device_id, event.seq, number, event.detail)
                self.alarms[number] = alarm
            case never:
                assert_never(never)

    def facts(self, now: datetime, windows: int) -> PumpFacts:
        """What is known at `now`."""
        refills = tuple(
            Refill(each.filled_ml, at, each.expected_ml, each.measured_ml) for at, _, each in self.refills[:-5:-1]
        )
        newest = self.readings[-1] if self.readings else None
        therapy = self.therapies[-1][2] if self.therapies else None
        return PumpFacts(
            pump_id=self.pump_id,
            clinic_id=self.clinic_id,
            alarms=tuple(self.alarms.values()),
            reading=Reading(newest[4].volume_ml, newest[4].basis, newest[0]) if newest else None,
            earlier_reading=self._earlier(refills),
            filled_reading=self._after_filling(refills),
            refills=refills,
            programmed_low_ml=therapy.low_reservoir_ml if therapy else None,
            therapy=_therapy(therapy) if therapy else None,
            reprogrammed_at=self._reprogrammed_at(),
            demand=self._demand(now),
            windows=self._windows(now, windows),
            reports=tuple(
                Report(each.complaint, each.score, at)
                for at, _, each in self.reports[:-21:-1]
                if at > now - timedelta(days=30)
            ),
            contacts=tuple(
                self._contact(device, now, now - timedelta(days=windows))
                for device in sorted({self.pump_id, *self.handhelds})
            ),
        )

    def _add_request(self, request: tuple[datetime, UUID, str, datetime, wire.Bolus]) -> None:
        outcome = request[4].outcome
        at_limit = outcome is wire.BolusOutcome.DENIED_LIMIT
        refused = at_limit or outcome is wire.BolusOutcome.DENIED_LOCKOUT
        index = bisect_right(self.requests, _order(request), key=_order)
        self.requests.insert(index, request)
        mark = (request[0].timestamp(), outcome is wire.BolusOutcome.DELIVERED, refused, at_limit)
        self.marks.insert(index, mark)

    def _earlier(self, refills: tuple[Refill, ...]) -> Reading | None:
        if not self.readings or self.readings[-1][4].basis is not wire.ReadingBasis.COMPUTED:
            return None
        after = self.readings[-1][0] - _WEEK
        after = max(
            after, *(refill.observed_at for refill in refills[:1]), *(at for at, *_ in self.therapies[-1:]), after
        )
        start = bisect_left(self.readings, after, key=lambda each: each[0])
        return _first(self.readings[start:], wire.ReadingBasis.COMPUTED)

    def _after_filling(self, refills: tuple[Refill, ...]) -> Reading | None:
        if not refills:
            return None
        at = refills[0].observed_at
        start = bisect_left(self.readings, at + timedelta(minutes=15), key=lambda each: each[0])
        end = bisect_right(self.readings, at + timedelta(days=3), key=lambda each: each[0])
        return _first(self.readings[start:end], wire.ReadingBasis.MEASURED)

    def _reprogrammed_at(self) -> datetime | None:
        newest = self.therapies[-8:]
        changed = [
            later[0]
            for earlier, later in itertools.pairwise(newest)
            if (earlier[2].drugs, earlier[2].profile, earlier[2].bolus)
            != (later[2].drugs, later[2].profile, later[2].bolus)
        ]
        return changed[-1] if changed else None

    def _demand(self, now: datetime) -> Demand:
        start = bisect_right(self.requests, now - timedelta(days=1), key=lambda each: each[0])
        today = self.requests[start:]
        counts = dict.fromkeys(_OUTCOMES, 0)
        for each in today:
            counts[each[4].outcome.value] += 1
        return Demand(**counts, first_at=today[0][0] if today else None)

    def _windows(self, now: datetime, windows: int) -> tuple[DayWindow, ...]:
        end, first = now.timestamp(), now - timedelta(days=windows)
        counts = [[0, 0, 0, 0, 0] for _ in range(windows)]
        before = float("-inf")
        for at, delivered, refused, at_limit in self.marks[bisect_right(self.requests, first, key=_moment) :]:
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
        heard = {received for at, received, _ in statuses if at > now - timedelta(days=HABIT_DAYS)}
        if self.readings and self.readings[-1][2] == device_id:
            heard.add(self.readings[-1][3])
        if self.requests and self.requests[-1][0] > first:
            start = bisect_left(self.requests, self.requests[-1][0], key=lambda each: each[0])
            newest = [each[3] for each in self.requests[start:] if each[2] == device_id]
            heard.update(newest and [max(newest)])
        return Contact(device_id, tuple(sorted(heard)))


def _order(entry: tuple[datetime, UUID, *tuple[object, ...]]) -> tuple[datetime, UUID]:
    return entry[0], entry[1]


def _moment(entry: tuple[datetime, *tuple[object, ...]]) -> datetime:
    return entry[0]


def _first(
    readings: Iterable[tuple[datetime, UUID, str, datetime, wire.Reservoir]], basis: wire.ReadingBasis
) -> Reading | None:
    return next((Reading(each[4].volume_ml, basis, each[0]) for each in readings if each[4].basis is basis), None)


def _therapy(event: wire.Therapy) -> Therapy:
    return Therapy(
        observed_at=event.observed_at,
        daily_ml=daily_ml([(step.from_time, step.rate_ml_per_day) for step in event.profile]),
        bolus_ml=bolus_volume_ml(
            event.bolus.dose_mcg if event.bolus else 0.0,
            event.drugs[0].concentration_mcg_per_ml if event.drugs else 0.0,
        ),
        bolus_limit=event.bolus.limit_per_24h if event.bolus else 0,
        size_ml=event.reservoir_size_ml,
        refill_due=event.refill_due,
        drugs=tuple(drug.name for drug in event.drugs),
    )
