"""When it is night in a clinic."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.parts.paging import PagingPolicy, QuietHours
from schemas.policy import Policy
from services.alerts.quality.nights import is_night, night_of, night_words

BERLIN = QuietHours(begins="21:30", ends="06:00", timezone="Europe/Berlin")
QUIET = Policy(paging=PagingPolicy(quiet_hours=BERLIN))


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, 1, hour, minute, tzinfo=UTC)


def test_a_clinic_with_quiet_hours_sleeps_then_and_goes_by_their_clock() -> None:
    assert night_of(QUIET, "UTC") is BERLIN
    assert night_words(BERLIN) == "21:30 to 06:00 (Europe/Berlin)"
    assert [is_night(BERLIN, at(*each)) for each in ((19, 29), (19, 30), (3, 59), (4, 0))] == [False, True, True, False]


def test_another_sleeps_from_ten_to_seven_on_its_own_clock() -> None:
    night = night_of(Policy(), "America/New_York")
    assert night_words(night) == "22:00 to 07:00 (America/New_York)"
    assert [is_night(night, at(hour)) for hour in (1, 2, 10, 11)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("policy", "of_rotas", "zone"),
    [
        (QUIET, "UTC", "Europe/Berlin"),
        (QUIET, "Europe/Vienna", "Europe/Vienna"),
        (Policy(), "UTC", "UTC"),
        (Policy(), "Europe/Vienna", "Europe/Vienna"),
    ],
)
def test_the_clock_of_a_clinic_is_that_of_its_rotas_or_of_its_quiet_hours(policy, of_rotas, zone) -> None:
    assert zone_for(policy, of_rotas) == zone
