"""Whatever the status: a person is answered with a page, a program with a problem, and neither is told more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from schemas.http.problems import Problem, ProblemType
from services.alerts.health.paged import PagedPast
from tests.alerts_pages import Site, client_for, without_the_database
from tests.alerts_world import Story
from tests.stack import Database

NOBODY = UUID(int=1)
PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}
ASKED: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "no such path": (404, "GET", "/nothing", {}),
    "no such path below the pages": (404, "GET", "/alerts/x/y/z", {}),
    "no such file": (404, "GET", "/static/nothing.css", {}),
    "no such path of links": (404, "GET", "/l/a/b", {}),
    "no such path of drills": (404, "GET", "/heard/a/b", {}),
    "another method": (405, "PUT", "/on-call", {}),
    "too large": (413, "POST", f"/alerts/{NOBODY}/acknowledge", {"Content-Length": "1000001"}),
    "a control character": (422, "GET", "/%00", {}),
    "from another site": (403, "POST", f"/alerts/{NOBODY}/acknowledge", {"Origin": "https://elsewhere.example"}),
}


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    async with client_for(story, raise_app_exceptions=False) as client:
        yield Site(story, client)


def is_page(answer: httpx.Response) -> bool:
    return answer.headers["content-type"] == "text/html; charset=utf-8" and 'href="/static/board.css"' in answer.text


def is_problem(answer: httpx.Response, status: int) -> bool:
    said = Problem.model_validate(answer.json())
    of_json = answer.headers["content-type"] == "application/problem+json"
    return of_json and answer.status_code == said.status == status == type_of_uri(said.type).status


def type_of_uri(uri: str) -> ProblemType:
    return next(each for each in ProblemType if each.uri == uri)


@pytest.mark.parametrize("what", ASKED)
async def test_people_are_answered_with_a_page_and_programs_with_json(site: Site, what: str) -> None:
    status, method, path, headers = ASKED[what]
    page = await site.client.request(method, path, headers=headers | PERSON)
    assert (page.status_code, is_page(page)) == (status, True)
    assert 'role="alert"' in page.text
    assert "No open alerts" not in page.text
    assert is_problem(await site.client.request(method, path, headers=headers | PROGRAM), status)


async def test_what_is_a_programs_is_json_whoever_asks(site: Site) -> None:
    for status, path in ((404, "/v1/nothing"), (422, "/v1/alerts?limit=0"), (404, f"/v1/alerts/{NOBODY}")):
        assert is_problem(await site.client.get(path, headers=PERSON), status)


async def test_a_method_that_is_not_taken_says_which_are(site: Site) -> None:
    assert (await site.client.put("/on-call", headers=PERSON)).headers["allow"] == "GET, HEAD"
    assert (await site.client.put("/v1/silences")).headers["allow"] == "GET, HEAD, POST"
    assert (await site.client.put("/static/board.css")).headers["allow"] == "GET, HEAD"
    assert (await site.client.put("/l/x")).headers["allow"] == "GET, HEAD, POST"


async def test_who_is_signed_in_no_more_is_told_so_on_a_page(site: Site) -> None:
    answer = await site.client.post(f"/alerts/{NOBODY}/acknowledge", headers=PERSON, auth=httpx.Auth())
    assert (answer.status_code, is_page(answer)) == (401, True)
    assert "nothing was done" in answer.text


class Broken:
    """A worker's answers that fail in a way that nobody thought of."""

    async def paged(self) -> tuple[PagedPast, ...]:
        raise LookupError("a fault of ours, with a secret in it")


async def test_a_fault_of_ours_is_a_page_and_says_nothing_of_itself(database: Database) -> None:
    async with without_the_database(Story(database.pool, database.dsn), workers=Broken()) as client:
        for headers in (PERSON, PROGRAM):
            answer = await client.get("/", headers=headers)
            assert (answer.status_code, is_page(answer)) == (500, headers is PERSON)
            assert "secret" not in answer.text


async def test_a_database_that_is_away_is_a_page(database: Database) -> None:
    async with without_the_database(Story(database.pool, database.dsn)) as client:
        page = await client.get("/", headers=PERSON)
        assert (page.status_code, is_page(page), page.headers["retry-after"]) == (503, True, "5")
        assert "The database cannot be reached. This says nothing about any pump." in page.text
