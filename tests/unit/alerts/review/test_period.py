"""The time that a review sheet is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.parts.paging import QuietHours
from services.alerts.web.review.period import Choice, Period, period_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 4, 14, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def period(choice: Choice = Choice.REFILL, *refills_at: datetime, implanted_at: datetime | None = None) -> Period:
    night = QuietHours(begins="22:00", ends="07:00", timezone="Europe/Berlin")
    return period_of(
        choice, until=NOW, refills_at=refills_at, implanted_at=implanted_at, zone=BERLIN, night=night
    )  # fmt: skip


@pytest.mark.parametrize(("choice", "weeks"), [(Choice.FOUR, 4), (Choice.EIGHT, 8), (Choice.TWELVE, 12)])
def test_so_many_weeks_are_whole_days_on_the_clinics_clock_and_today(choice: Choice, weeks: int) -> None:
    found = period(choice)
    assert len(found.days) == 7 * weeks
    assert (found.days[-1], found.until) == (date(2026, 4, 14), NOW)
    assert f"{found.since.astimezone(BERLIN):%H:%M}" == "00:00", "also where summer time began meanwhile"
    assert found.why == f"{weeks} weeks"


def test_by_default_it_begins_with_the_last_refill() -> None:
    found = period(Choice.REFILL, NOW - 40 * DAY, NOW - 90 * DAY)
    assert (found.since, found.why) == (NOW - 40 * DAY, "since the last refill")
    assert len(found.days) == 41


def test_the_refill_of_this_visit_is_not_where_it_begins() -> None:
    found = period(Choice.REFILL, NOW - timedelta(hours=1), NOW - 40 * DAY)
    assert found.since == NOW - 40 * DAY
    assert found.why == "since the refill before; the one of today belongs to this visit"


@pytest.mark.parametrize("refills", [(), (NOW - timedelta(hours=23),), (NOW - 190 * DAY,), (NOW + DAY,)])
def test_where_no_earlier_refill_is_known_it_is_twelve_weeks(refills) -> None:
    found = period(Choice.REFILL, *refills)
    assert len(found.days) == 84
    assert found.why == "12 weeks, as no earlier refill of the last 26 weeks is known"


def test_nothing_from_before_the_implantation_counts() -> None:
    found = period(Choice.EIGHT, implanted_at=NOW - 3 * DAY)
    assert (found.since, found.why) == (NOW - 3 * DAY, "since the pump was implanted in this patient")
    assert period(Choice.EIGHT, implanted_at=NOW - 90 * DAY) == period(Choice.EIGHT)
    assert period(Choice.FOUR, implanted_at=NOW + DAY).since == NOW, "a pump that is implanted tomorrow has no time yet"
