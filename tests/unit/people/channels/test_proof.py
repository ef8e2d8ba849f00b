"""A phone proves each week that it rings, by its person's clock; who is told when it did not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.people.channels.model import ChannelState, Hours
from services.people.channels.proof import Proof, drill_due, must_drill, proof_of, proven_since, warnings

TUESDAY = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PHONE = ChannelState(UUID(int=1), "phone", "ntfy", rings=True, verified_at=TUESDAY - 2 * DAY)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(1, 7),
    st.sampled_from(["00:00", "02:30", "11:00", "23:59"]),
)
def test_the_last_drill_was_due_within_a_week_on_its_day(now: datetime, zone: str, day: int, at: str) -> None:
    due = drill_due(Hours(zone, day, at), now)
    assert due <= now < due + 7 * DAY + 2 * HOUR
    local = due.astimezone(ZoneInfo(zone))
    assert local.isoweekday() == day
    if at != "02:30":  # which a clock leaves out on one night
        assert f"{local:%H:%M}" == at


@pytest.mark.parametrize(
    ("last_due", "now", "due"),
    [
        (None, TUESDAY - HOUR, None),
        (None, TUESDAY, TUESDAY),
        (None, TUESDAY + HOUR, TUESDAY),
        (None, TUESDAY + 2 * HOUR, None),  # the worker was away at noon: not at another hour
        (TUESDAY, TUESDAY + HOUR, None),
        (TUESDAY - 7 * DAY, TUESDAY, TUESDAY),
        (TUESDAY - HOUR, TUESDAY, None),  # another hour was chosen just now
    ],
)
def test_one_drill_a_week_goes_out_at_its_hour(last_due: datetime | None, now: datetime, due: datetime | None) -> None:
    assert must_drill(PHONE, Hours(), last_due, now) == due


def test_what_does_not_ring_or_is_not_verified_has_no_drill() -> None:
    for channel in (replace(PHONE, rings=False), replace(PHONE, verified_at=None)):
        assert must_drill(channel, Hours(), None, TUESDAY) is None
        assert proof_of(channel, TUESDAY) is Proof.NOT_ASKED
        assert list(warnings(channel, TUESDAY + 30 * DAY)) == []
    assert must_drill(replace(PHONE, verified_at=TUESDAY + HOUR / 2), Hours(), None, TUESDAY + HOUR) is None


def test_an_answer_proves_it_and_a_week_and_a_day_later_it_is_stale() -> None:
    heard = replace(PHONE, proven_at=TUESDAY)
    assert proven_since(heard) == TUESDAY
    assert proof_of(heard, TUESDAY + 8 * DAY) is Proof.FRESH
    assert proof_of(heard, TUESDAY + 8 * DAY + HOUR) is Proof.STALE
    [warn] = warnings(heard, TUESDAY + 8 * DAY + HOUR)
    assert (warn.proof, warn.clinic_too) == (Proof.STALE, False)
    [later] = warnings(heard, TUESDAY + 9 * DAY + HOUR)
    assert (later.episode, later.clinic_too) == (warn.episode, True)


def test_who_did_not_answer_hears_of_it_after_an_hour_and_the_clinic_after_a_day() -> None:
    asked = replace(PHONE, drill_sent_at=TUESDAY)
    assert list(warnings(asked, TUESDAY + HOUR)) == []
    assert proof_of(asked, TUESDAY + HOUR) is Proof.FRESH
    [warn] = warnings(asked, TUESDAY + 2 * HOUR)
    assert (warn.proof, warn.clinic_too) == (Proof.UNANSWERED, False)
    assert proof_of(asked, TUESDAY + 2 * HOUR) is Proof.UNANSWERED
    [later] = warnings(asked, TUESDAY + DAY + HOUR)
    assert (later.episode, later.clinic_too) == (warn.episode, True)
    both = list(warnings(asked, TUESDAY + 8 * DAY))
    assert [each.proof for each in both] == [Proof.UNANSWERED, Proof.STALE]
