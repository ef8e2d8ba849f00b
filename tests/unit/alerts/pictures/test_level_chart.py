"""The picture of a level: everything known is in it, where it belongs, and in the table behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.pictures.frame import BOTTOM, HEIGHT, LEFT, MOST_MARKS, WIDTH
from services.alerts.web.pictures.level_chart import Known, LevelChart, level_chart, shows_levels

T0 = datetime(2026, 3, 20, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def known(*told: tuple[float, float, str]) -> list[Known]:
    """Of days after T0, volumes and how each is known."""
    return [Known(T0 + timedelta(days=day), volume, basis) for day, volume, basis in told]


def drawn(*told: tuple[float, float, str], **evidence: object) -> LevelChart:
    chart = level_chart(known(*told), evidence, BERLIN)
    assert chart is not None
    return chart


def places(chart: LevelChart) -> list[tuple[float, float]]:
    curves = [tuple(map(float, point.split(","))) for curve in chart.curves for point in curve.split()]
    return [*((x, y) for x, y in curves), *chart.measured, *chart.refills]


def test_only_alerts_about_the_level_have_it() -> None:
    assert [shows_levels(rule) for rule in ("low_reservoir", "infusion", "pump_alarm")] == [True, True, False]


def test_one_moment_is_no_curve() -> None:
    assert level_chart([], {}, BERLIN) is None
    assert level_chart(known((0, 5, "computed"), (0, 4.9, "measured")), {}, BERLIN) is None


def test_a_refill_breaks_the_curve_and_what_is_measured_is_marked() -> None:
    chart = drawn(
        (0, 4, "computed"),
        (5, 2, "measured"),
        (6, 20, "refill"),
        (7, 19, "computed"),
        (16, 10, "computed"),
        limit_ml=2.0,
    )
    assert [len(curve.split()) for curve in chart.curves] == [2, 3]
    (measured,), (refill,) = chart.measured, chart.refills
    assert chart.alarm_level is not None
    assert (measured[1], chart.alarm_level.text) == (chart.alarm_level.at, "alarm level 2.0 mL")
    assert refill[1] < measured[1] < BOTTOM, "more is higher up"
    assert chart.summary == (
        "Reservoir level, 20 Mar 2026 to 5 Apr 2026: from 4.0 mL to 10.0 mL, computed by the pump, with one refill; "
        "the alarm level is 2.0 mL."
    )


def test_a_refill_that_is_followed_by_nothing_is_a_mark_and_no_curve() -> None:
    chart = drawn((0, 4, "computed"), (1, 3, "computed"), (2, 20, "refill"))
    assert (len(chart.curves), len(chart.refills), chart.alarm_level) == (1, 1, None)


def test_the_table_is_on_the_clinics_clock_and_the_newest_first() -> None:
    chart = drawn((0, 4, "computed"), (9, 3, "measured"))  # summer time began between them
    assert [(row.at, row.volume, row.basis) for row in chart.rows] == [
        ("Sun 29 Mar 2026, 14:00", "3.0 mL", "measured"),
        ("Fri 20 Mar 2026, 13:00", "4.0 mL", "computed by the pump"),
    ]
    assert chart.zone == "Europe/Berlin"


def test_a_long_table_says_what_it_leaves_out() -> None:
    chart = drawn(*((day / 4, 18 - day / 10, "computed") for day in range(100)))
    assert (len(chart.rows), chart.rows_left) == (60, 40)
    assert chart.rows[0].volume == "8.1 mL"


def test_days_are_the_clinics_midnights_and_of_a_short_time_its_ends() -> None:
    assert [mark.text for mark in drawn((0, 4, "computed"), (9, 3, "computed")).days] == [
        "21 Mar", "23 Mar", "25 Mar", "27 Mar", "29 Mar",
    ]  # fmt: skip
    assert [mark.text for mark in drawn((0, 4, "computed"), (0.1, 3, "computed")).days] == ["20 Mar", "20 Mar"]


def test_an_alarm_level_above_all_that_is_known_is_in_the_picture() -> None:
    chart = drawn((0, 0.4, "computed"), (1, 0, "computed"), limit_ml=4)
    assert chart.alarm_level is not None
    assert 0 < chart.alarm_level.at < BOTTOM
    assert [mark.text for mark in chart.volumes] == ["0", "1", "2", "3", "4"]
    assert drawn((0, 1, "computed"), (1, 0, "computed"), limit_ml="?").alarm_level is None


@given(
    st.lists(
        st.tuples(
            st.floats(0, 42),
            st.floats(0, 1e6),
            st.sampled_from(["computed", "measured", "refill"]),
        ),
        min_size=2,
        max_size=60,
        unique_by=lambda told: T0 + timedelta(days=told[0]),
    ),
    st.one_of(st.none(), st.floats(0, 1e6)),
)
def test_whatever_is_known_stays_inside_the_picture(told: list[tuple[float, float, str]], limit: float | None) -> None:
    chart = drawn(*sorted(told), limit_ml=limit)
    lines = [mark.at for mark in (*chart.volumes, *([chart.alarm_level] if chart.alarm_level else []))]
    assert all(LEFT <= x < WIDTH and 0 < y <= BOTTOM for x, y in places(chart))
    assert all(0 < y <= BOTTOM < HEIGHT for y in lines)
    assert all(LEFT <= mark.at < WIDTH for mark in chart.days)
    assert 2 <= len(chart.volumes) <= MOST_MARKS
    assert len(chart.refills) == sum(basis == "refill" for *_, basis in told)
    assert len(chart.rows) + chart.rows_left == len(told)
