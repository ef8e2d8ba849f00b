"""Sign-in and sign-out by a certified provider of somebody else's making, as a browser goes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from services.devstack.servers.oidc_provider import OidcProvider
from tests.alerts_pages import client_for
from tests.alerts_world import Story
from tests.integration.people.oidc.lying import groups_file
from tests.stack import Database

HERE = "http://127.0.0.1:8081"
SECRET = "a secret of forty characters, or a few more"  # noqa: S105


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    accounts = {
        "s-1": {"name": "Ann Example", "preferred_username": "ann", "groups": ["Nurses"]},
        "s-2": {"name": "Bob Example", "preferred_username": "bob", "groups": []},
    }
    client = {
        "client_id": "pumpwatch",
        "client_secret": SECRET,
        "redirect_uris": [f"{HERE}/sign-in/provider/answer"],
        "post_logout_redirect_uris": [f"{HERE}/sign-in"],
    }
    with OidcProvider(accounts, [client]) as running:
        yield running


@pytest.fixture
async def story(database: Database) -> Story:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "alarm motor_stall raised")])
    # The provider signs by this machine's clock.
    story.now = await story.pool.fetchval("SELECT now()")
    return story


@pytest.fixture
async def browser(story: Story, provider: OidcProvider, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings: dict[str, Any] = {
        "public_url": HERE,
        "oidc_issuer": provider.issuer,
        "oidc_client_id": "pumpwatch",
        "oidc_client_secret": SECRET,
        "oidc_scopes": "openid profile groups",
        "oidc_groups_file": groups_file(tmp_path, f"clinics:\n  {story.clinic_id}:\n    responder: [Nurses]\n"),
    }
    async with client_for(story, auth=None, **settings) as client:
        yield client


async def through_the_provider(browser: httpx.AsyncClient, login: str) -> str:
    """Sign in there, and agree; returns where it sends the browser back to."""
    where = (await browser.get("/sign-in/provider")).headers["location"]
    async with httpx.AsyncClient(follow_redirects=False) as other:
        answer = await other.get(where)
        for _ in range(12):
            if answer.is_redirect:
                where = urljoin(str(answer.url), answer.headers["location"])
                if where.startswith(HERE):
                    return where.removeprefix(HERE)
                answer = await other.get(where)
                continue
            form = re.search(r'action="([^"]+)" method="post"', answer.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert form and prompt, answer.text  # noqa: PT018
            answer = await other.post(form[1], data={"prompt": prompt[1], "login": login, "password": "any"})
    raise AssertionError(where)


async def test_ann_signs_in_by_the_provider_and_acts_as_herself(browser: httpx.AsyncClient, story: Story):
    answer = await browser.get(await through_the_provider(browser, "s-1"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = await browser.get("/account")
    assert "Ann Example" in page.text
    assert f"responder in <strong>{story.clinic_id}</strong>" in page.text
    row = await story.pool.fetchrow("SELECT sign_in, oidc_subject, password_hash FROM persons")
    assert row is not None
    assert tuple(row) == ("ann", "s-1", None)


async def test_bob_who_is_in_no_group_reads_whom_to_ask(browser: httpx.AsyncClient):
    answer = await browser.get(await through_the_provider(browser, "s-2"))
    assert answer.status_code == 403
    assert "in no group of a clinic here" in answer.text


async def test_a_code_that_was_used_is_refused_by_the_provider_too(browser: httpx.AsyncClient):
    back = await through_the_provider(browser, "s-1")
    cookies = dict(browser.cookies)
    assert (await browser.get(back)).status_code == 303
    browser.cookies.clear()
    browser.cookies.update(cookies)
    assert (await browser.get(back)).status_code == 401


async def test_signing_out_shows_the_way_to_sign_out_at_the_provider_as_well(
    browser: httpx.AsyncClient, provider: OidcProvider
):
    await browser.get(await through_the_provider(browser, "s-1"))
    page = await browser.get("/account")
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert token
    answer = await browser.post("/sign-out", data={"csrf": token[1]})
    assert answer.headers["location"] == "/sign-in?left=provider"
    assert "/sign-in/provider/leave" in (await browser.get("/sign-in?left=provider")).text
    where = (await browser.get("/sign-in/provider/leave")).headers["location"]
    assert where.startswith(f"{provider.issuer}/session/end?client_id=pumpwatch&post_logout_redirect_uri=")
    async with httpx.AsyncClient() as other:
        answer = await other.get(where)  # refused with 400 where client or address were not ours
        assert (answer.status_code, f'action="{provider.issuer}/session/end/confirm"' in answer.text) == (200, True)
    assert (await browser.get("/v1/alerts")).status_code == 401


async def test_while_the_provider_is_away_the_page_says_so_and_has_the_form_for_a_local_account(
    browser: httpx.AsyncClient, provider: OidcProvider
):
    await asyncio.to_thread(provider.process.kill)
    try:
        answer = await browser.get("/sign-in/provider")
    finally:
        provider.start()
    assert answer.status_code == 503
    assert "The identity provider cannot be used now" in answer.text
    assert 'name="password"' in answer.text
