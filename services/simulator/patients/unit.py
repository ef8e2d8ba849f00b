"""PURE. One patient: a pump, perhaps a handheld, and what they report, day after day.

Guarantees: the events depend on (seed, spec, start, scenarios) only, never on how far or in which steps they are asked
for. They come ordered by when they can be uploaded; each device's `seq` counts what it observed, without gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from random import Random
from typing import Final

from schemas.events import BolusOutcome, Complaint, EventKind
from services.simulator.patients.body import Body
from services.simulator.patients.delivery import DELIVERY_FAULTS, deliver
from services.simulator.patients.device_log import DeviceLog
from services.simulator.patients.handheld import BolusGate, Demand
from services.simulator.patients.model import SECONDS_PER_DAY, BolusSpec, Event, HandheldSpec, PumpSpec
from services.simulator.patients.pump import Reservoir
from services.simulator.patients.scenarios import Effects, Scenario

_READING_EVERY_SECONDS: Final = 4 * 3600
_STOPPED_ALARM_AFTER_SECONDS: Final = 48 * 3600
"""A pump that stood still for 48 h says so (docs/domain.md section 1 [7])."""
_NEVER: Final = 2**62
_by_availability: Final = attrgetter("available_at")


@dataclass(frozen=True, slots=True)
class _Carried:
    """A handheld, its patient, and the pump's gate for their requests."""

    spec: HandheldSpec
    bolus: BolusSpec
    log: DeviceLog
    demand: Demand
    gate: BolusGate


class Unit:
    """A pump and its handheld, simulated one local day at a time.

    Args:
        seed: The fleet's.
        spec: What is implanted.
        life_starts_at: Midnight of the first day; its offset is the devices' own.
        scenarios: Those of this pump.
        short_fill: (number of the filling, mL): this filling holds only so much; 0 is the one at the start.
        probe_at: Remember the use since the last filling at this moment (`probed`).
    """

    def __init__(
        self,
        seed: int,
        spec: PumpSpec,
        life_starts_at: datetime,
        scenarios: Iterable[Scenario] = (),
        *,
        short_fill: tuple[int, float] | None = None,
        probe_at: datetime | None = None,
    ) -> None:
        scenarios = tuple(scenarios)
        name = f"pumpwatch/{seed}/{spec.index}"
        self.spec = spec
        self.probed: tuple[int, float] | None = None
        self._zone = life_starts_at.tzinfo
        self._first_day = self._day = int(life_starts_at.timestamp())
        self._short_fill = short_fill
        self._probe_at = int(probe_at.timestamp()) if probe_at else None
        self._effects = Effects(scenarios, Random(f"{name}/scenarios"))
        self._faults = [s for s in scenarios if s.kind in DELIVERY_FAULTS]
        self._delivery_draw = Random(f"{name}/delivery")
        self._visit_draw = Random(f"{name}/visits")
        self._life_draw = Random(f"{name}/life")
        self._pending: list[Event] = []
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._carried: _Carried | None = None
        if spec.handheld is not None and spec.bolus is not None:
            self._carried = _Carried(
                spec.handheld,
                spec.bolus,
                DeviceLog(seed, spec.handheld.handheld_id, life_starts_at),
                Demand(spec.handheld, Random(f"{name}/demand")),
                BolusGate(spec.bolus, Random(f"{name}/radio")),
            )
        log = DeviceLog(seed, spec.pump_id, life_starts_at)
        self._body = Body(spec, log, self._first_filling(), self._effects, life_starts_at)
        self._body.refill_due, self._visit_at = self._plan_visit(
            self._first_day - spec.days_since_refill * SECONDS_PER_DAY, filling=0
        )

    @property
    def reservoir(self) -> Reservoir:
        """The volumes at the end of the last simulated day."""
        return self._body.reservoir

    def events_until(self, until: datetime) -> list[Event]:
        """Take the events that can be uploaded by `until` and were not taken before, in that order."""
        end = until.timestamp()
        if self._day <= end:
            while self._day <= end:
                self._simulate_day()
            self._pending.sort(key=_by_availability)
        pending = self._pending
        count = len(pending)
        while count and pending[count - 1].available_at > until:
            count -= 1
        taken, self._pending = pending[:count], pending[count:]
        return taken

    def next_at(self) -> datetime:
        """When the next event can be uploaded; at the latest, when the next day must be simulated."""
        tomorrow = datetime.fromtimestamp(self._day, self._zone)
        return min(self._pending[0].available_at, tomorrow) if self._pending else tomorrow

    # One day.

    def _simulate_day(self) -> None:
        day, body, agenda = self._day, self._body, self._agenda
        self._plan_pump_day(day)
        if self._carried is not None:
            self._plan_handheld_day(day, self._carried)
        agenda.sort(key=_moment, reverse=True)
        while agenda:
            at, _, act = agenda.pop()
            body.flow_until(day, at)
            act(at)
        self._day = day + SECONDS_PER_DAY
        body.flow_until(day, self._day)
        events, body.observed = body.observed, []
        self._pending += deliver(events, self._faults, self._delivery_draw) if self._faults else events

    def _at(self, at: int, act: Callable[[int], None]) -> None:
        """Put an action on today's agenda; at the same moment, the first planned acts first."""
        self._agenda.append((at, len(self._agenda), act))

    def _plan_pump_day(self, day: int) -> None:
        spec, body = self.spec, self._body
        tomorrow = day + SECONDS_PER_DAY
        if day == self._first_day:
            self._at(day + 1, body.report_therapy)
            self._at(day + 2, body.report_volume)
        for reading in range(day + spec.reading_offset_seconds, tomorrow, _READING_EVERY_SECONDS):
            self._at(reading, body.report_volume)
        self._at(day + 3600 + spec.reading_offset_seconds, body.report_status)
        for edge in self._effects.edges(day):
            self._at(edge, body.motor_changes)
        for stall in self._effects.stalls:
            stopped = int(stall.starts_at.timestamp()) + _STOPPED_ALARM_AFTER_SECONDS
            if day <= stopped < tomorrow and stall.covers(stopped):
                self._at(stopped, body.stopped_too_long)
        if self._probe_at is not None and day <= self._probe_at < tomorrow:
            self._at(self._probe_at, self._probe)
        if day <= self._visit_at < tomorrow:
            self._at(self._visit_at, self._visit)

    def _plan_handheld_day(self, day: int, carried: _Carried) -> None:
        draw, effects = self._life_draw, self._effects
        if draw.random() < carried.spec.out_of_reach_probability:
            leaves = day + int(3600 * draw.uniform(6, 16))
            self._at(leaves, partial(_leave, carried.log, leaves + int(3600 * draw.uniform(2, 12))))
        for surge in effects.surges:
            leaves = int(surge.starts_at.timestamp())
            if surge.uploaded_at is not None and day <= leaves < day + SECONDS_PER_DAY:
                self._at(leaves, partial(_hold_back, carried.log, int(surge.uploaded_at.timestamp())))
        weekday = datetime.fromtimestamp(day, self._zone).weekday()
        press = partial(self._press, carried)
        for offset in carried.demand.attempts(weekday, effects.demand_factor(day + SECONDS_PER_DAY / 2)):
            self._at(day + offset, press)
        for at in effects.presses(day):
            self._at(at, press)
        self._at(day + draw.randrange(7 * 3600, 20 * 3600), partial(self._report_handheld_status, carried.log))
        if draw.random() < carried.spec.reports_per_day:
            self._at(day + draw.randrange(8 * 3600, 21 * 3600), partial(self._report_complaint, carried.log))

    # Visits at the clinic.

    def _first_filling(self) -> Reservoir:
        spec = self.spec
        volume = spec.size_ml - 0.1 - spec.days_since_refill * spec.usual_daily_ml
        if self._short_fill is not None and self._short_fill[0] == 0:
            volume = self._short_fill[1]
        return Reservoir(spec.size_ml, volume, volume)

    def _plan_visit(self, filled_at: int, *, filling: int) -> tuple[datetime, int]:
        """The day that is programmed as due, and the visit some days before it, in working hours.

        A patient whose reservoir is to run low stays away after the short filling, until the scenario ends.
        """
        draw = self._visit_draw
        midnight = filled_at - (filled_at - self._day) % SECONDS_PER_DAY
        due = midnight + self.spec.refill_interval_days * SECONDS_PER_DAY
        visit = due - draw.randint(1, 8) * SECONDS_PER_DAY + int(3600 * draw.uniform(9, 16))
        low = self._effects.low
        if low is not None and self._short_fill is not None and self._short_fill[0] == filling:
            # What was filled is known, so an earlier day is booked; it is the patient who does not come. The first
            # filling is older than the pump's life here, and what is known of it is the level that life begins with.
            lasts = max(0, int((self._short_fill[1] - self.spec.low_ml) / self.spec.worst_daily_ml) - 1)
            due = min(due, max(midnight, self._first_day) + lasts * SECONDS_PER_DAY)
            visit = int(low.ends_at.timestamp()) if low.ends_at else _NEVER
        return datetime.fromtimestamp(due, self._zone), visit

    def _visit(self, at: int) -> None:
        """Refill the pump, and plan the next visit."""
        spec, reservoir = self.spec, self.reservoir
        measured = min(spec.size_ml, max(0.0, reservoir.true_ml + self._visit_draw.gauss(0, 0.15)))
        filled = spec.size_ml - round(self._visit_draw.uniform(0.0, 0.2), 2)
        filling = reservoir.fills + 1
        if self._short_fill is not None and self._short_fill[0] == filling:
            filled = self._short_fill[1]
        refill_due, self._visit_at = self._plan_visit(at, filling=filling)
        self._body.refill(measured, filled, refill_due, at)

    def _probe(self, _at: int) -> None:
        self.probed = (self.reservoir.fills, self.reservoir.used_since_fill_ml)

    # The patient.

    def _press(self, carried: _Carried, at: int) -> None:
        """The patient asks for a bolus."""
        bolus, body = carried.bolus, self._body
        outcome, given = carried.gate.ask(at, infusing=body.can_give(bolus.volume_ml, at))
        payload: dict[str, object] = {"outcome": outcome}
        if outcome is BolusOutcome.DELIVERED:
            payload["dose_mcg"] = bolus.dose_mcg
        body.observed.append(carried.log.event(EventKind.BOLUS, at, payload))
        if given:
            body.give(bolus.volume_ml, at)
        again = carried.gate.presses_again(outcome)
        if again is not None and at + again < self._day + SECONDS_PER_DAY:
            self._at(at + again, partial(self._press, carried))
            self._agenda.sort(key=_moment, reverse=True)

    def _report_handheld_status(self, log: DeviceLog, at: int) -> None:
        payload = {"battery_percent": self._life_draw.randint(25, 100)}
        self._body.observed.append(log.event(EventKind.STATUS, at, payload))

    def _report_complaint(self, log: DeviceLog, at: int) -> None:
        complaint = self._life_draw.choice((Complaint.PAIN, Complaint.PAIN, Complaint.SIDE_EFFECT))
        payload = {"complaint": complaint, "score": self._life_draw.randint(3, 7)}
        self._body.observed.append(log.event(EventKind.REPORT, at, payload))


def _leave(log: DeviceLog, until: int, at: int) -> None:
    """Take the handheld out of reach until that moment, unless it is already."""
    if at >= log.reach_from:
        log.reach_from = until


def _hold_back(log: DeviceLog, until: int, _at: int) -> None:
    """Upload what the handheld observes from now on at that moment, even if another was planned."""
    log.reach_from = until


def _moment(entry: tuple[int, int, Callable[[int], None]]) -> tuple[int, int]:
    return entry[:2]
