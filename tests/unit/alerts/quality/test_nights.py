"""When it is night in a clinic."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.parts.paging import PagingPolicy, QuietHours
from schemas.policy import Policy
from services.alerts.quality.nights import is_night, night_of, night_words

BERLIN = QuietHours(begins="21:30", ends="06:00", timezone="Europe/Berlin")
QUIET = Policy(paging=PagingPolicy(quiet_hours=BERLIN))


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, 1, hour, minute, tzinfo=UTC)


def test_a_clinic_with_quiet_hours_sleeps_then_and_goes_by_their_clock() -> None:
    assert night_of(QUIET, ZoneInfo("UTC")) is BERLIN
    assert night_words(BERLIN) == "21:30 to 06:00 (Europe/Berlin)"
    assert [is_night(BERLIN, at(*each)) for each in ((19, 29), (19, 30), (3, 59), (4, 0))] == [False, True, True, False]


def test_another_sleeps_from_ten_to_seven_on_its_own_clock() -> None:
    night = night_of(Policy(), ZoneInfo("America/New_York"))
    assert night_words(night) == "22:00 to 07:00 (America/New_York)"
    assert [is_night(night, at(hour)) for hour in (1, 2, 10, 11)] == [False, True, True, False]
