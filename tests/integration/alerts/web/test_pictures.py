"""The page of an alert shows what it rests on: of its pump, of its patient, until it was over."""

from __future__ import annotations

import re

import pytest

from schemas.policy import Policy
from tests.alerts_pages import client_for
from tests.alerts_world import Story
from tests.stack import Database

DAY = 24 * 60
PRESSES = "bolus denied_lockout x8; bolus delivered @30235 x2"
FALLING = [(0, "level 9"), (DAY, "level 5"), (2 * DAY, "level 4.2 measured"), (3 * DAY, "level 1.9")]


async def page_of(story: Story, which: int = 0, rule: str = "low_reservoir") -> str:
    """The page of the alert of a rule that was opened first, second, ..."""
    query = "SELECT alert_id FROM alerts WHERE rule = $2 ORDER BY opened_at OFFSET $1 LIMIT 1"
    async with client_for(story) as browser:
        answer = await browser.get(f"/alerts/{await story.pool.fetchval(query, which, rule)}")
    assert answer.status_code == 200
    return answer.text


def table_of(page: str) -> list[tuple[str, str]]:
    """Levels and how they are known, as the table behind the picture has them."""
    return re.findall(r"<td>([\d.]+) mL</td><td>([^<]+)</td>", page)


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_a_low_reservoir_is_seen_to_fall_to_the_alarm_level_it_was_judged_by(
    database: Database, rough: bool
) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run([(-1, "therapy low=2.5"), *FALLING])
    page = await page_of(story)
    assert table_of(page) == [
        ("1.9", "computed by the pump"),
        ("4.2", "measured"),
        ("5.0", "computed by the pump"),
        ("9.0", "computed by the pump"),
    ]
    assert "alarm level 2.5 mL" in page
    assert page.count('class="measured"') == 1
    assert 'role="img" aria-labelledby="levels-said"' in page


async def test_what_is_over_is_shown_until_it_was_over(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([*FALLING, (4 * DAY, "refill 18"), (5 * DAY, "level 17.5")])
    assert table_of(await page_of(story))[0] == ("18.0", "filled in")


async def test_a_refill_that_was_corrected_is_not_drawn(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([*FALLING, (4 * DAY, "refill 1.5")])
    await database.pool.execute(
        "INSERT INTO refills (pump_id, observed_at, event_id, received_at, device_id, expected_ml, measured_ml, "
        "filled_ml, replaces) SELECT pump_id, observed_at, gen_random_uuid(), received_at, device_id, 2, 2, 1.7, "
        "event_id FROM refills"
    )
    assert [volume for volume, basis in table_of(await page_of(story)) if basis == "filled in"] == ["1.7"]


async def test_another_patients_levels_are_in_no_picture(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    of_the_next = [(5 * DAY, "level 8"), (6 * DAY, "level 1.1"), (7 * DAY, "level 1.0")]
    await story.run([*FALLING, (4 * DAY, "implant"), *of_the_next])
    assert "<svg" not in await page_of(story), "what was known of the patient before is on no page any more"
    assert [volume for volume, _ in table_of(await page_of(story, 1))] == ["1.0", "1.1", "8.0"]


async def test_an_alert_about_something_else_has_none_and_one_level_is_no_picture(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "level 1.5"), (1, "alarm motor_stall raised")])
    assert "<svg" not in await page_of(story)
    async with client_for(story) as browser:
        stall = await story.pool.fetchval("SELECT alert_id FROM alerts WHERE rule = 'pump_alarm'")
        assert "<svg" not in (await browser.get(f"/alerts/{stall}")).text


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_unusual_demand_is_seen_day_by_day_as_the_rule_counted_it(database: Database, rough: bool) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run([*((day * DAY, "bolus delivered x1; status") for day in range(1, 21)), (21 * DAY, PRESSES)])
    page = await page_of(story, rule="bolus_demand")
    newest, *before = re.findall(
        r"<td>(\d+)</td><td>(\d+)</td><td>(\d+)</td><td>(\d+)</td><td>\d+</td><td>(\d+)</td></tr>", page
    )
    assert newest == ("8", "10", "2", "8", "0"), "two presses were within minutes of others"
    assert before[:3] == [("1", "1", "1", "0", "0")] * 3
    assert "10 requests in 24 h" in page
    assert "usually 1.0 a day" in page
    assert "Shaded: what the alert is about." in page
    assert "far more boluses than is usual for this patient" in page


async def test_of_a_closed_alert_about_demand_the_days_are_those_before_it_closed(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    busy = [(21 * DAY, PRESSES), (21 * DAY + 60, "retire")]
    await story.run([*((day * DAY, "bolus delivered x1; status") for day in range(1, 21)), *busy])
    page = await page_of(story, rule="bolus_demand")
    assert page.count("<td>8</td><td>10</td>") == 1
    assert "up to 23 Mar 2026, 10:00" in page


async def test_a_silent_device_is_seen_against_its_habit(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([*((day * DAY / 2, "status") for day in range(20)), (14 * DAY, "tick")])
    page = await page_of(story, rule="device_silent")
    assert "It may be silent for 2 days, and has been for 4 days" in page
    assert page.count('class="beat"') == 20
    assert page.count("<td>12 h</td>") == 19
    assert "Ask the patient to bring the handheld near the pump" in page


async def test_the_next_patients_demand_is_in_no_picture_of_the_one_before(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    days = [(day * DAY, "bolus delivered x1; status") for day in range(1, 21)]
    await story.run([*days, (21 * DAY, PRESSES), (22 * DAY, "implant"), (23 * DAY, "bolus delivered x1; status")])
    assert "<svg" not in await page_of(story, rule="bolus_demand")


async def test_the_clinics_own_steps_stand_first_and_are_text(database: Database) -> None:
    own = Policy.model_validate({"what_to_do": {"pump_alarm/infusion": ["Call <b>555</b>.", "Then the ward."]}})
    story = Story(database.pool, database.dsn, policy=own)
    await story.run([(0, "therapy of baclofen 0.3 14"), (1, "alarm motor_stall raised")])
    page = await page_of(story, rule="pump_alarm")
    own_at, ours_at = page.index("Call &lt;b&gt;555&lt;/b&gt;."), page.index("whether they have just had an MRI scan")
    assert page.index("to be without it suddenly can be life-threatening") < own_at < ours_at
    assert "<code>pump_alarms.stall_recovery_hours</code>" in page
    assert "policy has changed since" not in page
