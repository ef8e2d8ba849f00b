"""What programs are answered: nothing is passed over, errors have one form, what has not changed is not sent again."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.openapi.build import web_description
from schemas.http.problems import Problem, ProblemType
from services.people.model import Role
from tests.alerts_pages import STALL, Site, client_for, person
from tests.alerts_world import Story
from tests.signed_in import WithKey
from tests.stack import Database

NOBODY = UUID(int=1)
READ = ("/v1/alerts", "/v1/silences", "/v1/pumps", "/v1/on-call", "/v1/alerts/{alert}", "/v1/pumps/{pump}")


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    async with client_for(story) as client:
        yield Site(story, client)


@pytest.fixture
async def paths(site: Site) -> tuple[str, ...]:
    """Everything that is read, of a story in which there is something of each."""
    await site.story.run([(0, "level 12.5"), (1, STALL)])
    ends = (site.story.now + timedelta(hours=1)).isoformat()
    silence = {"reason": "refill", "clinic_id": site.story.clinic_id, "ends_at": ends}
    assert (await site.client.post("/v1/silences", json=silence)).status_code == 201
    alert = (await site.alert())["alert_id"]
    return tuple(each.format(alert=alert, pump=site.story.pump_id) for each in READ)


def problem_of(answer: httpx.Response, kind: ProblemType) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = Problem.model_validate(answer.json())
    assert (said.type, said.status, answer.status_code, said.title) == (
        kind.uri,
        kind.status,
        kind.status,
        kind.heading,
    )
    assert said.detail
    for guard in ("content-security-policy", "x-content-type-options", "cache-control"):
        assert guard in answer.headers
    return said


async def test_an_unknown_parameter_is_refused_by_name_with_those_near_it(site: Site, paths: tuple[str, ...]) -> None:
    for path in (*paths, "/openapi.json"):
        said = problem_of(await site.client.get(path, params={"clinicid": "x"}), ProblemType.NOT_UNDERSTOOD)
        assert said.errors is not None
        assert (said.errors[0].parameter, "there is no parameter 'clinicid'" in said.detail) == ("clinicid", True)
        assert ("near it is 'clinic_id'" in said.detail) is ("{" not in path and path in READ[:4])
    for path in ("/v1/silences", f"/v1/alerts/{NOBODY}/resolve", f"/v1/silences/{NOBODY}/end"):
        said = problem_of(await site.client.post(path, params={"dry_run": "1"}, json={}), ProblemType.NOT_UNDERSTOOD)
        assert "expected none" in said.detail


async def test_a_parameter_that_stands_there_twice_is_refused(site: Site, paths: tuple[str, ...]) -> None:
    for path in paths[:4]:
        said = problem_of(await site.client.get(f"{path}?limit=1&limit=1"), ProblemType.NOT_UNDERSTOOD)
        assert said.detail == "limit stands in the address twice: expected it once"


async def test_what_is_wrong_with_a_body_is_pointed_at(site: Site) -> None:
    answer = await site.client.post(f"/v1/alerts/{NOBODY}/remarks", json={"texd": "x", "acted": "perhaps"})
    said = problem_of(answer, ProblemType.NOT_UNDERSTOOD)
    assert said.errors is not None
    assert {each.pointer for each in said.errors} == {"#/text", "#/texd", "#/acted"}
    assert all(each.detail for each in said.errors)
    broken = await site.client.post(
        f"/v1/alerts/{NOBODY}/remarks", content=b'{"text": ', headers={"Content-Type": "application/json"}
    )
    assert "expected JSON" in problem_of(broken, ProblemType.NOT_UNDERSTOOD).detail


@pytest.mark.parametrize("path", ["/v1/alerts", "/v1/silences", "/v1/pumps", "/v1/on-call"])
async def test_an_unknown_clinic_is_never_an_empty_list(site: Site, path: str) -> None:
    await site.story.run([(0, "status")])
    for auth in (person(site.story), WithKey(site.story.pool, lambda: site.story.now, "alerts.read", "on-call.read")):
        answer = await site.client.get(path, params={"clinic_id": "nowhere"}, auth=auth)
        said = problem_of(answer, ProblemType.UNKNOWN_CLINIC)
        assert said.detail.endswith(f"expected one of {site.story.clinic_id}")


async def test_what_has_not_changed_is_not_sent_again(site: Site, paths: tuple[str, ...]) -> None:
    for path in paths:
        first = await site.client.get(path)
        site.story.now += timedelta(seconds=1)
        again = await site.client.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"]), path
        assert "cache-control" in again.headers
        assert (await site.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    before = await site.client.get("/v1/alerts")
    await site.acknowledge((await site.alert())["alert_id"])
    after = await site.client.get("/v1/alerts", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["alerts"][0]["state"]) == (200, "acknowledged")


async def test_head_has_the_status_and_the_headers_of_get_and_no_body(site: Site, paths: tuple[str, ...]) -> None:
    pages = ("/", "/quality", "/static/board.css", "/livez", "/readyz", "/openapi.json", "/fhir/R4/metadata")
    missing = ("/v1/nothing", f"/v1/alerts/{NOBODY}", "/v1/alerts?limit=0")
    for path in (*paths, *pages, *missing):
        got, head = await site.client.get(path), await site.client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        usual = {name: value for name, value in got.headers.items() if name != "content-length"}
        assert {name: value for name, value in head.headers.items() if name != "content-length"} == usual, path
    for path in ("/live", f"/alerts/{NOBODY}/live"):
        assert (await site.client.head(path)).status_code == 405  # it has no end
    assert (await site.client.head("/v1/pumps/live")).status_code == 404


async def test_reading_by_head_or_unchanged_stands_in_the_audit_trail_too(site: Site) -> None:
    await site.story.run([(0, STALL)])
    etag = (await site.client.get("/v1/pumps")).headers["etag"]

    async def reads(name: str) -> int:
        query = "SELECT count(*) FROM access_log WHERE kind = 'read' AND detail->>'name' = $1"
        return int(await site.story.pool.fetchval(query, name))

    for name, method, headers in (("Bob", "HEAD", {}), ("Cleo", "GET", {"If-None-Match": etag})):
        auth = person(site.story, name)
        answer = await site.client.request(method, "/v1/pumps", headers=headers, auth=auth)
        assert answer.status_code in (200, 304)
        assert await reads(name) == 1


async def test_what_a_program_cannot_take_is_not_sent(site: Site) -> None:
    for path in ("/v1/alerts", "/v1/pumps"):
        for accept in ("text/html", "application/xml, text/*", "application/json;q=0"):
            problem_of(await site.client.get(path, headers={"Accept": accept}), ProblemType.NOT_ACCEPTABLE)


async def test_a_body_that_says_it_is_no_json_is_refused_and_does_nothing(site: Site) -> None:
    await site.story.run([(0, STALL)])
    path = f"/v1/alerts/{(await site.alert())['alert_id']}/acknowledge"
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {}):
        answer = await site.client.post(path, content=b'{"note": "n"}', headers=headers)
        problem_of(answer, ProblemType.NOT_JSON)
    assert (await site.alert())["state"] == "active"
    assert (await site.client.post(path)).status_code == 200  # nothing has to be said


async def test_what_is_wrong_with_a_value_is_said_in_no_librarys_words(site: Site) -> None:
    """Of every parameter and every field, as a policy and the wire say it (schemas/faults/expectations.py)."""
    odd: tuple[Any, ...] = (
        "x",
        "-1",
        "1.5",
        "9" * 5000,
        "2026-13-45",
        "",
        "a" * 2000,
        "\x07",
        None,
        [],
        {},
        5,
        True,
        ["\ud800"],
    )
    said: list[str] = []
    for path, methods in web_description()["paths"].items():
        for name in [each["name"] for each in methods.get("get", {}).get("parameters", []) if each["in"] == "query"]:
            for value in (each for each in odd if isinstance(each, str)):
                answer = await site.client.get(path.format(alert_id=NOBODY, pump_id="p"), params={name: value})
                said += details(answer)
    for path, field in (
        *(("/v1/silences", each) for each in ("reason", "clinic_id", "ends_at", "pump_id", "rule", "more")),
        *((f"/v1/alerts/{NOBODY}/acknowledge", each) for each in ("note", "more")),
        ("/v1/alerts/x/acknowledge", "note"),
    ):
        for value in odd:
            content = json.dumps({field: value}).encode()
            answer = await site.client.post(path, content=content, headers={"Content-Type": "application/json"})
            said += details(answer)
    assert len(said) > 100
    assert sorted({each for each in said if re.search("Input|should (be|have|match)|[Vv]alid |required", each)}) == []


def details(answer: httpx.Response) -> list[str]:
    """What a problem says of each value; of an answer that is none, nothing."""
    if answer.status_code != ProblemType.NOT_UNDERSTOOD.status:
        return []
    return [answer.json()["detail"], *(each["detail"] for each in answer.json().get("errors", []))]


async def test_each_way_in_which_nobody_may_do_it_has_a_problem_of_its_own(site: Site) -> None:
    await site.story.run([(0, STALL)])
    path = f"/v1/alerts/{(await site.alert())['alert_id']}/acknowledge"
    now = site.story.now

    async def post(auth: httpx.Auth | None, **headers: str) -> httpx.Response:
        return await site.client.post(path, json={}, headers=headers, auth=auth or httpx.Auth())

    nobody = await post(None)
    problem_of(nobody, ProblemType.NOT_SIGNED_IN)
    assert nobody.headers["www-authenticate"] == 'Bearer realm="Pumpwatch"'
    problem_of(await post(person(site.story, "Vic", role=Role.VIEWER)), ProblemType.NOT_ALLOWED)
    problem_of(await post(WithKey(site.story.pool, lambda: now, "alerts.read")), ProblemType.NOT_ALLOWED)
    problem_of(await post(WithKey(site.story.pool, lambda: now, "system/*.rs")), ProblemType.NOT_ALLOWED)
    problem_of(await post(person(site.story), Origin="https://elsewhere.example"), ProblemType.FROM_ANOTHER_SITE)
    session = {"Cookie": f"__Host-pumpwatch={await person(site.story).token()}"}
    problem_of(await post(None, **session), ProblemType.NO_FORM_TOKEN)
    assert (await post(person(site.story, "Bob"))).status_code == 200
    problem_of(await post(person(site.story, "Ann")), ProblemType.CANNOT_BE_DONE)


async def test_who_guesses_keys_is_told_how_long_to_wait(site: Site) -> None:
    for number in range(20):
        headers = {"Authorization": f"Bearer pwk_{'a' * 12}_{number:043}"}
        problem_of(await site.client.get("/v1/pumps", headers=headers, auth=httpx.Auth()), ProblemType.NOT_SIGNED_IN)
    locked = await site.client.get("/v1/pumps", headers=headers, auth=httpx.Auth())
    problem_of(locked, ProblemType.TOO_MANY_WRONG_KEYS)
    assert int(locked.headers["retry-after"]) > 0


async def test_what_is_not_there_and_what_takes_another_method(site: Site) -> None:
    problem_of(await site.client.get("/v1/nothing"), ProblemType.NO_SUCH_PATH)
    problem_of(await site.client.get(f"/v1/alerts/{NOBODY}"), ProblemType.NOT_THERE)
    problem_of(await site.client.get("/v1/pumps/nobody"), ProblemType.NOT_THERE)
    for path, allowed in (("/v1/silences", "GET, HEAD, POST"), (f"/v1/alerts/{NOBODY}/accept", "POST")):
        answer = await site.client.delete(path)
        problem_of(answer, ProblemType.WRONG_METHOD)
        assert answer.headers["allow"] == allowed
    large = await site.client.post("/v1/silences", content=b" ", headers={"Content-Length": "1000001"})
    problem_of(large, ProblemType.TOO_LARGE)


async def test_the_description_that_is_served_is_the_one_that_is_published(site: Site) -> None:
    served: dict[str, Any] = (await site.client.get("/openapi.json")).json()
    assert served == web_description()
