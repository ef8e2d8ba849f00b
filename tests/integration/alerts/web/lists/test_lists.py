"""Lists of alerts, on the board and for programs: each alert is reached, and a filter shows what it says or nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.people.model import Role
from tests.alerts_pages import STALL, Site, client_for, person
from tests.alerts_world import Story
from tests.integration.alerts.web.lists.filled import fill, shown_in
from tests.integration.people.two_clinics import two_clinics
from tests.stack import Database

MOST_BYTES = 300_000


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    async with client_for(story) as client:
        yield Site(story, client)


async def listed(site: Site, **query: Any) -> list[UUID]:
    """The same by the board and by the API, which gives it in parts of seven."""
    page = await site.client.get("/", params=query)
    assert page.status_code == 200
    shown = shown_in(page)
    found: list[UUID] = []
    more: dict[str, Any] = {"limit": 7}
    while True:
        answer = (await site.client.get("/v1/alerts", params=query | more)).json()
        found += [UUID(each["alert_id"]) for each in answer["alerts"]]
        if answer["next_cursor"] is None:
            break
        more["cursor"] = answer["next_cursor"]
    assert found == shown
    assert answer["total"] == len(found)
    return shown


async def test_every_one_of_five_thousand_is_reached_and_a_page_stays_small(site: Site) -> None:
    await site.story.run_more([(1, STALL)])
    await fill(site.story, 5_000)
    ids = {row["alert_id"] for row in await site.story.pool.fetch("SELECT alert_id FROM alerts")}
    first = await site.client.get("/")
    assert "<strong>5,001</strong> waiting for somebody" in first.text
    assert "page 1 of 101" in first.text
    assert first.text.index("Motor stall") < first.text.index("Low reservoir", first.text.index('id="alerts"'))
    reached: list[UUID] = []
    for number in range(1, 102):
        page = await site.client.get("/", params={"page": number})
        assert len(page.content) < MOST_BYTES
        reached += shown_in(page)
    assert len(reached) == len(ids) == 5_001
    assert set(reached) == ids
    assert shown_in(await site.client.get("/", params={"page": 500})) == reached[-1:], "beyond the last is the last"


async def test_by_a_cursor_nothing_that_was_there_is_left_out_whatever_opens_meanwhile(site: Site) -> None:
    before = set(await fill(site.story, 30))
    found: set[UUID] = set()
    cursor: dict[str, Any] = {}
    number = 1000
    while True:
        answer = (await site.client.get("/v1/alerts", params={"limit": 4, "sort": "oldest", **cursor})).json()
        found |= {UUID(each["alert_id"]) for each in answer["alerts"]}
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
        await fill(site.story, 1, first=(number := number + 1))
    assert before <= found


async def test_each_filter_shows_what_it_says(site: Site) -> None:
    low = await fill(site.story, 3)
    high = await fill(site.story, 2, priority="high", rule="pump_alarm", title="Motor stall", first=10)
    taken = await fill(site.story, 2, state="acknowledged", by="Ann Keller", first=20)
    ended = await fill(site.story, 1, state="cleared", priority="high", first=30)
    closed = await fill(site.story, 4, state="closed", by="Bob Ott", explanation="It was 100% <fixed>_ ", first=40)
    assert await listed(site) == [*high, *low, *ended, *taken]
    assert await listed(site, state="active") == [*high, *low]
    assert await listed(site, state="acknowledged") == taken
    assert await listed(site, state="cleared") == ended
    assert await listed(site, state="all") == [*high, *low, *ended, *taken, *sorted(closed)]
    assert set(await listed(site, state="closed")) == set(closed)
    assert await listed(site, priority="high") == [*high, *ended]
    assert await listed(site, rule="pump_alarm") == high
    assert await listed(site, person="ann k") == taken
    assert set(await listed(site, person="OTT", state="all")) == set(closed)
    assert await listed(site, text="STALL pump-x00011") == high[1:]
    assert await listed(site, text="pump-x00011 reservoir") == []
    assert set(await listed(site, text="100% <fixed>_", state="closed")) == set(closed)
    assert await listed(site, text="100_", state="closed") == []
    assert await listed(site, clinic_id=site.story.clinic_id, priority="high", state="active") == high


async def test_orders(site: Site) -> None:
    ids = await fill(site.story, 9)
    high = await fill(site.story, 1, priority="high", first=5, rule="pump_alarm")
    assert await listed(site) == [*high, *ids]
    assert await listed(site, sort="newest") == [*ids[:4], *sorted([ids[4], *high]), *ids[5:]]
    assert await listed(site, sort="oldest") == [*ids[:4:-1], *sorted([ids[4], *high]), *ids[3::-1]]
    assert await listed(site, sort="pump") == [*ids[:4], *high, *ids[4:]]


async def test_headings_name_pumps_or_kinds_and_the_most_urgent_comes_first(site: Site) -> None:
    await fill(site.story, 2)
    await fill(site.story, 1, priority="high", rule="pump_alarm", title="Motor stall", first=2)
    page = (await site.client.get("/", params={"group": "pump"})).text
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", page) == ["pump-x00002", "pump-x00001"]
    assert page.index("Motor stall") < page.index("pump-x00001</h2>")
    page = (await site.client.get("/", params={"group": "rule"})).text
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", page) == ["Pump alarm", "Low reservoir"]


async def test_a_filter_that_leaves_out_a_high_alert_says_so(site: Site) -> None:
    await fill(site.story, 1, priority="high")
    await fill(site.story, 1, first=2)
    page = (await site.client.get("/", params={"priority": "medium"})).text
    assert "1 high alert waiting</a> that this filter leaves out." in page
    nothing = (await site.client.get("/", params={"text": "zebra"})).text
    assert "No alert matches this filter." in nothing
    assert "1 high alert waiting" in nothing
    for query in ({}, {"sort": "oldest"}, {"priority": "high"}, {"state": "all"}):
        assert "leaves out" not in (await site.client.get("/", params=query)).text, query


async def test_a_clinic_that_is_not_there_and_one_that_one_may_not_see_are_refused_alike(database: Database) -> None:
    two = await two_clinics(database)
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    async with client_for(two.north, auth=nora) as client:
        answers = []
        for clinic in (two.south.clinic_id, "clinic-of-nobody-xxx"[: len(two.south.clinic_id)]):
            for path in ("/", "/v1/alerts", "/live"):
                answer = await client.get(path, params={"clinic_id": clinic})
                assert answer.status_code == 404
                assert "No open alerts" not in answer.text
                answers.append(re.sub(r"<time .*?</time>|data-read-at=\S+", "", answer.text).replace(clinic, "X"))
                assert f"expected one of {two.north.clinic_id}" in answer.text
        assert answers[:3] == answers[3:]
        german = await client.get("/", params={"clinic_id": "west"}, headers={"Accept-Language": "de"})
        assert (
            f"Es gibt keine Klinik &#39;west&#39;, die Sie sehen dürfen: erwartet wird eine von {two.north.clinic_id}"
            in german.text
        )
        own = await client.get("/", params={"clinic_id": two.north.clinic_id})
        assert "1 pump watched" in own.text


async def test_the_number_of_pumps_follows_the_filter(database: Database) -> None:
    two = await two_clinics(database)
    async with client_for(two.north) as client:  # of both
        assert "2 pumps watched" in (await client.get("/")).text
        page = (await client.get("/", params={"clinic_id": two.south.clinic_id})).text
        assert "1 pump watched" in page
        assert f"Alerts of {two.south.clinic_id}" in page
        assert "<strong>pump-north</strong>" not in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("priority=hihg", "expected one of high, medium, low, info"),
        ("state=over", "expected one of open, active, acknowledged, cleared, closed, all"),
        ("rule=stall", "expected one of pump_alarm"),
        ("page=0", "expected a number from 1 on"),
        ("nonsense=1", "expected one of clinic_id, state, priority"),
        ("state=open&state=closed", "expected it once"),
    ],
)
async def test_what_a_filter_does_not_know_is_refused_with_what_it_does(site: Site, query: str, said: str) -> None:
    for path in ("/", "/live"):
        answer = await site.client.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert said in answer.text
        assert "No open alerts" not in answer.text


@pytest.mark.parametrize(
    "query", ["priority=hihg", "rule=stall", "sort=x", "nonsense=1", "page=2", "cursor=x", "text=" + "x" * 81]
)
async def test_for_programs_too(site: Site, query: str) -> None:
    answer: httpx.Response = await site.client.get(f"/v1/alerts?{query}")
    assert answer.status_code == 422
    assert re.search("expected|should", answer.text, re.IGNORECASE)


async def test_the_way_back_from_a_button_is_the_same_list(site: Site) -> None:
    await fill(site.story, 60)
    await site.story.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id) SELECT pump_id, 'pump', clinic_id FROM alerts"
    )
    page = (await site.client.get("/", params={"priority": "medium", "page": 2})).text
    assert '<input type="hidden" name="list" value="priority=medium&amp;page=2">' in page
    alert = shown_in(await site.client.get("/", params={"page": 2}))[0]
    answer = await site.client.post(f"/alerts/{alert}/acknowledge", data={"list": "priority=medium&page=2"})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/?priority=medium&page=2"
    elsewhere = await site.client.post(f"/alerts/{alert}/acknowledge", data={"list": "//elsewhere.example/"})
    assert elsewhere.headers["location"] == "/"
