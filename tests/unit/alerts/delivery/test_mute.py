"""What holds a page, and what a person may silence."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.policy import PagingPolicy, Policy, Priority, QuietHours
from services.alerts.delivery.mute import (
    Mute,
    MuteReason,
    Silence,
    SilenceKind,
    SilenceRequest,
    check_silence,
    mute_of,
    quiet_until,
    still_holds,
)
from services.alerts.errors import Refused
from tests.unit.alerts.rules.builders import HIGH, INFO, LOW, MEDIUM, NOW

HOUR = timedelta(hours=1)
SILENCE = Silence(
    UUID(int=1), "north", SilenceKind.SILENCE, "pump-1", "pump_alarm", False, "known", "Ann", NOW, NOW, NOW + HOUR
)
HELD = Mute(MuteReason.SILENCE, NOW + HOUR, UUID(int=1))
NIGHT = Policy(paging=PagingPolicy(quiet_hours=QuietHours(begins="11:00", ends="13:00")))


@pytest.mark.parametrize(
    ("silence", "priority", "expected"),
    [
        pytest.param(SILENCE, MEDIUM, HELD, id="this rule of this pump"),
        pytest.param(replace(SILENCE, rule=None), MEDIUM, HELD, id="every rule of this pump"),
        pytest.param(replace(SILENCE, pump_id=None), MEDIUM, HELD, id="this rule in the clinic"),
        pytest.param(replace(SILENCE, pump_id=None, rule=None), LOW, HELD, id="the whole clinic"),
        pytest.param(replace(SILENCE, pump_id="pump-2"), MEDIUM, None, id="another pump"),
        pytest.param(replace(SILENCE, rule="low_reservoir"), MEDIUM, None, id="another rule"),
        pytest.param(replace(SILENCE, begins_at=NOW + HOUR / 2), MEDIUM, None, id="not yet"),
        pytest.param(replace(SILENCE, ends_at=NOW), MEDIUM, None, id="over"),
        pytest.param(SILENCE, HIGH, None, id="high"),
        pytest.param(replace(SILENCE, includes_high=True), HIGH, HELD, id="high, as somebody said"),
        pytest.param(
            replace(SILENCE, includes_high=True, pump_id=None), HIGH, None, id="high is never silenced for a clinic"
        ),
        pytest.param(
            replace(SILENCE, kind=SilenceKind.MAINTENANCE),
            MEDIUM,
            replace(HELD, reason=MuteReason.MAINTENANCE),
            id="an appointment",
        ),
    ],
)
def test_silences(silence: Silence, priority: Priority, expected: Mute | None) -> None:
    found = mute_of([silence], Policy(), pump_id="pump-1", rule="pump_alarm", priority=priority, now=NOW)
    assert found == expected


@pytest.mark.parametrize(("priority", "held"), [(HIGH, False), (MEDIUM, False), (LOW, True), (INFO, True)])
def test_quiet_hours_hold_what_can_wait(priority: Priority, held: bool) -> None:
    found = mute_of([], NIGHT, pump_id="pump-1", rule="pump_alarm", priority=priority, now=NOW)
    assert found == (Mute(MuteReason.QUIET_HOURS, NOW + HOUR) if held else None)


def test_outside_the_quiet_hours_nothing_holds() -> None:
    later = NOW + 2 * HOUR
    assert mute_of([], NIGHT, pump_id="pump-1", rule="pump_alarm", priority=LOW, now=later) is None


def test_of_two_reasons_the_longer_one_is_named() -> None:
    longer = replace(SILENCE, ends_at=NOW + 2 * HOUR, silence_id=UUID(int=2))
    found = mute_of([SILENCE, longer], NIGHT, pump_id="pump-1", rule="pump_alarm", priority=LOW, now=NOW)
    assert found == Mute(MuteReason.SILENCE, NOW + 2 * HOUR, UUID(int=2))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        ("22:00", "07:00", "2026-01-10 20:59", None),
        ("22:00", "07:00", "2026-01-10 21:00", "2026-01-11 06:00"),
        ("22:00", "07:00", "2026-01-11 05:59", "2026-01-11 06:00"),
        ("22:00", "07:00", "2026-01-11 06:00", None),
        ("12:00", "14:00", "2026-07-01 10:30", "2026-07-01 12:00"),
        ("12:00", "14:00", "2026-07-01 12:00", None),
        pytest.param("22:00", "07:00", "2026-03-28 22:00", "2026-03-29 05:00", id="the clock goes forward meanwhile"),
        pytest.param("22:00", "02:30", "2026-10-25 00:10", "2026-10-25 00:30", id="02:30 comes for the first time"),
        pytest.param("22:00", "02:30", "2026-10-25 00:45", None, id="and is over"),
        pytest.param("22:00", "02:30", "2026-10-25 01:05", "2026-10-25 01:30", id="and comes again"),
        pytest.param("22:00", "02:30", "2026-03-29 00:10", "2026-03-29 01:00", id="02:30 never comes"),
        pytest.param("02:15", "02:45", "2026-10-25 00:20", "2026-10-25 00:45", id="twice in a night"),
        pytest.param("02:15", "02:45", "2026-03-29 01:20", None, id="not in this night"),
    ],
)
def test_quiet_hours_by_the_clinics_clock(begins: str, ends: str, now: str, until: str | None) -> None:
    quiet = QuietHours(begins=begins, ends=ends, timezone="Europe/Berlin")
    assert quiet_until(quiet, at(now)) == (at(until) if until else None)


ZONES = {
    "Europe/Berlin": ("2026-03-29 01:00", "2026-10-25 01:00"),
    "America/New_York": ("2026-03-08 07:00", "2026-11-01 06:00"),
    "Australia/Lord_Howe": ("2026-10-03 15:30", "2026-04-04 15:00"),
    "America/St_Johns": ("2026-03-08 05:30", "2026-11-01 04:30"),
    "Africa/Cairo": ("2026-04-23 22:00", "2026-10-29 21:00"),
    "Pacific/Apia": ("2011-12-30 10:00", "2026-06-01 00:00"),
    "Asia/Kathmandu": ("2026-03-29 01:00", "2026-10-25 01:00"),
}
"""Zones, and when their clocks jump: by an hour, by half an hour, by a whole day, never."""
MINUTE = timedelta(minutes=1)


@functools.cache
def on_the_wall(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def by_looking_every_minute(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the clock on the wall is first outside of the quiet hours."""
    moment = now
    while True:
        wall = on_the_wall(moment, quiet.timezone)
        inside = quiet.begins <= wall < quiet.ends
        if quiet.begins > quiet.ends:
            inside = wall >= quiet.begins or wall < quiet.ends
        if not inside:
            return None if moment == now else moment
        moment = moment.replace(second=0, microsecond=0) + MINUTE


clock_times = st.tuples(st.sampled_from((0, 1, 2, 3, 6, 12, 21, 22, 23)), st.sampled_from((0, 1, 15, 30, 45, 59)))


@given(
    zone=st.sampled_from(sorted(ZONES)),
    which=st.integers(0, 1),
    after=st.timedeltas(-26 * HOUR, 26 * HOUR) | st.timedeltas(-2 * HOUR, 2 * HOUR),
    begins=clock_times,
    ends=clock_times,
)
@settings(max_examples=300, deadline=None)
def test_quiet_hours_end_when_the_clock_on_the_wall_says_so(zone, which, after, begins, ends) -> None:
    assume(begins != ends)
    quiet = QuietHours(begins="{:02}:{:02}".format(*begins), ends="{:02}:{:02}".format(*ends), timezone=zone)
    now = at(ZONES[zone][which]) + after
    found = quiet_until(quiet, now)
    assert found == by_looking_every_minute(quiet, now)
    assert found is None or found > now


NIGHTS = [("22:00", "02:30"), ("21:45", "01:59"), ("22:00", "03:00"), ("01:15", "02:15"), ("02:10", "23:00")]


@pytest.mark.parametrize("zone", sorted(ZONES))
def test_in_the_nights_when_clocks_change_every_hold_ends_at_the_minute(zone: str) -> None:
    for jump, (begins, ends) in itertools.product(ZONES[zone], NIGHTS):
        quiet = QuietHours(begins=begins, ends=ends, timezone=zone)
        for minutes in range(-200, 200, 5):
            now = at(jump) + minutes * MINUTE
            assert quiet_until(quiet, now) == by_looking_every_minute(quiet, now), (begins, ends, now)


def test_a_hold_that_is_not_in_the_future_holds_nothing() -> None:
    held = Mute(MuteReason.QUIET_HOURS, NOW)
    assert [still_holds(mute, NOW) for mute in (None, held, replace(held, until=NOW + MINUTE))] == [False, False, True]


ASKED = SilenceRequest("north", SilenceKind.SILENCE, "known", NOW, NOW + HOUR, pump_id="pump-1")


@pytest.mark.parametrize(
    "asked",
    [
        ASKED,
        replace(ASKED, pump_id=None),
        replace(ASKED, ends_at=NOW + 168 * HOUR),
        replace(ASKED, includes_high=True, ends_at=NOW + 4 * HOUR),
        replace(ASKED, begins_at=NOW + 900 * HOUR, ends_at=NOW + 901 * HOUR),
    ],
)
def test_what_may_be_silenced(asked: SilenceRequest) -> None:
    check_silence(asked, Policy(), NOW)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (replace(ASKED, reason="  "), "needs a reason"),
        (replace(ASKED, ends_at=NOW), "the end must come after"),
        (replace(ASKED, begins_at=NOW - 2 * HOUR, ends_at=NOW - HOUR), "the end must come after"),
        (replace(ASKED, begins_at=NOW + 8785 * HOUR, ends_at=NOW + 8786 * HOUR), "must begin within 366 days"),
        (replace(ASKED, ends_at=NOW + 169 * HOUR), "a silence may last for at most 168 hours"),
        (replace(ASKED, includes_high=True, ends_at=NOW + 5 * HOUR), "high alerts can be silenced for at most 4 hours"),
        (replace(ASKED, includes_high=True, pump_id=None), "for one pump only"),
    ],
)
def test_what_may_not_be_silenced(asked: SilenceRequest, words: str) -> None:
    with pytest.raises(Refused, match=words):
        check_silence(asked, Policy(), NOW)
