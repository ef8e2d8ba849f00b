"""Open pages over HTTP: who is told what, for how long, and that it costs nobody a place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from services.alerts.web.allowed import RightsChanged
from services.alerts.web.api import create_app
from services.alerts.web.board.list_views import read_board
from services.alerts.web.dependencies import Web
from services.alerts.web.lists.asked import Asked
from services.alerts.web.live.open_pages import OpenPages
from services.devstack.ports import free_port
from services.people.caller import Caller
from services.people.model import Actor, Role
from services.texts.model import ENGLISH
from tests.alerts_pages import STALL, client_for, web_of_story
from tests.alerts_world import Story
from tests.integration.alerts.web.lists.filled import fill
from tests.integration.people.two_clinics import two_clinics
from tests.servers.served import served
from tests.signed_in import SignedIn, make_key
from tests.stack import Database, eventually

MOST_BYTES = 5_000


@dataclass
class Site:
    """A board with 5,000 open alerts that listens on a port."""

    story: Story
    web: Web
    url: str

    def browser(self, name: str = "Ann", role: Role = Role.RESPONDER) -> httpx.AsyncClient:
        auth = SignedIn(self.story.pool, lambda: self.story.now, name, role=role, clinic_id=self.story.clinic_id)
        return httpx.AsyncClient(base_url=self.url, auth=auth, timeout=20)


@asynccontextmanager
async def running(story: Story, **more: Any) -> AsyncIterator[Site]:
    web = replace(web_of_story(story), **more)
    port = free_port()
    async with served(create_app(web), port):
        yield Site(story, web, f"http://127.0.0.1:{port}")


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    async with running(story) as found:
        yield found


class Stream:
    """What comes of one stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, *kinds: str) -> tuple[str, dict[str, Any], int]:
        """The next event of one of these kinds (or of any): what it is, what it says, and its size."""
        async with asyncio.timeout(20):
            while True:
                fields: dict[str, str] = {}
                size = 0
                while line := await anext(self._lines):
                    size += len(line.encode()) + 1
                    name, _, value = line.partition(": ")
                    fields[name] = value
                if not kinds or fields["event"] in kinds:
                    return fields["event"], json.loads(fields["data"]), size


@asynccontextmanager
async def opened(client: httpx.AsyncClient, path: str = "/live") -> AsyncIterator[Stream]:
    async with client.stream("GET", path) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-store"
        yield Stream(response)


async def version_of(client: httpx.AsyncClient, path: str = "/") -> str:
    page = (await client.get(path)).text
    return page.partition('data-version="')[2].partition('"')[0]


async def test_among_five_thousand_an_update_is_small_and_says_what_is_new(site: Site) -> None:
    await fill(site.story, 5_000)
    async with site.browser() as ann, opened(ann, f"/live?have={await version_of(ann)}") as stream:
        assert (await stream.next())[0] == "same"
        await site.story.run_more([(1, STALL)])
        _, said, size = await stream.next("change")
        assert size < MOST_BYTES
        assert [each["words"] for each in said["news"]] == [f"Motor stall, {site.story.pump_id}"]
        assert said["title"] == "(5001) Alerts"
        assert said["put"][0]["after"] is None
        assert "Motor stall" in said["put"][0]["html"]
        assert 'name="csrf" value="' in said["put"][0]["html"]
        assert "<form-token>" not in json.dumps(said)
        assert len(said["gone"]) == 1, "the page has as many as before"
        await site.story.run_more([(2, "ack Bob")])
        _, said, size = await stream.next("change")
        assert size < MOST_BYTES
        assert "5,000" in said["regions"]["summary"]


async def test_a_version_that_nobody_knows_is_to_be_read_again(site: Site) -> None:
    async with site.browser() as ann:
        for path in ("/live", "/live?have=", "/live?have=forged"):
            async with opened(ann, path) as stream:
                assert (await stream.next())[0] == "again"
        version = await version_of(ann)
        async with opened(ann, f"/live?state=closed&have={version}") as stream:
            assert (await stream.next())[0] == "again", "it is of another list"


async def test_each_is_told_of_their_own_clinics_alone(database: Database) -> None:
    two = await two_clinics(database)
    async with (
        running(two.north) as site,
        site.browser("Nora") as nora,
        opened(nora, f"/live?have={await version_of(nora)}") as stream,
    ):
        await stream.next()
        await two.south.run_more([(20, "alarm memory_error raised")])
        await two.north.run_more([(21, "alarm memory_error raised")])
        _, said, _ = await stream.next("change")
        assert "south" not in json.dumps(said)
        assert "north" in json.dumps(said)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE sessions SET ended_at = now()", {"signed_out"}),
        ("UPDATE persons SET disabled_at = now()", {"signed_out", "rights"}),  # as is seen first
        ("UPDATE person_roles SET role = 'viewer'", {"rights"}),
        ("DELETE FROM person_roles", {"rights"}),
    ],
)
async def test_it_ends_with_the_session_and_with_the_rights(site: Site, statement: str, why: set[str]) -> None:
    await site.story.run_more([(0, STALL)])
    alert_id = await site.story.pool.fetchval("SELECT alert_id FROM alerts")
    async with site.browser() as ann, opened(ann) as board, opened(ann, f"/alerts/{alert_id}/live") as alert:
        await site.story.pool.execute(statement)
        for stream in (board, alert):
            assert (await stream.next("end"))[1]["why"] in why
            with pytest.raises(StopAsyncIteration):
                await stream.next()
    await eventually(lambda: len(site.web.open_pages.seats) == 0)


async def test_who_may_do_less_is_offered_less(site: Site) -> None:
    async with site.browser("Vic", Role.VIEWER) as vic, opened(vic, f"/live?have={await version_of(vic)}") as stream:
        await site.story.run_more([(0, STALL)])
        _, said, _ = await stream.next("change")
        assert "Motor stall" in said["put"][0]["html"]
        assert "<form" not in json.dumps(said)


async def test_who_was_told_of_a_pump_has_read_it(site: Site) -> None:
    async with site.browser() as ann, opened(ann, f"/live?have={await version_of(ann)}") as stream:
        await site.story.run_more([(0, STALL)])
        await stream.next("change")

        async def is_noted() -> bool:
            found = "SELECT count(*) FROM access_log WHERE kind = 'read' AND detail ->> 'name' = 'Ann'"
            return bool(await site.story.pool.fetchval(found))

        await eventually(is_noted)


async def test_streams_wait_without_a_connection_of_the_database(site: Site) -> None:
    await site.story.run_more([(0, STALL)])
    size, streams = site.web.pool.get_max_size(), []
    async with AsyncExitStack() as stack:
        for number in range(size * 3):
            person = await stack.enter_async_context(site.browser(f"Ann {number}"))
            streams.append(await stack.enter_async_context(opened(person)))
            await streams[-1].next()
        assert len(site.web.open_pages.seats) == size * 3

        async def are_idle() -> bool:
            return site.web.pool.get_idle_size() == site.web.pool.get_size()

        await eventually(are_idle)
        async with asyncio.timeout(10):
            held = [await site.web.pool.acquire() for _ in range(size)]
        for each in held:
            await site.web.pool.release(each)
    await eventually(lambda: len(site.web.open_pages.seats) == 0, what="who leaves gives the place back")


async def test_there_is_a_bound_and_what_is_refused_says_when_to_come_again(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    async with running(story, open_pages=OpenPages(most=2)) as site, AsyncExitStack() as stack:
        for name in ("Ann", "Bob"):
            await stack.enter_async_context(opened(await stack.enter_async_context(site.browser(name))))
        cleo = await stack.enter_async_context(site.browser("Cleo"))
        refused = await cleo.get("/live")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert (await cleo.get("/")).status_code == 200


async def test_programs_and_strangers_have_none(site: Site) -> None:
    key = await make_key(site.story.pool, ["alerts.read"], site.story.now)
    async with client_for(site.story, auth=None) as client:
        answer = await client.get("/live", headers={"Authorization": f"Bearer {key}"})
        said = "expected a person who is signed in: programs ask /v1/alerts"
        assert (answer.status_code, answer.json()["detail"]) == (403, said)
        assert (await client.get("/live")).headers["location"] == "/sign-in?back=/live"


async def test_what_is_done_on_the_board_is_told_to_others_at_once(site: Site) -> None:
    await site.story.run_more([(0, STALL)])
    alert_id = await site.story.pool.fetchval("SELECT alert_id FROM alerts")
    async with (
        site.browser() as ann,
        site.browser("Bob") as bob,
        opened(bob, f"/live?have={await version_of(bob)}") as stream,
    ):
        await stream.next()
        assert (await ann.post(f"/alerts/{alert_id}/acknowledge")).status_code == 303
        assert "Acknowledged by <strong>Ann</strong>" in json.dumps((await stream.next("change"))[1])


async def test_what_is_read_in_the_name_of_somebody_who_lost_their_rights_is_shown_to_nobody(site: Site) -> None:
    """One reading serves all who see the same: read as Ann, who sees nothing any more, the ward would look calm."""
    await site.story.run_more([(0, STALL)])
    async with site.browser() as ann, site.browser("Bob") as bob:
        await bob.get("/")
        person = await site.story.pool.fetchval("SELECT person_id FROM persons WHERE name = 'Bob'")
        roles = {site.story.clinic_id: Role.RESPONDER}
        await ann.get("/")
        lost = await site.story.pool.fetchval(
            "DELETE FROM person_roles r USING persons p WHERE p.person_id = r.person_id AND p.name = 'Ann'"
            " RETURNING p.person_id"
        )
        with pytest.raises(RightsChanged):
            await read_board(site.web, Caller(Actor(f"person:{lost}", "Ann"), roles, lost), Asked(), ENGLISH)
        shown = await read_board(site.web, Caller(Actor(f"person:{person}", "Bob"), roles, person), Asked(), ENGLISH)
        assert shown.glance.total == 1


async def test_nobody_is_told_less_because_another_with_the_same_role_lost_theirs(site: Site) -> None:
    await site.story.run_more([(0, STALL)])
    async with (
        site.browser() as ann,
        site.browser("Bob") as bob,
        opened(ann, f"/live?have={await version_of(ann)}") as hers,
        opened(bob, f"/live?have={await version_of(bob)}") as his,
    ):
        await his.next()
        await site.story.pool.execute(
            "DELETE FROM person_roles r USING persons p WHERE p.person_id = r.person_id AND p.name = 'Ann'"
        )
        await site.story.run_more([(1, "alarm memory_error raised")])
        while "emory" not in (said := json.dumps((await his.next("change", "same"))[1])):
            assert "No open alerts" not in said
        assert (await hers.next("end"))[1] == {"why": "rights"}
