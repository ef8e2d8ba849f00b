"""The picture of heartbeats: when each device was heard, and whether it is silent for longer than it may be."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from schemas.policy import DeviceSilentPolicy
from services.alerts.facts.model import Contact
from services.alerts.web.pictures.frame import LEFT, RIGHT
from services.alerts.web.pictures.heartbeat_chart import HeartbeatChart, heartbeat_chart, shows_heartbeats
from tests.unit.alerts.rules.builders import NOW, ago, facts

RULE = DeviceSilentPolicy()
BERLIN = ZoneInfo("Europe/Berlin")


def drawn(*contacts: Contact) -> HeartbeatChart:
    chart = heartbeat_chart(facts(contacts=contacts), RULE, NOW, BERLIN)
    assert chart is not None
    return chart


def heard(device: str, *hours_ago: float) -> Contact:
    return Contact(device, tuple(ago(each) for each in hours_ago))


def test_only_alerts_about_silence_have_it() -> None:
    assert [shows_heartbeats(rule) for rule in ("device_silent", "clock")] == [True, False]


def test_where_nothing_was_ever_heard_there_is_none() -> None:
    assert heartbeat_chart(facts(), RULE, NOW, BERLIN) is None
    assert heartbeat_chart(facts(contacts=(Contact("pump-1", ()),)), RULE, NOW, BERLIN) is None


def test_a_device_that_is_overdue_is_told_from_one_that_is_in_time() -> None:
    chart = drawn(heard("pump-1", *range(400, 100, -10)), heard("hand-1", *range(400, 0, -10)), Contact("hand-2", ()))
    pump, handheld = chart.lanes
    assert (pump.name, handheld.name) == ("pump pump-1", "handheld hand-1")
    assert pump.overdue_from is not None
    assert LEFT < pump.silent_from < pump.overdue_from < RIGHT
    assert handheld.overdue_from is None
    assert chart.summary[0] == (
        "The pump pump-1 was last heard Tue 17 Nov 2026, 23:00. It may be silent for 2 days, and has been for 4 days."
    )
    assert chart.summary[1].endswith("It may be silent for 2 days.")


def test_its_pauses_are_a_table_on_the_clinics_clock_the_newest_first() -> None:
    kept = Contact("pump-1", (ago(2), ago(1.9)), ((ago(900), ago(500)), (ago(500), ago(2))))
    chart = drawn(kept)
    assert [(row.began, row.ended, row.lasted) for row in chart.rows] == [
        ("Sun 01 Nov 2026, 17:00", "Sun 22 Nov 2026, 11:00", "20 days"),
        ("Fri 16 Oct 2026, 02:00", "Sun 01 Nov 2026, 17:00", "16 days"),
    ]
    assert len(drawn(heard("pump-1", *range(100, 0, -1))).rows) == 20


def test_one_that_was_heard_a_moment_ago_and_one_that_was_heard_months_ago_are_both_in_the_picture() -> None:
    chart = drawn(Contact("pump-1", (NOW,)), Contact("hand-1", (NOW - timedelta(days=90),)))
    just, long_ago = chart.lanes
    assert (just.silent_from, just.heard) == (RIGHT, (RIGHT,))
    assert (long_ago.silent_from, long_ago.heard) == (LEFT, (LEFT,))
    assert long_ago.overdue_from is not None
    assert chart.bottom < chart.height
    assert all(LEFT <= mark.at <= RIGHT for mark in chart.days)


def test_one_that_was_overdue_before_the_picture_begins_is_so_from_its_side_on() -> None:
    (lane,) = drawn(Contact("pump-1", (ago(1000),))).lanes
    assert lane.overdue_from is not None
    assert LEFT < lane.overdue_from < RIGHT
