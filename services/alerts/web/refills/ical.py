"""PURE. A clinic's refills as an iCalendar file (RFC 5545): the visits that are booked, and by when to come.

Guarantee: an event keeps its identity when a visit is moved, so that a calendar moves it and does not show it twice. A
pump is named by its id: nothing else of a patient is in the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import icalendar

from services.alerts.web.refills.planned import Planned

_NAMESPACE: Final = UUID("0d0f5a5a-6f5e-5c4e-9d41-4c1f0a2a7d63")
_LASTS: Final = timedelta(minutes=30)


def refills_as_ical(clinic_id: str, planned: Iterable[Planned], zone: str, now: datetime) -> bytes:
    """A calendar with an event for each visit, and a day for each date by which to come."""
    calendar, clock = icalendar.Calendar(), ZoneInfo(zone)
    calendar.add("prodid", "-//Pumpwatch//Refills//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", icalendar.vText(f"Refills: {clinic_id}"))
    for each in planned:
        if each.visit_on is not None and each.begins_at is not None:
            begins = each.begins_at.astimezone(UTC) if each.has_hour else each.visit_on
            calendar.add_component(_event(clinic_id, each.pump_id, "visit", f"Refill: {each.pump_id}", begins, now))
        if each.come_by is not None:
            day = each.come_by.astimezone(clock).date()
            calendar.add_component(_event(clinic_id, each.pump_id, "by", f"Refill by today: {each.pump_id}", day, now))
    return bytes(calendar.to_ical())


def _event(
    clinic_id: str, pump_id: str, what: str, summary: str, begins: date | datetime, now: datetime
) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{uuid5(_NAMESPACE, f'{clinic_id}/{pump_id}/{what}')}@pumpwatch")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", begins)
    event.add("dtend", begins + (_LASTS if isinstance(begins, datetime) else timedelta(days=1)))
    event.add("summary", summary)
    event.add("transp", "OPAQUE" if what == "visit" else "TRANSPARENT")
    return event
