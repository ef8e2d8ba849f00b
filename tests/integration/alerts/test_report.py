"""`pumpwatch report alerts` on alerts that the worker raised."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from services.admin.alert_report import ReportError, alert_report
from services.alerts.lifecycle.remark import add_remark
from services.alerts.policies import policies_of
from tests.alerts_world import POLICY, T0, Story
from tests.command import pumpwatch
from tests.signed_in import somebody
from tests.stack import Database

WEEK = timedelta(weeks=1)


async def two_pumps(database: Database) -> tuple[Story, Story]:
    """One whose stall is paged twice and taken after 15 minutes; one whose low reservoir somebody only writes about."""
    first, second = Story(database.pool, database.dsn), Story(database.pool, database.dsn)
    await first.run(
        [
            (0, "alarm motor_stall raised"),
            (10, "tick"),
            (15, "ack Ann"),
            (60, "alarm motor_stall cleared"),
            (120, "alarm motor_stall raised"),
            (180, "alarm motor_stall cleared"),
        ]
    )
    await second.run([(5, "level 1.5")])
    async with database.pool.acquire() as connection:
        alert_id = await connection.fetchval("SELECT alert_id FROM alerts WHERE pump_id = $1", second.pump_id)
        await add_remark(connection, alert_id, somebody("Ben"), "refilled", policies_of(POLICY), second.now, acted=True)
        await connection.execute("UPDATE devices SET enrolled_at = $1", T0 - 2 * WEEK)
    return first, second


async def test_what_the_worker_raised_is_reported(database: Database) -> None:
    first, second = await two_pumps(database)
    async with database.pool.acquire() as connection:
        found = await alert_report(connection, None, T0 - WEEK, T0 + WEEK)
        one = await alert_report(connection, second.clinic_id, T0 - WEEK, T0 + WEEK)
        before = await alert_report(connection, first.clinic_id, T0 - WEEK, T0)
    assert (found.pumps, round(found.pump_weeks, 6)) == (2, 4.0)
    low, alarms = found.rules
    assert (alarms.rule, low.rule) == ("pump_alarm/infusion", "low_reservoir/reservoir")
    assert (alarms.answers.alerts, alarms.answers.acknowledged, alarms.answers.median_seconds_to_acknowledge) == (
        2,
        1,
        900,
    )
    assert alarms.answers.per_pump_week == 0.5
    assert (alarms.answers.closed_without_action, alarms.answers.open_without_action) == (0, 1)  # cleared, not yet seen
    assert (alarms.pages.sent, alarms.pages.escalated, alarms.pages.failed) == (3, 1, 0)
    assert (low.answers.acknowledged, low.answers.open_without_action) == (0, 0)  # Ben wrote what was done
    assert [(each.pump_id, each.alerts) for each in found.busiest] == [(first.pump_id, 2), (second.pump_id, 1)]
    assert (one.total.answers.alerts, one.pumps) == (1, 1)
    assert before.total.answers.alerts == 0


async def test_the_command(database: Database) -> None:
    first, _ = await two_pumps(database)
    done = pumpwatch(
        "report", "alerts", "--since", "2026-03-01", "--clinic", first.clinic_id, DATABASE_URL=database.dsn
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"clinic {first.clinic_id}, 1 Mar 2026 00:00 UTC to ")
    assert "pump_alarm/infusion                      2" in done.stdout
    done = pumpwatch("report", "alerts", "--since", "2026-03-01", "--json", DATABASE_URL=database.dsn)
    assert json.loads(done.stdout)["total"]["answers"]["alerts"] == 3


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--since", "soon"), 2, "error: --since: 'soon' is not a time: expected a number and s, m, h, d or w"),
        (("--since", "2999-01-01"), 1, "error: 1 Jan 2999 00:00 UTC is not in the past"),
        (("--clinic", "nort"), 1, "error: there is no clinic 'nort'; there is: none"),
    ],
)
def test_a_wrong_option_is_one_line(database: Database, options, code, says) -> None:
    done = pumpwatch("report", "alerts", *options, DATABASE_URL=database.dsn)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert done.stderr.startswith(says)


async def test_it_only_reads(database: Database) -> None:
    async with database.pool.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = on")
        with pytest.raises(ReportError):
            await alert_report(connection, "nowhere", T0, T0 + WEEK)
        assert (await alert_report(connection, None, T0, T0 + WEEK)).pumps == 0
