"""What holds a page, and what a person may silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

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
    ],
)
def test_quiet_hours_by_the_clinics_clock(begins: str, ends: str, now: str, until: str | None) -> None:
    quiet = QuietHours(begins=begins, ends=ends, timezone="Europe/Berlin")
    assert quiet_until(quiet, at(now)) == (at(until) if until else None)


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
        (replace(ASKED, ends_at=NOW + 169 * HOUR), "a silence may last for at most 168 hours"),
        (replace(ASKED, includes_high=True, ends_at=NOW + 5 * HOUR), "high alerts can be silenced for at most 4 hours"),
        (replace(ASKED, includes_high=True, pump_id=None), "for one pump only"),
    ],
)
def test_what_may_not_be_silenced(asked: SilenceRequest, words: str) -> None:
    with pytest.raises(Refused, match=words):
        check_silence(asked, Policy(), NOW)
