"""PURE. What a working pump does: it delivers drug, keeps count of it, and reports readings and alarms by that count.

Guarantees: each alarm is raised once and cleared once, in turn; the alarm of a low or an empty reservoir is raised at
the second at which the computed volume reaches the level, also between two readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil, floor

from schemas.events import AlarmCode, AlarmState, EventKind, ReadingBasis
from services.simulator.patients.device_log import DeviceLog
from services.simulator.patients.model import Event, PumpSpec
from services.simulator.patients.pump import Reservoir, status_payload, therapy_payload
from services.simulator.patients.scenarios import Effects


class Body:
    """One pump in one patient. Moments are in seconds since 1970, and never go back."""

    def __init__(
        self, spec: PumpSpec, log: DeviceLog, reservoir: Reservoir, effects: Effects, life_starts_at: datetime
    ) -> None:
        self.spec = spec
        self.reservoir = reservoir
        self.refill_due = life_starts_at
        self.observed: list[Event] = []
        self._log = log
        self._effects = effects
        self._life_starts_at = life_starts_at
        self._clock = int(life_starts_at.timestamp())
        self._alarms: set[AlarmCode] = set()

    # What flows.

    def flow_until(self, day: int, at: int) -> None:
        """Let drug flow until `at`, within the day that began at `day`, and raise what the pump notices on the way."""
        if at <= self._clock:
            return
        levels = ((AlarmCode.LOW_RESERVOIR, self.spec.low_ml), (AlarmCode.EMPTY_RESERVOIR, 0.0))
        for code, level in levels:
            if code in self._alarms:
                continue
            used = self.spec.profile.used_by(self._clock - day)
            left = self.reservoir.computed_ml - (self.spec.profile.used_by(at - day) - used)
            if left > level:
                break
            reached = day + ceil(self.spec.profile.offset_of(used + self.reservoir.computed_ml - level))
            self._advance(day, min(at, max(self._clock, reached)))
            self._raise_level(code, self._clock)
        self._advance(day, at)

    def _advance(self, day: int, at: int) -> None:
        profile = self.spec.profile
        amount = profile.used_by(at - day) - profile.used_by(self._clock - day)
        self.reservoir.infuse(amount, self._effects.true_ratio(self._clock, self.spec.accuracy))
        self._clock = at

    def can_give(self, volume_ml: float, at: int) -> bool:
        """Tell whether a bolus could be given now."""
        return not self._effects.stalled(at) and self.reservoir.computed_ml > volume_ml

    def give(self, volume_ml: float, at: int) -> None:
        """Give a bolus."""
        self.reservoir.infuse(volume_ml, self._effects.true_ratio(at, self.spec.accuracy))
        if self.reservoir.computed_ml <= self.spec.low_ml and AlarmCode.LOW_RESERVOIR not in self._alarms:
            self._raise_level(AlarmCode.LOW_RESERVOIR, at)

    def refill(self, measured_ml: float, filled_ml: float, refill_due: datetime, at: int) -> None:
        """Draw out and measure what is left, fill, and program: five reports, a second apart."""
        measured_ml = round(measured_ml, 2)
        payload = {
            "expected_ml": round(self.reservoir.computed_ml, 2),
            "measured_ml": measured_ml,
            "filled_ml": round(filled_ml, 3),
        }
        self.report(EventKind.RESERVOIR, at, {"volume_ml": measured_ml, "basis": ReadingBasis.MEASURED})
        self.report(EventKind.REFILL, at + 1, payload)
        self.reservoir.fill(filled_ml)
        self.refill_due = refill_due
        self.report_therapy(at + 2)
        self.report_volume(at + 3)
        for code in (AlarmCode.LOW_RESERVOIR, AlarmCode.EMPTY_RESERVOIR):
            if code in self._alarms:
                self._alarm(code, AlarmState.CLEARED, at + 4)

    def motor_changes(self, at: int) -> None:
        """Raise or clear the alarm of a stall that begins or ends; the pump does not notice a wrong flow."""
        stalled = self._effects.stalled(at)
        if stalled and AlarmCode.MOTOR_STALL not in self._alarms:
            self._alarm(AlarmCode.MOTOR_STALL, AlarmState.RAISED, at, "motor does not turn")
        elif not stalled:
            for code in (AlarmCode.PUMP_STOPPED, AlarmCode.MOTOR_STALL):
                if code in self._alarms:
                    self._alarm(code, AlarmState.CLEARED, at, "motor turns again")

    def stopped_too_long(self, at: int) -> None:
        """Raise the alarm of a pump that gave nothing for 48 hours."""
        self._alarm(AlarmCode.PUMP_STOPPED, AlarmState.RAISED, at, "stopped for 48 h")

    # What is reported.

    def report(self, kind: EventKind, at: int, payload: Mapping[str, object]) -> None:
        """Add an observation of the pump's."""
        self.observed.append(self._log.event(kind, at, payload))

    def report_volume(self, at: int) -> None:
        """Report the computed volume, rounded down to the microlitre: at an alarm's level it must not be above it."""
        volume = floor(self.reservoir.computed_ml * 1000 + 1e-6) / 1000
        self.report(EventKind.RESERVOIR, at, {"volume_ml": volume, "basis": ReadingBasis.COMPUTED})

    def report_therapy(self, at: int) -> None:
        """Report what is programmed."""
        self.report(EventKind.THERAPY, at, therapy_payload(self.spec, self.refill_due))

    def report_status(self, at: int) -> None:
        """Report the daily status."""
        now = datetime.fromtimestamp(at, UTC)
        self.report(EventKind.STATUS, at, status_payload(self.spec, self._life_starts_at, now))

    def _raise_level(self, code: AlarmCode, at: int) -> None:
        self.report_volume(at)
        self._alarm(code, AlarmState.RAISED, at)

    def _alarm(self, code: AlarmCode, state: AlarmState, at: int, detail: str | None = None) -> None:
        if state is AlarmState.RAISED:
            self._alarms.add(code)
        else:
            self._alarms.discard(code)
        payload: dict[str, object] = {"code": code, "state": state}
        if detail is not None:
            payload["detail"] = detail
        self.report(EventKind.ALARM, at, payload)
