"""The picture of demand: each day is a rule's day, counted as the rule counts it, and what is unknown is no zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.facts.model import DayWindow
from services.alerts.web.pictures.demand_chart import DemandChart, demand_chart, shows_demand
from services.alerts.web.pictures.frame import BOTTOM, LEFT, MOST_MARKS, RIGHT
from tests.unit.alerts.rules.builders import facts, windows

UNTIL = datetime(2026, 3, 30, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def drawn(
    days: tuple[DayWindow, ...], since: datetime | None = None, evidence: dict[str, object] | None = None, **known: Any
) -> DemandChart:
    chart = demand_chart(facts(windows=days, **known), evidence or {}, since, UNTIL, BERLIN)
    assert chart is not None
    return chart


def test_only_alerts_about_demand_have_it() -> None:
    asked = [
        ("bolus_demand", "drift"),
        ("bolus_limit", "limit_days"),
        ("infusion", "under_delivery"),
        ("infusion", "volume"),
    ]
    assert [shows_demand(*each) for each in asked] == [True, True, True, False]


def test_where_no_day_is_known_there_is_none() -> None:
    assert demand_chart(facts(), {}, None, UNTIL, BERLIN) is None
    assert demand_chart(facts(windows=windows(None, None)), {}, None, UNTIL, BERLIN) is None


def test_a_bar_is_what_the_rules_count_and_its_lower_part_what_was_delivered() -> None:
    busy = DayWindow(attempts=4, heard=True, requests=9, delivered=2, refused=6, refused_at_limit=3)
    chart = drawn((busy, *windows(0, None, 2)), evidence={"usual_per_day": 2.0})
    newest, oldest = chart.bars
    assert newest.left > oldest.left, "time runs to the right"
    assert BOTTOM - newest.top == 2 * (BOTTOM - newest.delivered_top)
    assert chart.usual is not None
    assert chart.usual.at == newest.delivered_top
    assert chart.usual.text == "usually 2.0 a day"
    assert len(chart.unheard) == 1
    assert [
        (row.counted, row.requests, row.delivered, row.refused, row.at_limit, row.unknown) for row in chart.rows
    ] == [
        (4, 9, 2, 6, 3, 1),
        (0, 0, 0, 0, 0, 0),
        (None, 0, 0, 0, 0, 0),
        (2, 0, 0, 0, 0, 0),
    ]
    assert chart.summary == (
        "Requests for a bolus in the 4 days up to 30 Mar 2026, 14:00; nothing was heard on 1 of them: "
        "6 requests, 2 of them delivered. Usually 2.0 a day."
    )


def test_the_table_is_on_the_clinics_clock() -> None:
    chart = drawn(windows(1, 1, 1))  # summer time began on the 29th
    assert [row.until for row in chart.rows] == [
        "Mon 30 Mar 2026, 14:00", "Sun 29 Mar 2026, 14:00", "Sat 28 Mar 2026, 13:00",
    ]  # fmt: skip
    assert chart.summary.endswith("3 requests, 0 of them delivered.")


def test_what_the_alert_is_about_is_shaded_and_a_reprogramming_is_a_line() -> None:
    chart = drawn(windows(*[1] * 10), UNTIL - 5 * DAY, reprogrammed_at=UNTIL - 2.5 * DAY)
    assert chart.about_from == (LEFT + RIGHT) / 2
    assert chart.reprogrammed is not None
    assert chart.about_from < chart.reprogrammed < RIGHT
    old = drawn(windows(*[1] * 10), UNTIL - 50 * DAY, reprogrammed_at=UNTIL - 11 * DAY)
    assert (old.about_from, old.reprogrammed) == (None, None)


def test_a_rise_over_weeks_is_shown_with_the_weeks_before_it() -> None:
    many = windows(*[1] * 112)
    assert len(drawn(many).rows) == 42
    assert len(drawn(many, evidence={"span_days": 28}).rows) == 84


def test_the_picture_begins_with_the_first_day_of_which_anything_is_known() -> None:
    chart = drawn(windows(1, None, 2, None, None))
    assert [row.counted for row in chart.rows] == [1, None, 2]
    assert chart.summary.startswith("Requests for a bolus in the 3 days up to")


def test_days_before_the_pump_was_implanted_are_not_the_patients() -> None:
    assert len(drawn(windows(1, 2, 3, 4)).rows) == 4
    anew = demand_chart(facts(windows=windows(1, 2, 3, 4), since=UNTIL - 1.5 * DAY), {}, None, UNTIL, BERLIN)
    assert anew is not None
    assert [row.counted for row in anew.rows] == [1, 2]


many = st.one_of(st.integers(0, 600), st.integers(0, 10**7))
day = st.builds(DayWindow, many, st.booleans(), *[many] * 4)


@given(
    st.lists(day, min_size=1, max_size=120),
    st.one_of(st.none(), st.floats(0, 1e4)),
    st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=200))),
    st.sampled_from([None, 3, 28, "?"]),
)
def test_whatever_is_known_stays_inside_the_picture(
    days: list[DayWindow], usual: float | None, ago: timedelta | None, span: object
) -> None:
    evidence = {"usual_per_day": usual, "span_days": span}
    chart = demand_chart(facts(windows=tuple(days)), evidence, None if ago is None else UNTIL - ago, UNTIL, BERLIN)
    if chart is None:
        assert not any(each.heard for each in days[:84])
        return
    for bar in chart.bars:
        assert bar.left >= LEFT
        assert bar.left + bar.width <= RIGHT
        assert 0 < bar.top <= bar.delivered_top <= BOTTOM
    assert all(0 < mark.at <= BOTTOM for mark in (*chart.counts, *([chart.usual] if chart.usual else [])))
    assert 1 <= len(chart.counts) <= MOST_MARKS
    assert all(LEFT <= mark.at <= RIGHT for mark in chart.days)
    assert len(chart.unheard) == sum(row.counted is None for row in chart.rows)
    assert len(chart.bars) == sum(bool(row.counted) for row in chart.rows)
