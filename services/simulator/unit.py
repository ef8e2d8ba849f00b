"""One patient: a pump, perhaps a handheld, and what they report, day after day.

Guarantees: the events depend on (seed, spec, start, scenarios) only, never on how far or in which steps they are asked
for. They come ordered by when they can be uploaded; each device's `seq` counts what it observed, without gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import ceil, floor
from operator import attrgetter
from random import Random
from typing import Final

from schemas.events import AlarmCode, AlarmState, BolusOutcome, Complaint, EventKind, ReadingBasis
from services.simulator.delivery import DELIVERY_FAULTS, deliver
from services.simulator.device_log import DeviceLog
from services.simulator.handheld import BolusGate, Demand
from services.simulator.model import SECONDS_PER_DAY, BolusSpec, Event, HandheldSpec, PumpSpec
from services.simulator.pump import Reservoir, status_payload, therapy_payload
from services.simulator.scenarios import Effects, Scenario

_READING_EVERY_SECONDS: Final = 4 * 3600
_STOPPED_ALARM_AFTER_SECONDS: Final = 48 * 3600
"""A pump that stood still for 48 h says so (DOMAIN.md section 1 [7])."""
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
        self._life_starts_at = life_starts_at
        self._day = int(life_starts_at.timestamp())
        self._short_fill = short_fill
        self._probe_at = int(probe_at.timestamp()) if probe_at else None
        self._effects = Effects(scenarios, Random(f"{name}/scenarios"))
        self._faults = [s for s in scenarios if s.kind in DELIVERY_FAULTS]
        self._delivery_draw = Random(f"{name}/delivery")
        self._visit_draw = Random(f"{name}/visits")
        self._life_draw = Random(f"{name}/life")
        self._pump = DeviceLog(seed, spec.pump_id, life_starts_at)
        self._carried = None
        if spec.handheld is not None and spec.bolus is not None:
            self._carried = _Carried(
                spec.handheld,
                spec.bolus,
                DeviceLog(seed, spec.handheld.handheld_id, life_starts_at),
                Demand(spec.handheld, Random(f"{name}/demand")),
                BolusGate(spec.bolus, Random(f"{name}/radio")),
            )
        self._alarms: set[AlarmCode] = set()
        self._out: list[Event] = []
        self._pending: list[Event] = []
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._clock = self._day
        self.reservoir = self._first_filling()
        self._refill_due, self._visit_at = self._plan_visit(self._day - spec.days_since_refill * SECONDS_PER_DAY)

    # What the fleet asks.

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
        tomorrow = datetime.fromtimestamp(self._day, self._life_starts_at.tzinfo)
        return min(self._pending[0].available_at, tomorrow) if self._pending else tomorrow

    # One day.

    def _simulate_day(self) -> None:
        day, self._out = self._day, []
        agenda = self._agenda
        self._plan_pump_day(day)
        if self._carried is not None:
            self._plan_handheld_day(day, self._carried)
        agenda.sort(key=_moment, reverse=True)
        while agenda:
            at, _, act = agenda.pop()
            self._flow_until(day, at)
            act(at)
        self._day = day + SECONDS_PER_DAY
        self._flow_until(day, self._day)
        events = deliver(self._out, self._faults, self._delivery_draw) if self._faults else self._out
        self._pending += events

    def _at(self, at: int, act: Callable[[int], None]) -> None:
        """Put an action on today's agenda; at the same moment, the first planned acts first."""
        self._agenda.append((at, len(self._agenda), act))

    def _plan_pump_day(self, day: int) -> None:
        spec = self.spec
        if day == int(self._life_starts_at.timestamp()):
            self._at(day + 1, self._report_therapy)
            self._at(day + 2, self._report_volume)
        for reading in range(day + spec.reading_offset_seconds, day + SECONDS_PER_DAY, _READING_EVERY_SECONDS):
            self._at(reading, self._report_volume)
        self._at(day + 3600 + spec.reading_offset_seconds, self._report_pump_status)
        for edge in self._effects.edges(day):
            self._at(edge, self._flow_changes)
        self._plan_stopped_alarm(day)
        if self._probe_at is not None and day <= self._probe_at < day + SECONDS_PER_DAY:
            self._at(self._probe_at, self._probe)
        if day <= self._visit_at < day + SECONDS_PER_DAY:
            self._at(self._visit_at, self._visit)

    def _plan_stopped_alarm(self, day: int) -> None:
        for stall in self._effects.stalls:
            at = int(stall.starts_at.timestamp()) + _STOPPED_ALARM_AFTER_SECONDS
            if day <= at < day + SECONDS_PER_DAY and stall.covers(at):
                self._at(at, self._raise_stopped)

    def _plan_handheld_day(self, day: int, carried: _Carried) -> None:
        draw, effects = self._life_draw, self._effects
        if draw.random() < carried.spec.out_of_reach_probability:
            leaves = day + int(3600 * draw.uniform(6, 16))
            self._at(leaves, partial(_leave, carried.log, leaves + int(3600 * draw.uniform(2, 12))))
        for surge in effects.surges:
            leaves = int(surge.starts_at.timestamp())
            if surge.uploaded_at is not None and day <= leaves < day + SECONDS_PER_DAY:
                self._at(leaves, partial(_leave, carried.log, int(surge.uploaded_at.timestamp())))
        weekday = datetime.fromtimestamp(day, self._life_starts_at.tzinfo).weekday()
        press = partial(self._press, carried)
        for offset in carried.demand.attempts(weekday, effects.demand_factor(day + SECONDS_PER_DAY / 2)):
            self._at(day + offset, press)
        for at in effects.presses(day):
            self._at(at, press)
        self._at(day + draw.randrange(7 * 3600, 20 * 3600), partial(self._report_handheld_status, carried.log))
        if draw.random() < carried.spec.reports_per_day:
            self._at(day + draw.randrange(8 * 3600, 21 * 3600), partial(self._report_complaint, carried.log))

    # The reservoir between two moments.

    def _flow_until(self, day: int, at: int) -> None:
        """Let drug flow from the last moment until `at`, and raise what the pump notices on the way."""
        begins = self._clock
        if at <= begins:
            return
        profile, reservoir = self.spec.profile, self.reservoir
        used_before = profile.used_by(begins - day)
        amount = profile.used_by(at - day) - used_before
        if reservoir.computed_ml - amount <= self.spec.low_ml and AlarmCode.EMPTY_RESERVOIR not in self._alarms:
            for code, level in ((AlarmCode.LOW_RESERVOIR, self.spec.low_ml), (AlarmCode.EMPTY_RESERVOIR, 0.0)):
                if code not in self._alarms and reservoir.computed_ml - amount <= level:
                    crossing = ceil(profile.offset_of(used_before + reservoir.computed_ml - level))
                    crossing = min(at, max(self._clock, day + crossing))
                    self._advance(day, crossing)
                    amount = profile.used_by(at - day) - profile.used_by(crossing - day)
                    used_before = profile.used_by(crossing - day)
                    self._raise_level(code, crossing)
        self._advance(day, at)

    def _advance(self, day: int, at: int) -> None:
        profile = self.spec.profile
        amount = profile.used_by(at - day) - profile.used_by(self._clock - day)
        self.reservoir.infuse(amount, self._effects.true_ratio(self._clock, self.spec.accuracy))
        self._clock = at

    def _raise_level(self, code: AlarmCode, at: int) -> None:
        self._report_volume(at)
        self._alarm(code, AlarmState.RAISED, at)

    def _first_filling(self) -> Reservoir:
        spec = self.spec
        volume = spec.size_ml - 0.1 - spec.days_since_refill * spec.usual_daily_ml
        if self._short_fill is not None and self._short_fill[0] == 0:
            volume = self._short_fill[1]
        return Reservoir(spec.size_ml, volume, volume)

    def _plan_visit(self, filled_at: int) -> tuple[datetime, int]:
        """The day that is programmed as due, and the visit some days before it, in working hours."""
        draw = self._visit_draw
        midnight = filled_at - (filled_at - self._day) % SECONDS_PER_DAY
        due = midnight + self.spec.refill_interval_days * SECONDS_PER_DAY
        visit = due - draw.randint(1, 8) * SECONDS_PER_DAY + int(3600 * draw.uniform(9, 16))
        return datetime.fromtimestamp(due, self._life_starts_at.tzinfo), visit

    # What happens at a moment.

    def _visit(self, at: int) -> None:
        """A refill: what is left is drawn out and measured, and the pump is filled and programmed."""
        spec, reservoir = self.spec, self.reservoir
        if not self._effects.visits_allowed(at, reservoir.fills, self._short_fill[0] if self._short_fill else None):
            self._visit_at = at + SECONDS_PER_DAY
            return
        measured = min(spec.size_ml, max(0.0, reservoir.true_ml + self._visit_draw.gauss(0, 0.15)))
        filled = spec.size_ml - round(self._visit_draw.uniform(0.0, 0.2), 2)
        if self._short_fill is not None and self._short_fill[0] == reservoir.fills + 1:
            filled = self._short_fill[1]
        refill = {
            "expected_ml": round(reservoir.computed_ml, 2),
            "measured_ml": round(measured, 2),
            "filled_ml": round(filled, 3),
        }
        self._report(EventKind.RESERVOIR, at, {"volume_ml": refill["measured_ml"], "basis": ReadingBasis.MEASURED})
        self._report(EventKind.REFILL, at + 1, refill)
        reservoir.fill(filled)
        self._refill_due, self._visit_at = self._plan_visit(at)
        self._report_therapy(at + 2)
        self._report_volume(at + 3)
        for code in (AlarmCode.LOW_RESERVOIR, AlarmCode.EMPTY_RESERVOIR):
            if code in self._alarms:
                self._alarm(code, AlarmState.CLEARED, at + 4)

    def _press(self, carried: _Carried, at: int) -> None:
        """The patient asks for a bolus."""
        bolus = carried.bolus
        infusing = not self._effects.stalled(at) and self.reservoir.computed_ml > bolus.volume_ml
        outcome, given = carried.gate.ask(at, infusing=infusing)
        payload: dict[str, object] = {"outcome": outcome}
        if outcome is BolusOutcome.DELIVERED:
            payload["dose_mcg"] = bolus.dose_mcg
        self._out.append(carried.log.event(EventKind.BOLUS, at, payload))
        if given:
            self.reservoir.infuse(bolus.volume_ml, self._effects.true_ratio(at, self.spec.accuracy))
            if self.reservoir.computed_ml <= self.spec.low_ml and AlarmCode.LOW_RESERVOIR not in self._alarms:
                self._raise_level(AlarmCode.LOW_RESERVOIR, at)
        again = carried.gate.presses_again(outcome)
        if again is not None and at + again < self._day + SECONDS_PER_DAY:
            self._at(at + again, partial(self._press, carried))
            self._agenda.sort(key=_moment, reverse=True)

    def _flow_changes(self, at: int) -> None:
        """A stall begins or ends; of a wrong flow the pump knows nothing."""
        stalled = self._effects.stalled(at)
        if stalled and AlarmCode.MOTOR_STALL not in self._alarms:
            self._alarm(AlarmCode.MOTOR_STALL, AlarmState.RAISED, at, "motor does not turn")
        elif not stalled and AlarmCode.MOTOR_STALL in self._alarms:
            for code in (AlarmCode.PUMP_STOPPED, AlarmCode.MOTOR_STALL):
                if code in self._alarms:
                    self._alarm(code, AlarmState.CLEARED, at, "motor turns again")

    def _raise_stopped(self, at: int) -> None:
        self._alarm(AlarmCode.PUMP_STOPPED, AlarmState.RAISED, at, "stopped for 48 h")

    def _probe(self, _at: int) -> None:
        self.probed = (self.reservoir.fills, self.reservoir.used_since_fill_ml)

    # What is reported.

    def _report(self, kind: EventKind, at: int, payload: Mapping[str, object]) -> None:
        self._out.append(self._pump.event(kind, at, payload))

    def _report_volume(self, at: int) -> None:
        # Rounded down to the microlitre, so that a reading at the alarm level is at the level and not above it.
        volume = floor(self.reservoir.computed_ml * 1000 + 1e-6) / 1000
        self._report(EventKind.RESERVOIR, at, {"volume_ml": volume, "basis": ReadingBasis.COMPUTED})

    def _report_therapy(self, at: int) -> None:
        self._report(EventKind.THERAPY, at, therapy_payload(self.spec, self._refill_due))

    def _report_pump_status(self, at: int) -> None:
        now = datetime.fromtimestamp(at, UTC)
        self._report(EventKind.STATUS, at, status_payload(self.spec, self._life_starts_at, now))

    def _report_handheld_status(self, log: DeviceLog, at: int) -> None:
        self._out.append(log.event(EventKind.STATUS, at, {"battery_percent": self._life_draw.randint(25, 100)}))

    def _report_complaint(self, log: DeviceLog, at: int) -> None:
        complaint = self._life_draw.choice((Complaint.PAIN, Complaint.PAIN, Complaint.SIDE_EFFECT))
        payload = {"complaint": complaint, "score": self._life_draw.randint(3, 7)}
        self._out.append(log.event(EventKind.REPORT, at, payload))

    def _alarm(self, code: AlarmCode, state: AlarmState, at: int, detail: str | None = None) -> None:
        if state is AlarmState.RAISED:
            self._alarms.add(code)
        else:
            self._alarms.discard(code)
        payload: dict[str, object] = {"code": code, "state": state}
        if detail is not None:
            payload["detail"] = detail
        self._report(EventKind.ALARM, at, payload)


def _leave(log: DeviceLog, until: int, _at: int) -> None:
    """The handheld goes out of reach until then."""
    log.reach_from = max(log.reach_from, until)


def _moment(entry: tuple[int, int, Callable[[int], None]]) -> tuple[int, int]:
    return entry[:2]
