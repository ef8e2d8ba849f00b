"""When a drill is due, what keeps one from coming through, and what is said of one that was missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.parts.paging import Channel, Contact, EscalationStep, PagingPolicy, Route
from schemas.policy import Policy, Priority
from schemas.topics import DRILL, is_device_id, is_reserved_id
from services.alerts.health.drill.course import (
    DRILL_CODE,
    EXPECTED_WITHIN,
    Drill,
    due,
    hindrances,
    missed_text,
    outcome,
    trouble_of,
)

NOW = datetime(2026, 11, 27, 9, 0, 30, tzinfo=UTC)
WITHIN = timedelta(seconds=60)
BEGUN = Drill(UUID(int=1), NOW, None, UUID(int=2), begun_at=NOW)
PASSED = replace(BEGUN, ended_at=NOW)
GOOD = Policy(
    clinic_id=DRILL,
    contacts=(Contact(name="operator", channels=(Channel(name="push", url="json://127.0.0.1"),)),),
    routes={Priority.HIGH: Route(steps=(EscalationStep(after_minutes=0, contacts=("operator",)),))},
    paging=PagingPolicy(flapping_minutes=0),
)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_the_drills_name_can_be_a_device_and_nobody_else_can_have_it():
    assert is_device_id(DRILL)
    assert is_reserved_id(DRILL)


@given(moments, st.times().map(lambda each: each.replace(second=0, microsecond=0)), st.integers(0, 3000))
def test_one_is_due_each_day_whenever_and_however_often_somebody_looks(start: datetime, at: time, minutes: int):
    """Looked at every so many minutes for a week: one for each day, and none before its time."""
    planned: list[datetime] = []
    now = start
    while now < start + timedelta(days=7):
        due_at = due(at, planned[-1] if planned else None, now)
        if due_at is not None:
            planned.append(due_at)
            assert due_at <= now < due_at + timedelta(days=1)
            assert due_at.time() == at
            assert due(at, due_at, now) is None
        now += timedelta(minutes=max(minutes, 10))
    assert len(set(planned)) == len(planned)
    if minutes <= 1440:
        assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(planned))


def test_the_first_is_due_at_once():
    assert due(time(9, 0), None, NOW) == datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
    assert due(time(9, 1), None, NOW) == datetime(2026, 11, 26, 9, 1, tzinfo=UTC)


def test_a_policy_that_pages_the_operator_at_once_hinders_nothing():
    assert hindrances(GOOD, WITHIN) == ()


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (None, "no policy file has clinic_id: pumpwatch-drill"),
        (Policy(), "no policy file has clinic_id: pumpwatch-drill"),
        (GOOD.model_copy(update={"routes": {}}), "routes.high pages nobody in time"),
        (GOOD.model_copy(update={"routes": {Priority.HIGH: Route()}}), "routes.high pages nobody in time"),
        (
            GOOD.model_copy(
                update={
                    "routes": {Priority.HIGH: Route(steps=(EscalationStep(after_minutes=1, contacts=("operator",)),))}
                }
            ),
            "routes.high pages nobody in time",
        ),
        (
            GOOD.model_copy(update={"alarm_priorities": {DRILL_CODE: Priority.LOW}}),
            "alarm_priorities.motor_stall is low, expected high",
        ),
        (GOOD.model_copy(update={"paging": PagingPolicy()}), "paging.flapping_minutes is 10, expected 0"),
    ],
)
def test_what_keeps_a_drill_from_coming_through_is_named(policy: Policy | None, words: str):
    (said,) = hindrances(policy, WITHIN)
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("drill", "seconds", "why", "expected"),
    [
        (replace(BEGUN, begun_at=None), 900, None, None),
        (BEGUN, 59, None, None),
        (replace(BEGUN, paged_at=after(0.3)), 1, None, ""),
        (replace(BEGUN, paged_at=after(60)), 900, None, ""),  # looked at late, and sent in time
        (replace(BEGUN, paged_at=after(75)), 900, None, "its page went out after 75 s, expected at most 60"),
        (BEGUN, 60, "refused", "the broker did not take the alarm: refused"),
        (
            replace(BEGUN, accepted_at=after(1)),
            61,
            None,
            "the broker took the alarm, and ingest did not say that it stored it",
        ),
        (replace(BEGUN, stored_at=after(1)), 61, None, "ingest stored the alarm, and no alert opened"),
        (
            replace(BEGUN, opened_at=after(2)),
            61,
            "the connection was refused",
            "an alert opened, and no page about it went out: the connection was refused",
        ),
    ],
)
def test_a_drill_ends_by_its_page_or_by_the_time_and_says_how_far_it_came(
    drill: Drill, seconds: float, why: str | None, expected: str | None
):
    assert outcome(drill, WITHIN, after(seconds), why) == expected


def test_a_leg_that_another_clock_dates_before_the_begin_took_no_time():
    drill = replace(BEGUN, opened_at=after(-2))
    assert drill.seconds_until(drill.opened_at) == 0
    assert drill.seconds_until(drill.paged_at) is None
    assert [name for name, _ in drill.legs] == ["taken by the broker", "stored by ingest", "alert opened", "page sent"]


@pytest.mark.parametrize(
    ("last", "passed_at", "words"),
    [
        (None, None, "none has come through yet"),
        (PASSED, NOW, None),
        (replace(PASSED, missed="x"), NOW, "the last one, of 27 Nov 2026 09:00 UTC, was missed: x"),
        (PASSED, NOW - EXPECTED_WITHIN - timedelta(seconds=1), "none has come through since 26 Nov 2026 07:00 UTC"),
    ],
)
def test_what_is_wrong_with_the_drills(last: Drill | None, passed_at: datetime | None, words: str | None):
    assert trouble_of(last, passed_at, NOW) == words


def test_who_is_told_of_a_missed_drill_reads_why_and_what_to_do():
    text = missed_text(NOW, "ingest stored the alarm, and no alert opened", "https://pumps.example/")
    assert text.title == "Pumpwatch: the drill was missed"
    assert text.body == (
        "The test alarm of 27 Nov 2026 09:00 UTC did not come through: ingest stored the alarm, and no alert opened. "
        "Alarms of patients may reach nobody. Look at /readyz of the services now, then run `pumpwatch drill`. "
        "Board: https://pumps.example/"
    )
