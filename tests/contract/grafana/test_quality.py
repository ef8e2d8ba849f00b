"""The dashboards lead to where the worker says that the board is, and their figures are those of the report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.grafana.model import QUERIES
from services.admin.alert_report import alert_report
from tests.alerts_world import T0, Story
from tests.contract.grafana.macros import View, filled_in
from tests.stack import Database

HOUR = 60
LIFE = [
    (0, "alarm motor_stall raised"),
    (7, "ack Ann"),
    (HOUR, "alarm motor_stall cleared"),
    (3 * HOUR, "alarm memory_error raised"),
    (4 * HOUR, "alarm memory_error cleared"),
    (9 * HOUR, "alarm memory_error raised"),
    (9 * HOUR + 31, "ack Ann"),
    (20 * HOUR, "report pain 9"),
]


def view_of(story: Story) -> View:
    return View(
        T0 - timedelta(days=1), T0 + timedelta(days=6), 3600, {"clinic": [story.clinic_id], "pump": [story.pump_id]}
    )


async def rows_of(database: Database, story: Story, name: str) -> list[dict[str, Any]]:
    await database.pool.execute("INSERT INTO clinic_readers VALUES (current_user, NULL) ON CONFLICT DO NOTHING")
    return [dict(row) for row in await database.pool.fetch(filled_in(QUERIES[name], view_of(story)))]


async def test_figures_are_those_of_the_report(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(LIFE)
    async with database.pool.acquire() as connection:
        found = await alert_report(connection, story.clinic_id, T0 - timedelta(days=1), T0 + timedelta(days=6))
    answers = found.total.answers
    assert answers.alerts == 4
    assert await rows_of(database, story, "quality_alerts") == [{"alerts": answers.alerts}]
    assert (await rows_of(database, story, "quality_median"))[0]["seconds"] == answers.median_seconds_to_acknowledge
    by_rule = {row["rule"]: row for row in await rows_of(database, story, "quality_by_rule")}
    of_alarms = [each.answers for each in found.rules if each.rule.startswith("pump_alarm/")]
    assert by_rule["pump alarm"]["alerts"] == sum(each.alerts for each in of_alarms) == 3
    assert by_rule["pump alarm"]["over, nobody answered"] == sum(each.closed_without_action for each in of_alarms) == 1
    assert by_rule["pump alarm"]["answered"] == pytest.approx(200 / 3)
    assert sum(row["alerts"] for row in await rows_of(database, story, "quality_by_hour")) == 4
    assert (await rows_of(database, story, "quality_busiest"))[0]["mostly"] == "pump alarm"


async def test_an_alert_outside_the_chosen_time_does_not_count(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(8 * 24 * HOUR, "alarm motor_stall raised")])
    assert await rows_of(database, story, "quality_alerts") == [{"alerts": 0}]


async def test_links_go_where_the_worker_says_that_the_board_is(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "status")])
    assert await rows_of(database, story, "board") == [{"url": "http://127.0.0.1:8081"}]
    worker = story.new_worker()
    await worker.heartbeat_once()
    await worker.say_state_once()
    assert await rows_of(database, story, "board") == [{"url": "https://pw.example.org"}]


async def test_days_to_the_alarm_level_by_programme_and_at_most_use(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "therapy of morphine 0.5 30")])
    await database.pool.execute("UPDATE therapies SET bolus_dose_mcg = 200, bolus_limit_per_24h = 5")
    story.now = datetime.now(UTC) - timedelta(days=2)
    async with database.pool.acquire() as connection:
        await story.insert(connection, ["level", "12"], story.now)
    (now,) = await rows_of(database, story, "pump_now")
    assert now["days"] == pytest.approx(10 / 0.5 - 2, abs=0.01)
    assert now["least_days"] == pytest.approx(10 / (0.5 + 5 * 0.1) - 2, abs=0.01)
    (lowest,) = await rows_of(database, story, "clinic_lowest_reservoirs")
    assert (lowest["days by programme"], lowest["days at most use"]) == pytest.approx((18, 8), abs=0.01)
