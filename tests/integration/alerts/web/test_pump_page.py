"""A pump's page says what is known of it now, of this patient, and to nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.alerts_pages import client_for, person
from tests.alerts_world import T0, Story
from tests.stack import Database

DAY = 24 * 60
LIFE = [
    (0, "therapy of baclofen 0.3 30"),
    (1, "refill 20 2 3.5"),
    *((day * DAY, f"level {20 - 0.3 * day}; status; bolus delivered x1") for day in (1, 2, 3)),
    (6 * DAY, "level 18.2; status"),
    (6 * DAY + 1, "alarm motor_stall raised"),
    (6 * DAY + 2, "report pain 7"),
]


async def page_of(story: Story, **how: Any) -> str:
    async with client_for(story, **how) as browser:
        answer = await browser.get(f"/pumps/{story.pump_id}")
    assert answer.status_code == 200
    return answer.text


def rows_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)</td>', page))


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_it_says_what_is_known(database: Database, rough: bool) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run(LIFE)
    await database.pool.execute("UPDATE devices SET enrolled_at = $1", T0)
    page = await page_of(story)
    rows = rows_of(page)
    assert rows["baclofen"] == "600 mcg a day, at 2 mg in 1 mL"
    assert rows["Alarm level"] == "2.0 mL, of the clinic's policy".replace("'", "&#39;")
    assert rows["Next refill"] == "1 Apr 2026, as the device tells"
    assert rows["Motor stall"] == "since Sun 08 Mar 2026, 09:01"
    assert rows["Sun 08 Mar 2026, 09:02"] == "pain, 7 of 10"
    assert rows[f"Pump {story.pump_id}"].startswith("last heard Sun 08 Mar 2026, 09:0")
    assert "18.2 mL left, computed by the pump" in page
    assert "<td>2.0 mL</td><td>3.5 mL</td><td>1.5 mL more</td><td>20.0 mL</td>" in page
    assert re.search(r"Thu 05 Mar, 09:02 to Sat 07 Mar, 09:02 \(2 days\)", page)
    assert page.count("<svg") == 3
    stall = await story.pool.fetchval("SELECT alert_id FROM alerts WHERE rule = 'pump_alarm'")
    assert f'href="/alerts/{stall}">Motor stall</a>' in page


async def test_the_next_patient_has_a_page_of_their_own(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([*LIFE, (7 * DAY, "implant"), (8 * DAY, "status")])
    page = await page_of(story)
    assert "baclofen" not in page.split("<h2>Reservoir</h2>")[1]
    assert "No level is known." in page
    assert "pain, 7 of 10" not in page
    assert "Nobody has told what was programmed" in page


async def test_a_pump_that_is_in_nobody_or_no_longer_watched_says_so(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([*LIFE, (7 * DAY, "explant"), (8 * DAY, "retire")])
    page = await page_of(story)
    assert "By the registry this pump is in nobody" in page
    assert "This pump is no longer watched" in page


async def test_ended_alerts_are_counted_and_the_newest_are_shown(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    again = [(n * 60.0, f"alarm memory_error {'cleared' if n % 2 else 'raised'}") for n in range(2, 114)]
    await story.run([(0, "status"), *again])
    page = await page_of(story)
    assert "No open alert." in page
    assert "Ended: 50 of 56, the newest" in page
    assert page.count(">Memory error</a>") == 50


async def test_it_leads_to_its_dashboard_where_there_is_one(database: Database) -> None:
    story = Story(database.pool, database.dsn, pump_id="pump.7")
    await story.run([(0, "status")])
    assert "Grafana" not in await page_of(story)
    page = await page_of(story, grafana_url="https://grafana.example.org/")
    assert 'href="https://grafana.example.org/d/pumpwatch-pump?var-pump=pump.7"' in page


async def test_another_clinics_pump_is_no_pump_and_reading_is_written_down(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "status")])
    other = Story(database.pool, database.dsn)
    await other.run([(0, "status")])
    async with client_for(story, auth=person(story, clinic_id=story.clinic_id)) as browser:
        refused = await browser.get(f"/pumps/{other.pump_id}")
        missing = await browser.get("/pumps/no-such-pump")
        assert (await browser.get(f"/pumps/{story.pump_id}")).status_code == 200
    assert (refused.status_code, missing.status_code) == (404, 404)
    assert f"There is no pump &#39;{other.pump_id}&#39;." in refused.text
    read = await database.pool.fetch("SELECT pump_id FROM access_log WHERE kind = 'read'")
    assert [row["pump_id"] for row in read] == [story.pump_id]
