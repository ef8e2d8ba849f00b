"""Whatever is sent to the board and the API: it is answered, never with 500, and each answer is guarded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.alerts.policy_files.folder import PolicyFolder
from services.devstack.ports import free_port
from services.runtime.database import open_pool
from tests.alerts_pages import STALL, Site, client_for, person, worker_client_for
from tests.alerts_world import Story
from tests.signed_in import make_key
from tests.stack import Database

NOBODY = UUID(int=1)
GUARDS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    async with client_for(story, raise_app_exceptions=False) as client:
        yield Site(story, client)


def is_guarded(answer: httpx.Response) -> bool:
    return all(name in answer.headers for name in GUARDS)


async def test_a_body_of_more_than_a_megabyte_is_413_and_is_not_read(site: Site) -> None:
    read = 0

    async def endless(first: bytes) -> AsyncIterator[bytes]:
        nonlocal read
        yield first
        while True:
            read += 65_536
            yield b" " * 65_536

    for path, kind in (
        (f"/v1/alerts/{NOBODY}/acknowledge", "application/json"),
        ("/v1/silences", "application/json"),
        (f"/alerts/{NOBODY}/acknowledge", "application/x-www-form-urlencoded"),
        (f"/alerts/{NOBODY}/silence", "multipart/form-data; boundary=x"),
    ):
        first = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' if "form-data" in kind else b""
        )
        read = 0
        chunked = await site.client.post(path, content=endless(first), headers={"Content-Type": kind})
        assert (chunked.status_code, read <= 1_200_000, is_guarded(chunked)) == (413, True, True), (path, kind)
        read = 0
        headers = {"Content-Type": kind, "Content-Length": "1000001"}
        told = await site.client.post(path, content=endless(first), headers=headers)
        assert (told.status_code, read, is_guarded(told)) == (413, 0, True), (path, kind)
    most = b'{"note": "n"' + b" " * 999_000 + b"}"
    assert (await site.client.post(f"/v1/alerts/{NOBODY}/remarks", content=most, headers=JSON)).status_code == 422
    assert (await site.client.post(f"/v1/alerts/{NOBODY}/resolve", content=most, headers=JSON)).status_code == 404


async def test_an_origin_that_is_no_address_is_another_site(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    for origin in (b"http://[", b"http://]", b"http://[x]", b"[", b"", b"\x80"):
        for path in (f"/alerts/{alert_id}/acknowledge", f"/v1/alerts/{alert_id}/acknowledge"):
            answer = await site.client.post(path, headers={b"Origin": origin}, json={})
            assert (answer.status_code, is_guarded(answer)) == (403, True), origin
    assert (await site.alert())["state"] == "active"


MOMENTS = [
    '"9999-12-31T23:59:59-23:59"',
    '"0001-01-01T00:00:00+23:59"',
    '"9999-12-31T23:59:59Z"',
    '"1999-12-31T23:59:59Z"',
    "NaN",
    "1e999",
    "-1e999",
    "1e300",
    "9" * 5000,
    '"\\u0000"',
]


async def test_a_moment_that_no_clock_shows_is_refused(site: Site) -> None:
    await site.story.run([(0, STALL)])
    rest = {"reason": "r", "clinic_id": site.story.clinic_id, "pump_id": site.story.pump_id}
    for field, other in (("begins_at", "ends_at"), ("ends_at", "begins_at")):
        for moment in MOMENTS:
            body = json.dumps(rest | {other: "2026-03-02T10:00:00Z"})[:-1] + f', "{field}": {moment}}}'
            answer = await site.client.post("/v1/silences", content=body.encode(), headers=JSON)
            assert (answer.status_code in (400, 422), is_guarded(answer)) == (True, True), answer.text
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


async def test_a_number_that_is_none_is_refused_in_forms_and_addresses(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    typed = {"reason": "r", "hours": "1", "includes_high": "1"}
    for number in ("NaN", "1e999", "-1", "9" * 5000, "1\0", "\x1b"):
        for field in ("hours", "begins_in_hours"):
            answer = await site.client.post(f"/alerts/{alert_id}/silence", data=typed | {field: number})
            assert (answer.status_code, is_guarded(answer)) == (422, True), (field, number)
        for field in ("limit", "state"):
            answer = await site.client.get("/v1/alerts", params={field: number})
            assert (answer.status_code, is_guarded(answer)) == (422, True), (field, number)
    for moment in MOMENTS:
        path = f"/alerts/{alert_id}/silence"
        shown = await site.client.post(path, data=typed | {"shown_at": moment.strip('"')})
        assert shown.status_code == 200, moment  # no preview of that moment was seen: it is shown again
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


async def test_a_control_character_in_an_address_is_refused(site: Site) -> None:
    paths = ["/{}", "/alerts/{}", "/static/{}", "/v1/alerts/{}", "/v1/{}", "/?clinic_id={}", "/?{}=x"]
    paths += ["/v1/alerts?state={}", "/v1/alerts?clinic_id={}&limit=1", "/livez?{}", f"/alerts/{NOBODY}?{{}}"]
    for text in ("%00", "a%00b", "%1b[31m", "%0d%0aX-Y:z", "%c2%85", "%e2%80%a8"):
        for path in paths:
            answer = await site.client.get(path.format(text))
            assert (answer.status_code, is_guarded(answer)) == (422, True), (path, text)


async def test_who_guesses_is_not_looked_at_and_locks_out_nobody_who_works_there(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    key = await make_key(story.pool, ["alerts.read"], story.now)
    async with client_for(story, auth=None) as stranger:
        assert (await stranger.get("/v1/alerts")).status_code == 401  # no guess
        for number in range(20):
            path = ("/", "/v1/silences", "/v1/alerts")[number % 3]
            answer = await stranger.get(path, headers={"Authorization": f"Bearer pwk_{'a' * 12}_{number:043}"})
            assert answer.status_code in (303, 401)
        locked = await stranger.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})
        assert (locked.status_code, is_guarded(locked)) == (429, True)
        assert 0 < int(locked.headers["retry-after"]) <= 60
        assert (await stranger.get("/v1/alerts", auth=person(story))).status_code == 200  # a session is no guess
    async with client_for(story, auth=None) as ward:
        assert (await ward.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})).status_code == 200
        for number in range(40):
            guess = {"Authorization": f"Bearer guess {number}"}
            assert (await ward.get("/v1/alerts", headers=guess)).status_code == 401
        assert (await ward.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_every_error_carries_the_security_headers(site: Site) -> None:
    answers = [
        await site.client.get("/nothing"),
        await site.client.get("/static/nothing"),
        await site.client.get(f"/v1/alerts/{NOBODY}"),
        await site.client.delete("/v1/alerts"),
        await site.client.post(f"/v1/alerts/{NOBODY}/acknowledge", content=b"{", headers=JSON),
        await site.client.get("/?clinic_id=%00"),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404, 405, 422, 422]
    await site.story.pool.execute(
        "ALTER VIEW web.alerts RENAME COLUMN title TO hidden"
    )  # a fault of ours: no other way
    answers += [await site.client.get("/"), await site.client.get("/v1/alerts")]
    assert [each.status_code for each in answers[-2:]] == [500, 500]
    assert all(is_guarded(each) for each in answers)
    async with client_for(site.story, auth=None) as nobody:
        for path, status_code in (("/", 303), ("/v1/alerts", 401), ("/sign-in", 200), ("/set-up?code=x", 404)):
            answer = await nobody.get(path)
            assert (answer.status_code, is_guarded(answer)) == (status_code, True)


async def test_readiness_names_nothing_to_strangers_and_everything_with_the_token(
    database: Database, tmp_path: Path
) -> None:
    story = Story(database.pool, database.dsn)
    (tmp_path / "north.yaml").write_text("clinic_id: [")
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    await database.pool.execute("DELETE FROM schema_migrations WHERE version = 5")
    async with worker_client_for(story, folder=folder, api_token="s3cret") as client:
        told = await client.get("/readyz")
        assert told.status_code == 503
        assert told.json()["missing"] == [
            "migrations: not all are applied; run `pumpwatch migrate`",
            "policy: in 1 place nobody can be told",
        ]
        for secret in ("north", str(tmp_path), "0005"):
            assert secret not in told.text
        for wrong in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic"}):
            assert (await client.get("/readyz", headers=wrong)).json() == told.json()
        for right in ({"headers": {"Authorization": "Bearer s3cret"}}, {"auth": ("Ann", "s3cret")}):
            everything = await client.get("/readyz", **right)
            assert everything.status_code == 503
            assert "north.yaml" in everything.text
            assert "0005_alerts" in everything.text
    port = free_port()
    pool = await open_pool(f"postgresql://somebody@127.0.0.1:{port}/nothing", application_name="test")
    nowhere = Story(pool, "postgresql://localhost/x")
    for served in (
        client_for(nowhere, auth=None, worker_token="s3cret"),
        worker_client_for(nowhere, api_token="s3cret"),
    ):
        async with served as client:
            told = await client.get("/readyz")
            assert (told.status_code, told.json()["missing"][0]) == (503, "database: the database cannot be reached")
            for secret in ("127.0.0.1", str(port), "somebody"):
                assert secret not in told.text
            assert str(port) in (await client.get("/readyz", headers={"Authorization": "Bearer s3cret"})).text
    await pool.close()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
ODD = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["\0", "\ud800", "NaN", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1e999", "🫀"]),
    st.floats(),
    st.integers(),
    st.none(),
    st.booleans(),
    st.datetimes().map(lambda at: at.isoformat() + "-23:59"),
)
FIELDS = ("by", "note", "text", "reason", "clinic_id", "pump_id", "rule", "kind", "begins_at", "ends_at", "hours",
          "begins_in_hours", "scope", "includes_high", "shown_at", "step", "back", "sure", "limit")  # fmt: skip
PATHS = ("/", "/v1/alerts", "/v1/silences", "/v1/alerts/{}", "/v1/alerts/{}/acknowledge", "/v1/alerts/{}/remarks",
         "/v1/alerts/{}/resolve", "/v1/alerts/{}/accept", "/v1/silences/{}/end", "/alerts/{}", "/alerts/{}/silence",
         "/alerts/{}/acknowledge", "/alerts/{}/remark", "/alerts/{}/resolve", "/alerts/{}/accept", "/silences/{}/end",
         "/static/{}", "/openapi.json", "/livez", "/readyz", "/metrics", "/{}")  # fmt: skip
USUAL = {
    "note": "n",
    "text": "t",
    "reason": "r",
    "ends_at": "2026-03-02T10:00:00Z",
    "hours": "1",
    "includes_high": True,
}
BODIES = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=5)), ODD, max_size=8),
    st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)),
    st.integers(1, 30_000).map(lambda depth: b"[" * depth),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Origin", "Host", "Authorization", "Content-Type", "Sec-Fetch-Site", "Cookie", "Range", "Accept"]),
    st.one_of(
        st.sampled_from(
            ["http://[", "[", "multipart/form-data", "multipart/form-data; boundary=x; charset=nope", "Basic AA==",
             "Basic /w==", "application/json; charset=utf-16", "text/plain", "bytes=-1-", "bytes=9-1", "127.0.0.1:x"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20),
    ),
    max_size=3,
)  # fmt: skip


def written(body: Any, how: str) -> dict[str, Any]:
    """A body as a request carries it."""
    if isinstance(body, bytes):
        return {"content": body, "headers": JSON if how == "json" else {"Content-Type": how}}
    if how == "json" or not isinstance(body, dict):
        usual = body if not isinstance(body, dict) else USUAL | body
        return {"content": json.dumps(usual).encode(), "headers": JSON}
    fields = {name.encode("utf-8", "replace").decode(): str(value) for name, value in (USUAL | body).items()}
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    if how.startswith("multipart"):
        return {"files": {name: (None, value) for name, value in fields.items() if name} or {"x": (None, "y")}}
    return {"data": fields}


async def test_no_request_is_answered_with_500(site: Site) -> None:
    """Bodies, forms, addresses and headers of every kind, against an alert that is there and one that is not."""
    await site.story.run([(0, STALL)])
    await site.story.new_worker().heartbeat_once()  # without a worker the board is not ready, and says so by 503
    alert_id = (await site.alert())["alert_id"]
    assert (await site.client.get("/readyz")).status_code == 200
    loop = asyncio.get_running_loop()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        method=st.sampled_from(["GET", "POST", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]),
        path=st.sampled_from(PATHS),
        name=st.one_of(st.sampled_from([alert_id, str(NOBODY)]), st.text(max_size=20)),
        query=st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=2),
        body=BODIES,
        how=st.sampled_from(["json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
        headers=HEADERS,
    )
    def ask(
        method: str, path: str, name: str, query: dict[str, str], body: Any, how: str, headers: dict[str, str]
    ) -> None:
        carried = written(body, how) if method != "GET" else {}
        carried["headers"] = carried.get("headers", {}) | {key: text.encode("latin-1") for key, text in headers.items()}
        url = path.format(quote(name.encode("utf-8", "surrogatepass"), safe=""))
        request = site.client.request(method, url, params=query, **carried)
        answer = asyncio.run_coroutine_threadsafe(request, loop).result(30)
        assert answer.status_code < 500, answer.text
        assert is_guarded(answer)

    await asyncio.to_thread(ask)
