"""What is stored of a patient, for the tests of the sheet: in a few words each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.events import AlarmCode, AlarmState
from schemas.parts.paging import QuietHours
from schemas.policy import Policy
from services.alerts.facts.model import AlarmEvent
from services.alerts.facts.refills import Entry
from services.alerts.web.review.figures import figures_of
from services.alerts.web.review.model import (
    AlertLine,
    DeviceClockNow,
    Drug,
    Measured,
    Prescription,
    Programmed,
    PumpNow,
    Said,
    Stored,
    Stretch,
)
from services.alerts.web.review.parts import Sheet
from services.alerts.web.review.period import Period
from services.alerts.web.review.words import sheet_of

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 3, 16, 23, 0, tzinfo=UTC)
"""Midnight in Berlin; summer time begins on 29 March."""
DAY = timedelta(days=1)
NIGHT = QuietHours(begins="22:00", ends="07:00", timezone="Europe/Berlin")
PERIOD = Period(BEGIN, BEGIN + 28 * DAY - timedelta(hours=10), BERLIN, NIGHT, "4 weeks")
PUMP = PumpNow("pump-1", "north")
MORPHINE = Prescription((Drug("morphine", 2000.0),), (("00:00", 0.3),), 150.0, 30, 6)


def at(days: float) -> datetime:
    """So many days after the beginning."""
    return BEGIN + days * DAY


def press(days: float, outcome: str = "delivered", device: str = "handheld-1") -> tuple[float, str, str]:
    return at(days).timestamp(), outcome, device


def programmed(days: float, prescription: Prescription = MORPHINE, size_ml: float = 20.0) -> Programmed:
    return Programmed(at(days), prescription, size_ml)


def refill(days: float, expected: float, measured: float, filled: float = 18.0) -> Entry:
    return Entry(at(days), at(days), expected, measured, filled)


def alarm(days: float, state: str = "raised", code: str = "motor_stall", detail: str | None = None) -> AlarmEvent:
    moment = at(days)
    return AlarmEvent(
        AlarmCode(code), AlarmState(state), moment, moment, "pump-1", None, UUID(int=int(moment.timestamp())), detail
    )


def heard(*days: float) -> tuple[Stretch, ...]:
    return tuple(Stretch(at(each), at(each)) for each in days)


def sheet_with(stored: Stored, period: Period = PERIOD, pump: PumpNow = PUMP) -> Sheet:
    """The sheet of what is stored."""
    return sheet_of(pump, stored, figures_of(stored, period, 1.0), period, Policy())


USUAL = Stored(
    requests=(press(1.5), press(1.6, "denied_lockout"), press(8.15, "comm_failure")),
    therapies=(programmed(-9),),
    refills=(refill(20, 2.0, 3.5), refill(-40, 2.0, 2.0)),
    reports=(Said(at(1.5), "pain", 7),),
    alarms=(alarm(1), alarm(1.5, "cleared")),
    heard=heard(1.5, 8.15),
    measured=(Measured(at(9), 9.5, 10.0),),
    alerts=(AlertLine(at(9), "Motor stall", "high", "closed", "Łucja Żółć", at(9.01), at(10)),),
    clocks=(DeviceClockNow("pump-1", at(9), at(9) - at(8)),),
)


def full(long: str, name: str, drugs: int) -> Stored:
    """As much as the sheet shows at most, and more; with such a text of a device, and such a name."""
    mixture = tuple(Drug(f"{name[:58]}{number}", 1234.5) for number in range(drugs))
    return Stored(
        therapies=tuple(programmed(day, Prescription(mixture, (("00:00", 0.3),) * 48, day)) for day in range(1, 25)),
        refills=tuple(refill(27 - 3 * each, 2.0, 3.5 + each) for each in range(9)),
        reports=tuple(
            Said(at(day), complaint, 7)
            for day in range(27)
            for complaint in ("pain", "side_effect", "alarm_heard", "more_therapy", "a_new_kind")
        ),
        alarms=tuple(
            alarm(20 + each / 10, code=code, detail=long, state=state)
            for each in range(60)
            for code, state in (("motor_stall", "cleared" if each % 2 else "raised"), ("other", "raised"))
        ),
        refused_alarms=dict.fromkeys(AlarmCode, 99),
        heard=heard(1, 3, 6, 9, 12, 15, 18, 21, 24),
        measured=tuple(Measured(at(27 - each), 9.5, 10.0) for each in range(20)),
        alerts=tuple(AlertLine(at(27 - each), long, "medium", "active", name, at(28)) for each in range(27)),
        clocks=tuple(DeviceClockNow(name, at(9), at(9) - at(1), refused=True) for _ in range(9)),
    )


FULL = full("Refill discrepancy: more was infused than programmed", "morphine-sulfate", 3)
LONGEST = full("W" * 200, "W" * 64, 8)
