"""The refill board: what it shows to whom, what booking does to alerts, and what the next patient inherits."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import httpx
import icalendar
import pytest

from services.alerts.backtest import store as backtest_store
from services.alerts.facts.model import PumpFacts, VisitKind
from services.alerts.facts.store import load_facts
from services.alerts.rules.reservoir.refill_dates import refill_dates
from tests.alerts_world import T0
from tests.integration.alerts.on_call.clinics import NORTH, POLICY, SOUTH, Clinics, clinics_with_rotas
from tests.signed_in import WithKey
from tests.stack import Database

PUMP = "pump-north"
DAY = timedelta(days=1)


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    """North's pump gives 0.5 mL a day: from 12 mL it reaches 2 mL in 20 days; the device has a date in 25."""
    made = await clinics_with_rotas(database)
    await made.story.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', $2)", PUMP, NORTH
    )
    await made.story.run_more([(0, "therapy of morphine 0.5 25"), (1, "refill 12"), (2, "level 12")])
    return made


async def page_of(clinics: Clinics, name: str = "Ann", query: str = "") -> str:
    async with clinics.browser(name) as browser:
        response = await browser.get(f"/refills{query}")
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


async def plan(clinics: Clinics, name: str, what: str, days: float | None = None, **typed: str) -> httpx.Response:
    """Send a form as it stands on the page now, for a day so many days ahead."""
    if days is not None:
        typed["on"] = f"{(clinics.story.now + days * DAY):%Y-%m-%d}"
    if "follows" not in typed:
        typed["follows"] = str(await newest(clinics) or "")
    async with clinics.browser(name) as browser:
        return await browser.post(f"/refills/{PUMP}/{what}", data=typed)


async def newest(clinics: Clinics) -> Any:
    return await clinics.story.pool.fetchval("SELECT entry_id FROM refill_visits ORDER BY said_at DESC LIMIT 1")


async def facts(clinics: Clinics) -> PumpFacts:
    async with clinics.story.pool.acquire() as connection:
        [found] = await load_facts(connection, [PUMP], clinics.story.now, windows=112)
    return found


async def judged(clinics: Clinics, minute: float) -> list[str]:
    """The states of the forecast's alert after the queue was worked off."""
    clinics.story.now = T0 + timedelta(minutes=minute)
    assert await clinics.story.new_worker().queue_once()
    rows = await clinics.story.pool.fetch("SELECT state FROM alerts WHERE rule = 'low_reservoir' ORDER BY opened_at")
    return [row["state"] for row in rows]


async def test_the_page_says_by_when_to_come_and_whether_the_visit_comes_first(clinics: Clinics) -> None:
    text = await page_of(clinics, "Vic")
    assert "1 pump, the soonest first. Read on 2 Mar 2026;" in text
    assert "pump-north clinic-of-pump-north 12.0 mL computed 2 Mar 2026, 10:02" in text
    assert "As programmed Sun 22 Mar 2026 no boluses are prescribed" in text
    assert "Sun 31 May 2026 morphine: 90 days" in text
    assert "Fri 27 Mar 2026 by the date in the device" in text
    assert "The reservoir may reach its alarm level first, 5 days before the visit." in text
    assert "Book" not in text  # who may only look is offered nothing that would be refused
    assert "Book" in await page_of(clinics, "Ann")
    assert "0 pumps" in await page_of(clinics, "Eve")
    reads = await clinics.story.pool.fetch("SELECT detail ->> 'name' AS who FROM access_log WHERE kind = 'read'")
    assert sorted(row["who"] for row in reads) == ["Ann", "Vic"]


async def test_booking_in_time_ends_the_warning_and_moving_too_far_begins_it_again(clinics: Clinics) -> None:
    states = "SELECT state FROM alerts WHERE rule = 'low_reservoir'"
    assert await clinics.story.pool.fetchval(states) == "active"
    response = await plan(clinics, "Ann", "book", 16, at="10:30")
    assert (response.status_code, response.headers["location"]) == (303, "/refills")
    assert await judged(clinics, 10) == ["closed"]
    assert "Wed 18 Mar 2026, 10:30 booked by Ann; the device has 27 Mar 2026" in await page_of(clinics)
    assert "The visit comes first, 4 days before." in await page_of(clinics)
    assert (await plan(clinics, "Bob", "move", 30)).status_code == 303
    assert (await judged(clinics, 20))[-1] == "active"
    explanation: str = await clinics.story.pool.fetchval(
        "SELECT explanation FROM alerts WHERE state = 'active' AND rule = 'low_reservoir'"
    )
    assert explanation.endswith(
        "As programmed, the reservoir reaches the alarm level on 22 Mar 2026, before the refill booked for 1 Apr 2026."
    )
    rows = await clinics.story.pool.fetch(
        "SELECT kind, visit_on, has_hour, said_name, clinic_id FROM refill_visits ORDER BY said_at"
    )
    assert [tuple(row) for row in rows] == [
        ("booked", date(2026, 3, 18), True, "Ann", NORTH), ("moved", date(2026, 4, 1), False, "Bob", NORTH),
    ]  # fmt: skip
    assert await clinics.trail("refill_booked") == [(f"person:{clinics.persons['Ann']}", "Ann", NORTH)]
    assert await clinics.trail("refill_moved") == [(f"person:{clinics.persons['Bob']}", "Bob", NORTH)]
    [said] = await clinics.story.pool.fetch("SELECT pump_id, detail FROM access_log WHERE kind = 'refill_moved'")
    assert said["pump_id"] == PUMP
    assert "2026" not in said["detail"]  # the trail is not erased: of the day it says nothing


async def test_a_visit_is_done_or_cancelled(clinics: Clinics) -> None:
    await plan(clinics, "Ann", "book", 16)
    assert (await plan(clinics, "Ann", "cancel")).status_code == 303
    assert "Fri 27 Mar 2026 by the date in the device" in await page_of(clinics)
    await plan(clinics, "Ann", "book", 1)
    assert (await plan(clinics, "Bob", "done")).status_code == 303
    visit = (await facts(clinics)).visit
    assert visit is not None
    assert (visit.kind, visit.on) == (VisitKind.DONE, date(2026, 3, 3))
    assert len(await clinics.trail("refill_cancelled")) == len(await clinics.trail("refill_done")) == 1


async def test_of_two_who_change_one_visit_the_second_is_told(clinics: Clinics) -> None:
    await plan(clinics, "Ann", "book", 16)
    first = str(await newest(clinics))
    assert (await plan(clinics, "Ann", "move", 12)).status_code == 303
    refused = await plan(clinics, "Bob", "move", 14, at="09:15", follows=first)
    assert refused.status_code == 409
    assert "Not done: somebody changed this visit meanwhile; look at it as it is now, and say it again." in refused.text
    assert 'value="09:15"' in refused.text  # what was typed stays
    assert await clinics.story.pool.fetchval("SELECT count(*) FROM refill_visits") == 2
    refused = await plan(clinics, "Bob", "move", on="soon")
    assert "Not done: &#39;soon&#39; is no day; expected a day from today on" in refused.text
    refused = await plan(clinics, "Bob", "book", 9)
    assert "a visit is booked for 14 Mar 2026 already; move that one" in refused.text


async def test_who_may_not_plan_is_told_why_and_who_may_not_see_finds_nothing(clinics: Clinics) -> None:
    looked = await plan(clinics, "Vic", "book", 9)
    assert (looked.status_code, "that takes a person who is a responder" in looked.text) == (403, True)
    assert (await plan(clinics, "Eve", "book", 9)).status_code == 404
    assert (await plan(clinics, "Ann", "sell", 9)).status_code == 404
    key = WithKey(clinics.story.pool, lambda: clinics.story.now, "alerts.act", clinic_id=NORTH)
    async with clinics.browser("", key) as program:
        assert (await program.post(f"/refills/{PUMP}/book", data={"on": "2026-03-20"})).status_code == 403
    assert await clinics.story.pool.fetchval("SELECT count(*) FROM refill_visits") == 0


async def test_the_next_patient_inherits_nothing_and_neither_does_the_next_clinic(clinics: Clinics) -> None:
    await plan(clinics, "Ann", "book", 16)
    assert (await facts(clinics)).visit is not None
    await clinics.story.pool.execute("UPDATE devices SET clinic_id = $2 WHERE device_id = $1", PUMP, SOUTH)
    assert (await facts(clinics)).visit is None
    assert "booked by Ann" not in await page_of(clinics, "Eve")
    await clinics.story.pool.execute("UPDATE devices SET clinic_id = $2 WHERE device_id = $1", PUMP, NORTH)
    assert (await facts(clinics)).visit is not None
    await clinics.story.run_more([(60, "implant")])
    assert (await facts(clinics)).visit is None
    assert "Nothing is booked" in await page_of(clinics)
    assert (await plan(clinics, "Ann", "book", 30, follows="")).status_code == 303
    assert "booked by Ann" in await page_of(clinics)
    async with clinics.story.pool.acquire() as connection:  # a replay is told of this patient's alone
        replayed = await backtest_store.load_visits(connection, [PUMP], clinics.story.now)
    assert [each.kind for each in replayed[PUMP]] == [VisitKind.BOOKED]
    assert replayed[PUMP][0].on == date(2026, 4, 1)
    mistaken = "DELETE FROM implantations WHERE pump_id = $1 AND began_at > '-infinity'"
    await clinics.story.pool.execute(mistaken, PUMP)  # it was none: the first patient has their visit again
    found = (await facts(clinics)).visit
    assert found is not None
    assert found.on == date(2026, 3, 18)
    assert "Wed 18 Mar 2026 booked by Ann" in await page_of(clinics)


async def test_by_when_to_come_is_kept_for_the_order_and_gone_with_the_patient(clinics: Clinics) -> None:
    come_by = "SELECT come_by FROM pump_evaluations WHERE pump_id = $1"
    dates = refill_dates(await facts(clinics), POLICY, clinics.story.now)
    kept = await clinics.story.pool.fetchval(come_by, PUMP)
    assert dates.come_by is not None
    assert abs(kept - dates.come_by) < timedelta(hours=1)
    await clinics.story.run_more([(2000, "refill 38")])  # news: it does not wait for its turn
    assert await clinics.story.pool.fetchval(come_by, PUMP) > kept + 30 * DAY
    await clinics.story.run_more([(2060, "explant")])
    assert await clinics.story.pool.fetchval(come_by, PUMP) is None
    assert "0 pumps" in await page_of(clinics)


async def test_the_list_is_cut_into_pages_the_soonest_first_and_by_how_soon(clinics: Clinics) -> None:
    await clinics.story.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id) SELECT 'pump-' || n, 'pump', $1 "
        "FROM generate_series(100, 210) n",
        NORTH,
    )
    await clinics.story.pool.execute(
        "INSERT INTO pump_evaluations (pump_id, evaluated_at, come_by) SELECT 'pump-' || n, $1::timestamptz, "
        "$1::timestamptz + (311 - n) * interval '1 day' FROM generate_series(100, 210) n",
        clinics.story.now,
    )
    pages = [re.findall(r"pump-\w+ clinic-of", await page_of(clinics, "Ann", f"?page={page}")) for page in (1, 2, 3)]
    assert [len(each) for each in pages] == [50, 50, 12]
    assert pages[0][:2] == ["pump-north clinic-of", "pump-210 clinic-of"]
    assert pages[2][-1] == "pump-100 clinic-of"
    within = await page_of(clinics, "Ann", "?within=14")
    assert "0 pumps whose patients should come, or have a visit, within 14 days" in within
    await plan(clinics, "Ann", "book", 5)
    assert "1 pump whose patients should come" in await page_of(clinics, "Ann", "?within=14")
    other = await page_of(clinics, "Ann", f"?clinic_id={SOUTH}")
    assert "0 pumps" in other


async def test_a_calendar_of_the_clinic(clinics: Clinics) -> None:
    await plan(clinics, "Ann", "book", 16, at="10:30")
    key = WithKey(clinics.story.pool, lambda: clinics.story.now, "refills.read", clinic_id=NORTH)
    other = WithKey(clinics.story.pool, lambda: clinics.story.now, "on-call.read", clinic_id=NORTH)
    for who, auth in (("Vic", None), ("", key)):
        async with clinics.browser(who, auth) as browser:
            response = await browser.get(f"/refills/{NORTH}.ics")
            assert response.headers["content-type"].startswith("text/calendar")
            events = icalendar.Calendar.from_ical(response.content).walk("VEVENT")
            assert [str(each["SUMMARY"]) for each in events] == [f"Refill: {PUMP}", f"Refill by today: {PUMP}"]
            assert events[0].decoded("DTSTART").isoformat() == "2026-03-18T09:30:00+00:00"
            assert events[1].decoded("DTSTART") == date(2026, 3, 22)
            assert (await browser.get(f"/refills/{SOUTH}.ics")).status_code == 404
    async with clinics.browser("", other) as browser:
        assert (await browser.get(f"/refills/{NORTH}.ics")).status_code == 403
