"""The figures of a review sheet, each counted again in another way."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.facts.twins import once
from services.alerts.web.review.figures import MOST_BLOCKS, AlarmCourse, Asked, Figures, figures_of
from services.alerts.web.review.model import Said, Stored
from tests.unit.alerts.review.stored import (
    BEGIN,
    BERLIN,
    DAY,
    MORPHINE,
    PERIOD,
    alarm,
    at,
    heard,
    press,
    programmed,
    refill,
)

OUTCOMES = ("delivered", "denied_lockout", "denied_limit", "denied_other", "comm_failure")


def figures(**what: object) -> Figures:
    return figures_of(Stored(**what), PERIOD, 1.0)  # type: ignore[arg-type]


def local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, BERLIN)


def by_night(seconds: float) -> bool:
    return not time(7) <= local(seconds).time() < time(22)


PRESSES = st.lists(
    st.tuples(
        st.integers(-3 * 24 * 60, 31 * 24 * 60).map(lambda minutes: (BEGIN + timedelta(minutes=minutes)).timestamp()),
        st.sampled_from(OUTCOMES),
        st.sampled_from(["handheld-1", "handheld-2", "pump-1"]),
    ),
    max_size=60,
)


@given(PRESSES, st.sampled_from([None, 0, 30]))
def test_each_request_is_counted_once_on_its_day_and_by_night_if_it_was_night(presses, lockout) -> None:
    therapy = (programmed(-9, replace(MORPHINE, lockout_minutes=lockout)),)
    found = figures(requests=tuple(presses), therapies=therapy)
    counted = [(seconds, outcome) for seconds, outcome in once(presses, lockout)
               if PERIOD.since.timestamp() <= seconds <= PERIOD.until.timestamp()]  # fmt: skip
    for night, asked in ((False, found.day), (True, found.night)):
        mine = Counter(outcome for seconds, outcome in counted if by_night(seconds) is night)
        assert asked == Asked(*(mine[outcome] for outcome in OUTCOMES))
    assert found.together.asked == len(counted)
    assert found.together.refused == sum(outcome.startswith("denied") for _, outcome in counted)
    for block in found.blocks:
        days = [block.first + index * DAY for index in range(block.days)]
        of_block = [outcome for seconds, outcome in counted if local(seconds).date() in days]
        assert block.day.asked + block.night.asked == len(of_block)
        assert block.day.delivered + block.night.delivered == of_block.count("delivered")


def test_what_two_devices_told_is_one_request_though_one_told_of_it_before_the_period() -> None:
    minute = 1 / 1440
    found = figures(
        requests=(
            press(-2 * minute),
            press(1 * minute, device="pump-1"),
            press(1),
            press(1 + 2 * minute, device="pump-1"),
        ),
        therapies=(programmed(-9),),
    )
    assert found.together == Asked(delivered=1)


@given(st.lists(st.floats(-1, 29), max_size=40))
def test_days_and_gaps_are_those_in_which_nothing_was_heard(days) -> None:
    moments = [at(each) for each in days if PERIOD.since <= at(each) <= PERIOD.until]
    found = figures(heard=heard(*[each for each in days if PERIOD.since <= at(each) <= PERIOD.until]))
    assert found.days == 28
    assert found.days_heard == len({moment.astimezone(BERLIN).date() for moment in moments})
    assert sum(block.heard for block in found.blocks) == found.days_heard
    edges = sorted([PERIOD.since, *moments, PERIOD.until])
    expected = [pair for pair in pairwise(edges) if pair[1] - pair[0] >= DAY]
    assert list(found.gaps) == expected


def test_a_long_time_is_in_fewer_and_longer_blocks() -> None:
    half_a_year = replace(PERIOD, since=PERIOD.until - 182 * DAY)
    found = figures_of(Stored(), half_a_year, 1.0)
    assert (found.block_days, found.days) == (21, 183)
    assert len(found.blocks) <= MOST_BLOCKS
    assert sum(block.days for block in found.blocks) == found.days
    assert found.blocks[-1].days == 15


def test_a_therapy_is_shown_where_it_changes() -> None:
    more = replace(MORPHINE, profile=(("00:00", 0.4),))
    found = figures(
        therapies=(
            programmed(-30, more),
            programmed(-9),
            programmed(-8),
            programmed(3),
            programmed(4, more),
            programmed(40),
        )
    )
    assert [(each.at, each.prescription) for each in found.therapies] == [(at(-9), MORPHINE), (at(4), more)]
    assert found.therapy == programmed(4, more)
    assert (figures().therapies, figures().therapy) == ((), None)


def test_scores_are_of_the_patients_reports_in_the_period() -> None:
    said = [
        Said(at(1), "pain", 7),
        Said(at(2), "pain", None),
        Said(at(2.9), "pain", 4),
        Said(at(15), "pain", 3),
        Said(at(16), "side_effect", None),
        Said(at(-1), "pain", 9),
        Said(at(29), "pain", 9),
    ]
    pain, side_effect = figures(reports=tuple(said[::-1])).reported
    assert (pain.complaint, pain.reports, pain.scores) == ("pain", 4, (7, 4, 3))
    assert pain.at_night == sum(by_night(each.at.timestamp()) for each in said[:4])
    assert list(pain.medians) == [statistics.median([7, 4]), None, 3, None]
    assert (side_effect.reports, len(side_effect.scores), list(side_effect.medians)) == (1, 0, [None] * 4)


def test_a_residual_is_what_more_was_left_and_a_share_of_what_was_given() -> None:
    entries = (refill(20, 2.0, 3.5), refill(19.999, 2.0, 3.5), refill(2, 17.5, 17.0, 25.0), refill(-40, 2.0, 2.0))
    newest, earlier = figures(refills=entries, therapies=(programmed(-50),)).residuals
    assert (newest.expected_ml, newest.measured_ml, newest.filled_ml, newest.difference_ml) == (2.0, 3.5, 18.0, 1.5)
    assert newest.percent == pytest.approx(100 * 1.5 / (20.0 - 2.0)), "25 mL do not go into a pump of 20"
    assert newest.at == at(19.999), "entered twice, it is one"
    assert (earlier.difference_ml, earlier.percent) == (-0.5, None), "0.5 mL given are too little to have a share of"
    alone = figures(refills=(refill(20, 2.0, 3.5),)).residuals
    assert [each.percent for each in alone] == [None]
    of_unknown_size = figures(refills=(refill(20, 2.0, 3.0), refill(-1, 0.0, 0.0, 60.0))).residuals
    assert [each.percent for each in of_unknown_size] == [pytest.approx(100 / 38)]
    nothing_given = figures_of(Stored(refills=(refill(20, 18, 18), refill(1, 0, 0))), PERIOD, 0.0)
    assert [each.percent for each in nothing_given.residuals] == [None, None]


def courses(*events) -> list[tuple[float, int, float | None, bool]]:
    def days(moment: datetime | None) -> float | None:
        return None if moment is None else round((moment - BEGIN) / DAY, 3)

    return [
        (days(each.raised_at) or 0.0, each.times, days(each.cleared_at), each.stands)
        for each in figures(alarms=events).alarms
    ]


def test_an_alarm_is_from_raised_to_cleared_and_the_last_may_stand() -> None:
    stall = (alarm(1), alarm(1.5), alarm(2, "cleared"), alarm(2.5, "cleared"), alarm(9))
    assert courses(*stall) == [(9.0, 1, None, True), (1.0, 2, 2.0, False)]
    assert courses(*stall, alarm(10, "cleared")) == [(9.0, 1, 10.0, False), (1.0, 2, 2.0, False)]


def test_alarms_of_another_time_are_not_shown_but_one_that_still_stood_is() -> None:
    assert courses(alarm(-9), alarm(-8, "cleared"), alarm(40)) == []
    assert courses(alarm(-9), alarm(2, "cleared")) == [(-9.0, 1, 2.0, False)]
    assert courses(alarm(-9)) == [(-9.0, 1, None, True)]
    assert courses(alarm(3, "cleared")) == []


def test_an_alarm_stands_only_if_the_rules_say_so() -> None:
    ahead = replace(alarm(12, "cleared"), received_at=at(5))  # dated a week after it came: it ended what came before
    [found] = figures(alarms=(alarm(4.9), ahead)).alarms
    assert (found.cleared_at, found.stands) == (at(5), False)
    last = replace(alarm(3), seq=2**32 - 1)  # of the same moment, and the counter had gone round: cleared afterwards
    [found] = figures(alarms=(last, replace(alarm(3, "cleared"), event_id=UUID(int=1), seq=0))).alarms
    assert (found.cleared_at, found.stands) == (None, False)
    assert courses(replace(alarm(-3), seq=2**32 - 1), replace(alarm(-3, "cleared"), event_id=UUID(int=1), seq=0)) == []


def test_the_detail_is_that_of_its_last_event() -> None:
    [found] = figures(alarms=(alarm(1, detail="first"), alarm(2, detail="last"))).alarms
    assert found == AlarmCourse(found.code, at(1), 2, None, stands=True, detail="last")


def test_nothing_known_is_nothing_counted() -> None:
    found = figures()
    assert (found.together, found.days_heard, found.reported, found.residuals, found.alarms) == (Asked(), 0, (), (), ())
    assert found.gaps == ((PERIOD.since, PERIOD.until),)
