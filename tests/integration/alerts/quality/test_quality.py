"""Alert quality on the board: the same figures as the command's, each from SQL of its own, and of one's own clinic."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import httpx
import pytest

from schemas.policy import Policy
from services.alerts.lifecycle.remark import add_remark
from services.alerts.policies import policies_of
from services.people.model import Role
from tests.alerts_pages import client_for, person
from tests.alerts_world import POLICY, T0, Story
from tests.command import pumpwatch
from tests.integration.people.two_clinics import TwoClinics, two_clinics
from tests.signed_in import WithKey, somebody
from tests.stack import Database

WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)


async def lived(database: Database) -> Story:
    """Alerts that were acted on, only seen, ended by themselves and are open; pages by day, by night and again."""
    story = Story(database.pool, database.dsn)
    await story.run(
        [
            (0, "alarm motor_stall raised"),
            (10, "tick"),
            (15, "ack Ann"),
            (60, "alarm motor_stall cleared"),
            (14 * 60, "alarm motor_stall raised"),
            (14 * 60 + 10, "tick"),
            (14 * 60 + 35, "ack Ben"),
            (15 * 60, "alarm motor_stall cleared"),
            (20 * 60, "report pain 9"),
            (30 * 60, "level 1.5"),
            (31 * 60, "refill 18 2 9"),
            (32 * 60, "level 17"),
            (40 * 60, "alarm pump_stopped raised"),
        ]
    )
    async with database.pool.acquire() as connection:
        first = await connection.fetchval("SELECT alert_id FROM alerts ORDER BY opened_at LIMIT 1")
        held = policies_of(POLICY)
        await add_remark(connection, first, somebody("Ann"), "restarted", held, story.now, acted=True)
        await connection.execute("UPDATE devices SET enrolled_at = $1", T0 - 2 * WEEK)
    story.now += HOUR
    return story


def tables_of(page: str) -> dict[str, dict[str, dict[str, str]]]:
    """By title and rule, the figures by their heads."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for title, table in re.findall(r'aria-label="([^"]*)"[^>]*>\s*<table>(.*?)</table>', page, re.DOTALL):
        heads, *rows = [
            [
                unescape(re.sub(r"<[^>]*>", "", cell))
                for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
            ]
            for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        ]
        found[title] = {row[0]: dict(zip(heads[1:], row[1:], strict=True)) for row in rows}
    return found


async def page_of(story: Story, path: str = "/quality?period=4w", auth: httpx.Auth | None = None) -> httpx.Response:
    async with client_for(story, auth=auth or person(story)) as client:
        return await client.get(path)


async def test_each_figure_is_that_of_sql_and_of_the_command(database: Database) -> None:
    story = await lived(database)
    page = await page_of(story)
    answers, pages = (tables_of(page.text)[title]["All"] for title in ("What became of alerts", "Pages"))
    count = database.pool.fetchval
    acted = (
        "SELECT count(DISTINCT alert_id) FROM alert_transitions WHERE kind = 'acted' OR reason IN "
        "('person_resolved', 'person_accepted')"
    )
    touched = (
        "SELECT count(DISTINCT alert_id) FROM alert_transitions WHERE kind IN ('acknowledged', 'commented', 'acted') "
        "OR reason IN ('person_saw_it', 'person_resolved', 'person_accepted')"
    )
    alerts, did, saw = await count("SELECT count(*) FROM alerts"), await count(acted), await count(touched)
    untouched = (
        f"SELECT count(*) FROM alerts WHERE alert_id NOT IN ({touched.replace('count(DISTINCT alert_id)', 'alert_id')})"  # noqa: S608
    )
    assert answers == {
        "Alerts": str(alerts),
        "For each pump and week": f"{alerts / ((story.now - T0 + 2 * WEEK) / WEEK):.3g}",
        "Acted on": f"{did} ({did / alerts:.0%})",
        "Only seen": str(saw - did),
        "Ended by itself": str(await count(f"{untouched} AND state = 'closed'")),
        "Still open": str(await count(f"{untouched} AND state <> 'closed'")),
        "Acknowledged after (median)": "25.0 min",  # after 15 and after 35
        "95 % within": "35.0 min",
        "Flapping": str(await count("SELECT count(*) FROM alert_transitions WHERE reason = 'condition_flapped'")),
    }
    sent = "SELECT count(DISTINCT coalesce(group_id, delivery_id)) FROM deliveries WHERE state = 'sent'"
    night = f"{sent} AND NOT (sent_at AT TIME ZONE 'UTC')::time BETWEEN '07:00' AND '21:59:59.999999'"
    assert pages == {
        "Pages": str(await count(sent)),
        "At night": str(await count(night)),
        "For each night": f"{await count(night) / 28:.3g}",
        "To the next step": str(await count(f"{sent} AND step > 0 AND NOT repeats")),
        "Again": str(await count(f"{sent} AND (repeats OR step = 0 AND kind <> 'opened')")),
        "Failed": "0",
        "Alerts held": "0",
        "Nobody reached": "0",
    }
    assert int(answers["Acted on"].split(" ")[0]) == 1
    assert int(pages["At night"]) >= 2
    done = pumpwatch("report", "alerts", "--since", "2026-02-01", "--json", DATABASE_URL=database.dsn)
    total = json.loads(done.stdout)["total"]
    assert total["answers"]["alerts"] == alerts
    assert (total["answers"]["acted_on"], total["answers"]["only_seen"]) == (did, saw - did)
    assert (total["pages"]["sent"], total["pages"]["at_night"]) == (int(pages["Pages"]), int(pages["At night"]))


async def test_the_year_is_beside_the_year_before(database: Database) -> None:
    story = await lived(database)
    story.now += timedelta(weeks=40)
    await story.run_more([])
    now = tables_of((await page_of(story, "/quality/year")).text)["What became of alerts"]
    story.now += timedelta(weeks=40)
    later = tables_of((await page_of(story, "/quality/year")).text)["What became of alerts"]
    assert now["All, this year"]["Alerts"] == later["All, the year before"]["Alerts"] != "0"
    assert now["All, the year before"]["Alerts"] == later["All, this year"]["Alerts"] == "0"
    names = [name for name in later if name.endswith(", the year before")]
    assert len(names) == len(later) - 1, "a rule that told nothing this year stands there all the same"


async def test_who_has_nobody_to_be_told_sees_that_nobody_was_reached(database: Database) -> None:
    story = Story(database.pool, database.dsn, policy=Policy())
    await story.run([(0, "alarm motor_stall raised"), (60, "tick")])
    assert tables_of((await page_of(story)).text)["Pages"]["All"]["Nobody reached"] == "1"


@pytest.fixture
async def two(database: Database) -> TwoClinics:
    made = await two_clinics(database)
    for story in (made.north, made.south):
        story.now += HOUR
    return made


@pytest.mark.parametrize("path", ["/quality", "/quality/year"])
async def test_of_another_clinic_nothing_is_shown_or_summed(two: TwoClinics, path: str) -> None:
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    found = await page_of(two.north, path, nora)
    own = await two.pool.fetchval("SELECT count(*) FROM alerts WHERE clinic_id = $1", two.north.clinic_id)
    every = tables_of(found.text)["What became of alerts"]
    assert next(iter(every.values()))["Alerts"] == str(own)
    assert "pump-south" not in found.text
    assert "pump-north" in found.text
    for clinic in (two.south.clinic_id, "nowhere"):
        refused = await page_of(two.north, f"{path}?clinic_id={clinic}", nora)
        assert (refused.status_code, f"There is no clinic {clinic}." in refused.text) == (404, True)


async def test_whoever_has_both_clinics_sees_them_together_or_one(two: TwoClinics) -> None:
    both = person(two.north, "Bo", role=Role.VIEWER)

    async def alerts(path: str) -> int:
        return int(tables_of((await page_of(two.north, path, both)).text)["What became of alerts"]["All"]["Alerts"])

    each = [await alerts(f"/quality?clinic_id={story.clinic_id}") for story in (two.north, two.south)]
    assert await alerts("/quality") == sum(each)
    assert min(each) > 0


@pytest.mark.parametrize("path", ["/quality", "/quality/year"])
async def test_who_may_read_no_alerts_is_shown_none_and_not_that_there_was_none(two: TwoClinics, path: str) -> None:
    key = WithKey(two.pool, lambda: two.north.now, "on-call.read", clinic_id=two.north.clinic_id)
    for who in (key, person(two.north, "Nobody", role=None)):
        found = (await page_of(two.north, path, who)).text
        assert "You have no role in any clinic" in found
        assert "alerts of" not in found
        assert "pump-north" not in found


async def test_a_time_in_which_nothing_was_says_so_and_a_wrong_one_is_refused(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    assert "No alert opened in this time." in (await page_of(story)).text
    assert (await page_of(story, "/quality/year")).status_code == 200
    assert (await page_of(story, "/quality?period=9y")).status_code == 422


async def test_who_looked_stands_in_the_trail_of_the_pumps_that_are_named(two: TwoClinics) -> None:
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    assert (await page_of(two.north, "/quality", nora)).status_code == 200
    read = "SELECT pump_id, detail ->> 'name' FROM access_log WHERE kind = 'read'"
    assert [tuple(row) for row in await two.pool.fetch(read)] == [("pump-north", "Nora")]
