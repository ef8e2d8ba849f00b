"""What is stored of a patient, for the tests of the sheet: in a few words each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.events import AlarmCode, AlarmState
from schemas.parts.paging import QuietHours
from services.alerts.facts.model import AlarmEvent
from services.alerts.facts.refills import Entry
from services.alerts.web.review.model import Drug, Prescription, Programmed, PumpNow, Stretch
from services.alerts.web.review.period import Period

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
