"""The pages by which people sign in, and what is tried against them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest

from services.alerts.web.identity.browser import FIELD, HEADER, csrf_of
from services.people.accounts import changes
from services.people.model import Actor, Role
from services.runtime.database import open_pool
from tests.alerts_pages import STALL, client_for, person
from tests.alerts_world import Story
from tests.signed_in import WithKey, make_person, make_session
from tests.stack import Database

PASSWORD = "rain on the quay"  # noqa: S105
COOKIE = "__Host-pumpwatch"
NOBODY = UUID(int=1)


@pytest.fixture
async def story(database: Database) -> Story:
    story = Story(database.pool, database.dsn)
    await story.run([(0, STALL)])
    return story


@pytest.fixture
async def browser(story: Story) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with; its cookies are kept as it keeps them."""
    async with client_for(story, auth=None) as client:
        client.base_url = httpx.URL("https://pw.example.org")
        yield client


async def invited(story: Story, name: str = "ann") -> str:
    async with story.pool.acquire() as connection:
        made = await changes.add(
            connection, name, "Ann Example", {story.clinic_id: Role.RESPONDER},
            is_operator=False, by=Actor("login:root", "root"), now=story.now,
        )  # fmt: skip
    return made.code


def form_of(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of the first form in a page's main part."""
    main = page.text.partition("<main")[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', main))


async def sign_in(
    browser: httpx.AsyncClient, password: str = PASSWORD, name: str = "ann", **more: str
) -> httpx.Response:
    shown = await browser.get("/sign-in", params=more)
    return await browser.post("/sign-in", data=form_of(shown) | {"name": name, "password": password})


async def ann(browser: httpx.AsyncClient, story: Story) -> None:
    """Ann has an account, and nobody is signed in."""
    code = await invited(story)
    shown = await browser.get("/set-up", params={"code": code})
    chosen = await browser.post("/set-up", data=form_of(shown) | {"password": PASSWORD, "again": PASSWORD})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    browser.cookies.clear()


async def test_a_person_chooses_a_password_signs_in_acts_and_signs_out(browser, story):
    code = await invited(story)
    for _ in range(2):  # to look at it, as a scanner of links does, uses nothing up
        shown = await browser.get("/set-up", params={"code": code})
        assert "Welcome, Ann Example" in shown.text
    short = await browser.post("/set-up", data=form_of(shown) | {"password": "short", "again": "short"})
    assert (short.status_code, "at least 12 characters" in short.text) == (422, True)
    two = await browser.post("/set-up", data=form_of(shown) | {"password": PASSWORD, "again": "rain in the quay"})
    assert (two.status_code, "not the same" in two.text) == (422, True)
    chosen = await browser.post("/set-up", data=form_of(shown) | {"password": PASSWORD, "again": PASSWORD})
    assert chosen.status_code == 303
    board = await browser.get("/")
    assert "Motor stall" in board.text
    signed_out = await browser.post("/sign-out", data={FIELD: csrf_of(browser.cookies[COOKIE])})
    assert (signed_out.status_code, signed_out.headers["location"]) == (303, "/sign-in")
    assert (await browser.get("/")).headers["location"] == "/sign-in"
    again = await sign_in(browser, back="/account")
    assert (again.status_code, again.headers["location"]) == (303, "/account")
    assert "responder in" in (await browser.get("/account")).text
    used = await browser.get("/set-up", params={"code": code})
    assert (used.status_code, "good no more" in used.text) == (404, True)


async def test_the_cookie_is_for_this_host_and_tls_only_and_no_script_sees_it(browser, story):
    await ann(browser, story)
    answer = await sign_in(browser)
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{COOKIE}=")]
    assert cookie.partition("=")[2].partition(";")[0] != ""
    parts = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert parts == {"httponly", "path=/", "samesite=lax", "secure"}


async def test_each_sign_in_has_a_new_session_and_one_that_was_planted_is_not_taken_over(browser, story):
    await ann(browser, story)
    planted = "x" * 43
    browser.cookies.set(COOKIE, planted, domain="pw.example.org")
    await sign_in(browser)
    first = [each.value for each in browser.cookies.jar if each.name == COOKIE and each.value != planted]
    assert len(first) == 1
    assert first[0] != planted
    assert (await browser.get("/v1/alerts", headers={"Cookie": f"{COOKIE}={planted}"})).status_code == 401


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example/", "/\\evil.example", "/a\r\nX: y", "/sign-out"]
)
async def test_a_sign_in_leads_nowhere_else(browser, story, back):
    await ann(browser, story)
    shown = await browser.get("/sign-in")
    data = form_of(shown) | {"name": "ann", "password": PASSWORD, "back": back}
    assert (await browser.post("/sign-in", data=data)).headers["location"] == "/"


async def test_a_wrong_name_and_a_wrong_password_are_answered_alike_and_no_password_is_repeated(browser, story):
    await ann(browser, story)
    answers = [await sign_in(browser, "not the password", name) for name in ("ann", "eve")]
    assert [each.status_code for each in answers] == [401, 401]
    ann_said, eve_said = (re.sub(r"<time.*?</time>", "", each.text).replace("eve", "ann") for each in answers)
    assert ann_said == eve_said
    assert "not the password" not in answers[0].text
    assert answers[0].headers.keys() == answers[1].headers.keys()


async def test_who_guesses_is_slowed_and_open_sessions_go_on(browser, story):
    await ann(browser, story)
    await sign_in(browser)
    session = browser.cookies[COOKIE]
    browser.cookies.clear()
    said = [(await sign_in(browser, f"guess number {number}", "bob")).status_code for number in range(7)]
    assert said == [401] * 5 + [429] * 2
    slowed = await sign_in(browser, "one more guess", "bob")
    assert 0 < int(slowed.headers["retry-after"]) <= 30
    assert "nothing is locked" in slowed.text
    alive = await browser.get("/v1/alerts", headers={"Cookie": f"{COOKIE}={session}"})
    assert alive.status_code == 200
    assert (await sign_in(browser)).status_code == 303  # where she signed in before, Ann is let in


@pytest.mark.parametrize(
    "text", ["ann\r\nSet-Cookie: a=b", "<script>x</script>", "\x1b[31m", "'; DROP TABLE x", "x" * 5000, "\ud800"]
)
async def test_whatever_is_typed_for_a_name_is_text(browser, story, text):
    shown = await browser.get("/sign-in")
    body = urlencode(form_of(shown) | {"name": text, "password": "x"}, errors="surrogatepass")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.post("/sign-in", content=body, headers=kind)
    assert answer.status_code == 401
    assert "<script>x" not in answer.text
    assert all("\n" not in value for value in answer.headers.values())


# --- forms ----------------------------------------------------------------------------------------------------------


def forms(story: Story, alert_id: object) -> list[str]:
    here = f"/alerts/{alert_id}"
    return [
        *(f"{here}/{what}" for what in ("acknowledge", "remark", "resolve", "accept", "silence")),
        f"/silences/{NOBODY}/end", "/sign-out", "/account/password", "/account/language", "/sign-in", "/set-up",
        *(f"/v1{here}/{what}" for what in ("acknowledge", "remarks", "resolve", "accept")),
        "/v1/silences", f"/v1/silences/{NOBODY}/end",
        "/account/channels", "/account/channels/browser", "/account/channels/hours",
        f"/account/channels/{NOBODY}/{NOBODY}", f"/on-call/clinics/{NOBODY}/rotas",
        *(f"/on-call/{NOBODY}/{what}" for what in ("override", "swap", "absence", "calendar", "brief")),
        f"{here}/promises/{NOBODY}/keep",
        f"/on-call/{NOBODY}/changes/{NOBODY}/end",
        f"/refills/{NOBODY}/{NOBODY}",
        "/people", f"/people/{NOBODY}/role", f"/people/{NOBODY}/{NOBODY}",
    ]  # fmt: skip


@pytest.mark.parametrize("token", [None, "", "0" * 64, "of another session", "of the form before the sign-in"])
async def test_every_form_is_refused_without_the_token_of_its_session(story, token):
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    session = await make_session(story.pool, await make_person(story.pool, "Ann", Role.RESPONDER, story.now), story.now)
    other = await make_session(story.pool, await make_person(story.pool, "Bob", Role.RESPONDER, story.now), story.now)
    given = {"of another session": csrf_of(other), "of the form before the sign-in": csrf_of("form")}.get(token, token)
    async with client_for(story, auth=None) as client:
        client.headers["Cookie"] = f"{COOKIE}={session}; {COOKIE}-form=form"
        for path in forms(story, alert_id):
            for how in (
                {"data": {} if given is None else {FIELD: given}},
                {"json": {}, "headers": {HEADER: given or ""}},
            ):
                answer = await client.post(path, **how)
                assert answer.status_code == 403, path
        assert await story.pool.fetchval("SELECT state FROM alerts") == "active"
        assert (await client.get("/v1/alerts")).status_code == 200  # nobody was signed out
        taken = await client.post(f"/alerts/{alert_id}/acknowledge", data={FIELD: csrf_of(session)})
        assert taken.status_code == 303


async def test_every_route_that_changes_something_is_in_the_table_of_forms(story):
    from services.alerts.web.api import create_app
    from tests.alerts_pages import web_of_story

    guarded: Any = create_app(web_of_story(story))
    app = guarded._app._app  # the application behind its guard
    known = {re.sub(r"\{\w+\}", str(NOBODY), path) for path in forms(story, NOBODY)}
    changing = {
        re.sub(r"\{\w+\}", str(NOBODY), context.path)
        for context in routes_of(app)
        if (context.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    assert changing == known


def routes_of(app):
    for route in app.routes:
        inner = getattr(route, "effective_candidates", None) or getattr(route, "routes", None)
        if hasattr(route, "path") and hasattr(route, "methods"):
            yield route
        elif callable(inner):
            yield from inner()


async def test_a_page_of_the_board_is_shown_in_no_frame(browser):
    answer = await browser.get("/sign-in")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "form-action 'self'" in answer.headers["content-security-policy"]


# --- who may what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, Role.VIEWER])
async def test_who_may_not_act_is_told_so_and_who_may_not_see_is_told_that_there_is_nothing(story, role):
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    async with client_for(story, auth=person(story, "Vic", role=role)) as client:
        for path, body in (
            (f"alerts/{alert_id}/acknowledge", {}),
            (f"alerts/{alert_id}/remarks", {"text": "t"}),
            (f"alerts/{alert_id}/resolve", {"note": "n"}),
            (f"alerts/{alert_id}/accept", {"note": "n"}),
        ):
            answer = await client.post(f"/v1/{path}", json=body)
            assert answer.status_code == (403 if role else 404), path
        of_nobody = await client.post(f"/v1/alerts/{NOBODY}/acknowledge", json={})
        if role is None:
            of_ours = await client.post(f"/v1/alerts/{alert_id}/acknowledge", json={})
            assert of_ours.text.replace(str(alert_id), str(NOBODY)) == of_nobody.text
            assert (await client.get("/v1/alerts")).json()["alerts"] == []
            assert "Motor stall" not in (await client.get("/")).text
            assert (await client.get(f"/alerts/{alert_id}")).status_code == 404
        else:
            assert "that takes the role of a responder" in answer.json()["detail"]
            shown = (await client.get(f"/alerts/{alert_id}")).text
            assert ("Motor stall" in shown, "/acknowledge" in shown) == (True, False)
    assert await story.pool.fetchval("SELECT state FROM alerts") == "active"


async def test_a_program_does_what_its_key_is_for(story):
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    take = f"/v1/alerts/{alert_id}/acknowledge"
    for scopes, reads, acts in (
        (("alerts.read",), 200, 403),
        (("on-call.read",), 200, 404),
        (("system/*.rs",), 403, 403),
        (("alerts.act",), 200, 200),
    ):
        key = WithKey(story.pool, lambda: story.now, *scopes, clinic_id=story.clinic_id)
        async with client_for(story, auth=key) as client:
            assert (await client.get("/v1/alerts")).status_code == reads, scopes
            assert (await client.post(take)).status_code == acts, scopes
    row = await story.pool.fetchrow("SELECT acknowledged_by, acknowledged_by_id FROM alerts")
    assert row["acknowledged_by"].startswith("of a test ")
    assert row["acknowledged_by_id"].startswith("key:")


async def test_an_operator_sees_the_installations_health_and_no_patient(story, database):
    await database.pool.execute("DELETE FROM schema_migrations WHERE version = 5")
    operator = person(story, "Opa", role=None, is_operator=True)
    async with client_for(story, auth=operator, worker_token="s3cret") as client:
        assert "0005_alerts" in (await client.get("/readyz")).text
        assert (await client.get("/v1/alerts")).json()["alerts"] == []
    async with client_for(story, auth=person(story, "Ann"), worker_token="s3cret") as client:
        assert "0005_alerts" not in (await client.get("/readyz")).text


async def test_reading_of_a_pump_stands_in_the_trail_once_an_hour(story):
    async with client_for(story, auth=person(story, "Ann")) as client:
        for minutes in (0, 10, 61):
            story.now += timedelta(minutes=minutes)
            await client.get("/")
            await client.get("/v1/alerts")
    rows = await story.pool.fetch(
        "SELECT clinic_id, pump_id, detail ->> 'name' AS name FROM access_log WHERE kind = 'read'"
    )
    assert [tuple(row) for row in rows] == [(story.clinic_id, story.pump_id, "Ann")] * 2


async def test_while_the_database_is_away_who_was_known_is_known_still_and_nobody_else(story, database):
    session = await make_session(story.pool, await make_person(story.pool, "Ann", Role.VIEWER, story.now), story.now)
    own = await open_pool(database.dsn, application_name="test")
    async with client_for(Story(own, database.dsn, now=story.now), auth=None) as client:
        ours, other = ({"Cookie": f"{COOKIE}={token}"} for token in (session, "y" * 43))
        assert (await client.get("/", headers=ours)).status_code == 200
        await own.close()
        for headers, may_sign_in_again in ((ours, False), (other, True)):
            answer = await client.get("/", headers=headers)
            assert answer.status_code == 503
            assert ("Nobody can sign in until it is back" in answer.text) == may_sign_in_again
