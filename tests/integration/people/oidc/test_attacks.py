"""The sign-in by a provider, attacked from both sides: by what a browser brings, and by what a false provider says."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.people.accounts import changes
from services.people.accounts.passwords import Passwords
from services.people.accounts.sign_in import From, choose_by_code
from services.people.model import Role
from services.people.oidc.join import link
from tests import signed_in
from tests.alerts_pages import client_for
from tests.alerts_world import Story
from tests.command import pumpwatch
from tests.integration.people.oidc.lying import LyingProvider, groups_file, lying_provider, new_key
from tests.stack import Database

HERE = "http://127.0.0.1:8081"
ANSWER = "/sign-in/provider/answer"
ROOT = signed_in.somebody("root")
PASSWORD = "rain on the quay"  # noqa: S105
SECRET = "a client's secret"  # noqa: S105


@dataclass
class Door:
    """A board with a provider, and one browser before it."""

    story: Story
    provider: LyingProvider
    browser: httpx.AsyncClient
    file: Path

    async def begin(self, back: str = "/") -> dict[str, str]:
        """Go to the provider; returns what it is asked, after telling it to answer just so."""
        answer = await self.browser.get("/sign-in/provider", params={"back": back})
        assert answer.status_code == 303, answer.text
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        seconds = int(self.story.now.timestamp())
        self.provider.claims = {
            "iss": self.provider.issuer, "aud": "pumpwatch", "sub": "ann-at-the-provider", "nonce": asked["nonce"],
            "iat": seconds, "exp": seconds + 300, "name": "Ann Example", "preferred_username": "ann",
            "groups": ["Nurses"],
        }  # fmt: skip
        return asked

    async def come_back(self, asked: dict[str, str], **more: Any) -> httpx.Response:
        query = {"state": asked["state"], "code": "c1", "iss": self.provider.issuer} | more
        return await self.browser.get(ANSWER, params={name: value for name, value in query.items() if value is not ...})

    async def sign_in(self, **claims: Any) -> httpx.Response:
        asked = await self.begin()
        self.provider.claims |= claims
        return await self.come_back(asked, code=asked["state"][:12])

    async def is_in(self) -> bool:
        return (await self.browser.get("/v1/alerts")).status_code == 200

    async def trail(self) -> list[str]:
        return [row["kind"] for row in await self.story.pool.fetch("SELECT kind FROM access_log ORDER BY access_seq")]

    async def roles(self) -> dict[str, str]:
        rows = await self.story.pool.fetch("SELECT clinic_id, role FROM person_roles")
        return {row["clinic_id"]: row["role"] for row in rows}


@pytest.fixture
async def door(database: Database, tmp_path: Path) -> AsyncIterator[Door]:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "alarm motor_stall raised")])
    text = f"clinics:\n  {story.clinic_id}:\n    responder: [Nurses]\n    administrator: [Leads]\n"
    file = groups_file(tmp_path, text)
    async with lying_provider() as provider:
        settings: dict[str, Any] = {
            "public_url": HERE, "oidc_issuer": provider.issuer, "oidc_client_id": "pumpwatch",
            "oidc_client_secret": SECRET, "oidc_groups_file": file, "oidc_timeout_seconds": 1.0,
        }  # fmt: skip
        async with client_for(story, auth=None, **settings) as browser:
            yield Door(story, provider, browser, Path(file))


async def test_who_the_provider_signed_in_comes_in_with_the_roles_of_their_groups(door: Door):
    asked = await door.begin("/alerts?state=open")
    answer = await door.come_back(asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts?state=open")
    assert await door.is_in()
    assert await door.roles() == {door.story.clinic_id: "responder"}
    assert await door.trail() == ["person_made", "role_given", "signed_in", "read"]
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("pumpwatch="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_gets_the_secret_in_a_header_alone(door: Door):
    asked = await door.begin()
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == HERE + ANSWER
    assert {len(asked[name]) for name in ("state", "nonce", "code_challenge")} == {43}
    await door.come_back(asked)
    assert "client_secret" not in door.provider.last_form
    assert len(door.provider.last_form["code_verifier"][0]) == 43


def text_of(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def without_signature(provider: LyingProvider) -> str:
    return ".".join([*(text_of(json.dumps(each).encode()) for each in ({"alg": "none"}, provider.claims)), ""])


def by_the_public_key(provider: LyingProvider) -> str:
    parts = [text_of(json.dumps(each).encode()) for each in ({"alg": "HS256", "kid": "one"}, provider.claims)]
    secret = provider.key.as_pem(private=False)
    return ".".join([*parts, text_of(hmac.digest(secret, ".".join(parts).encode(), "sha256"))])


CLAIMS: dict[str, dict[str, Any]] = {
    "wrong issuer": {"iss": "https://evil.example.org"},
    "wrong audience": {"aud": "another application"},
    "wrong nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": ...},
    "expired": {"exp": 1_000_000_000},
    "no subject": {"sub": ...},
    "too many groups": {"groups": ..., "_claim_names": {"groups": "src1"}},
}


@pytest.mark.parametrize("name", CLAIMS)
async def test_a_token_that_is_not_for_this_sign_in_opens_nothing(door: Door, name: str):
    answer = await door.sign_in(**CLAIMS[name])
    assert answer.status_code == 400
    assert "cannot be believed" in answer.text
    assert not await door.is_in()
    assert await door.story.pool.fetchval("SELECT count(*) FROM persons") == 0


@pytest.mark.parametrize("forge", [without_signature, by_the_public_key])
async def test_a_token_that_nobody_signed_opens_nothing(door: Door, forge):
    asked = await door.begin()
    door.provider.token = forge(door.provider)
    assert (await door.come_back(asked)).status_code == 400
    assert not await door.is_in()


ANSWERS: dict[str, tuple[dict[str, Any], int]] = {
    "wrong state": ({"state": "A" * 43}, 400),
    "no state": ({"state": ...}, 400),
    "wrong iss": ({"iss": "https://evil.example.org"}, 400),
    "no iss where it is announced": ({"iss": ...}, 400),
    "no code": ({"code": ...}, 400),
    "the provider said no": ({"error": "access_denied", "error_description": "<b>x</b>"}, 401),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_does_not_fit_opens_nothing_and_reaches_no_provider(door: Door, name: str):
    asked = await door.begin()
    more, status_code = ANSWERS[name]
    answer = await door.come_back(asked, **more)
    assert answer.status_code == status_code
    assert "<b>" not in answer.text
    assert 'name="password"' in answer.text
    assert "/token" not in door.provider.asked
    assert not await door.is_in()


async def test_an_answer_is_good_in_the_browser_that_asked_and_in_no_other(door: Door):
    asked = await door.begin()
    door.browser.cookies.clear()
    assert (await door.come_back(asked)).status_code == 401
    await door.begin()
    assert (await door.come_back(asked)).status_code == 400
    assert not await door.is_in()


async def test_an_attempt_is_good_once_and_for_ten_minutes(door: Door):
    asked = await door.begin()
    assert (await door.come_back(asked, state="A" * 43)).status_code == 400
    assert (await door.come_back(asked)).status_code == 401
    asked = await door.begin()
    door.story.now += timedelta(minutes=11)
    assert (await door.come_back(asked)).status_code == 401


@pytest.mark.parametrize("redeems_again", [False, True])
async def test_a_code_that_is_brought_again_opens_nothing_even_where_the_provider_would_take_it(
    door: Door, redeems_again: bool
):
    door.provider.redeems_again = redeems_again
    asked = await door.begin()
    before = dict(door.browser.cookies)
    assert (await door.come_back(asked)).status_code == 303
    door.browser.cookies.clear()
    door.browser.cookies.update(before)
    answer = await door.come_back(asked)
    assert answer.status_code == (403 if redeems_again else 401)
    assert "used already" in answer.text
    assert not await door.is_in()
    assert await door.story.pool.fetchval("SELECT count(*) FROM sessions") == 1


@pytest.mark.parametrize("back", ["https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "/sign-in"])
async def test_after_the_sign_in_a_browser_stays_on_this_board(door: Door, back: str):
    asked = await door.begin(back)
    assert (await door.come_back(asked)).headers["location"] == "/"


async def test_each_sign_in_has_a_session_of_its_own(door: Door):
    door.browser.cookies.set("pumpwatch", "chosen-by-somebody-else", domain="127.0.0.1")
    await door.sign_in()
    assert await door.is_in()
    assert await door.story.pool.fetchval("SELECT count(*) FROM sessions") == 1
    assert {each.value for each in door.browser.cookies.jar if each.name == "pumpwatch"} - {"chosen-by-somebody-else"}


async def test_a_change_of_the_providers_keys_is_noticed_once_it_is_needed(door: Door):
    assert (await door.sign_in()).status_code == 303
    door.provider.key = new_key("two")
    assert (await door.sign_in()).status_code == 303
    assert door.provider.asked["/jwks"] == 2
    door.provider.published, door.provider.key = [door.provider.key], new_key("three")
    assert (await door.sign_in()).status_code == 400
    assert (await door.sign_in()).status_code == 400
    assert door.provider.asked["/jwks"] == 2, "unknown keys are looked for once a minute"


BROKEN: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example.org"},
    "no token endpoint": {"token_endpoint": ...},
    "keys in clear elsewhere": {"jwks_uri": "http://192.0.2.1/jwks"},
    "a script": {"authorization_endpoint": "javascript:alert(1)"},
    "no PKCE": {"code_challenge_methods_supported": ["plain"]},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_provider_whose_document_is_wrong_is_not_used(door: Door, name: str):
    door.provider.metadata = BROKEN[name]
    answer = await door.browser.get("/sign-in/provider")
    assert answer.status_code == 503
    assert "cannot be used now" in answer.text


async def local_account(door: Door, name: str = "ann") -> None:
    async with door.story.pool.acquire() as connection:
        roles = {door.story.clinic_id: Role.VIEWER}
        made = await changes.add(connection, name, "Ann", roles, is_operator=False, by=ROOT, now=door.story.now)
        assert await choose_by_code(connection, Passwords(), made.code, PASSWORD, From("x"), door.story.now)


async def test_while_the_provider_is_slow_a_local_account_signs_in_at_once(door: Door):
    await local_account(door, "bea")
    door.provider.seconds = 30
    began = time.monotonic()
    answer = await door.browser.get("/sign-in/provider")
    assert answer.status_code == 503
    assert time.monotonic() - began < 10
    token = re.search(r'name="csrf" value="(\w+)"', answer.text)
    assert token
    answer = await door.browser.post("/sign-in", data={"csrf": token[1], "name": "bea", "password": PASSWORD})
    assert answer.status_code == 303
    assert await door.is_in()


async def test_a_name_at_the_provider_is_no_account_of_that_name_here_until_an_administrator_joins_them(door: Door):
    await local_account(door)
    answer = await door.sign_in()
    assert answer.status_code == 403
    assert "pumpwatch user link ann &#39;ann-at-the-provider&#39;" in answer.text
    async with door.story.pool.acquire() as connection:
        await link(connection, "ann", door.provider.issuer, "ann-at-the-provider", by=ROOT, now=door.story.now)
    assert (await door.sign_in()).status_code == 303
    assert await door.roles() == {door.story.clinic_id: "viewer"}, "a person gave it, and it stays"


async def test_who_is_in_no_group_of_a_clinic_reads_whom_to_ask_and_is_not_made(door: Door):
    answer = await door.sign_in(groups=["Choir"])
    assert answer.status_code == 403
    assert "in no group of a clinic here" in answer.text
    assert "Ask an administrator" in answer.text
    assert await door.story.pool.fetchval("SELECT count(*) FROM persons") == 0
    assert await door.trail() == ["sign_in_failed"]


async def test_a_group_that_goes_takes_its_role_and_open_sessions_at_the_next_sign_in(door: Door):
    await door.sign_in(groups=["Leads"])
    assert await door.roles() == {door.story.clinic_id: "administrator"}
    await door.sign_in()
    assert await door.roles() == {door.story.clinic_id: "responder"}
    assert (await door.sign_in(groups=[])).status_code == 403
    assert await door.roles() == {}
    assert not await door.is_in()
    assert (await door.trail())[-2:] == ["role_taken", "sign_in_failed"]


async def test_who_is_disabled_here_does_not_come_in_by_the_provider(door: Door):
    await door.sign_in()
    async with door.story.pool.acquire() as connection:
        await changes.disable(connection, "ann", by=ROOT, now=door.story.now)
    assert not await door.is_in()
    answer = await door.sign_in()
    assert answer.status_code == 403
    assert "disabled" in answer.text


async def test_groups_may_stand_in_userinfo_and_it_must_be_about_the_same_person(door: Door):
    door.provider.userinfo = {"sub": "somebody else", "groups": ["Leads"]}
    assert (await door.sign_in(groups=...)).status_code == 400
    door.provider.userinfo["sub"] = "ann-at-the-provider"
    assert (await door.sign_in(groups=...)).status_code == 303
    assert await door.roles() == {door.story.clinic_id: "administrator"}


async def test_a_groups_file_that_was_spoilt_changes_nothing(door: Door):
    door.file.write_text("clinics: [", encoding="utf-8")
    assert (await door.sign_in()).status_code == 303
    assert await door.roles() == {door.story.clinic_id: "responder"}


async def test_a_clinic_that_does_not_exist_is_passed_over(door: Door):
    door.file.write_text(door.file.read_text(encoding="utf-8") + "  nowhere:\n    viewer: [Nurses]\n", encoding="utf-8")
    assert (await door.sign_in()).status_code == 303
    assert await door.roles() == {door.story.clinic_id: "responder"}


@pytest.mark.parametrize("name", ["Ann\r\nSet-Cookie: x=1", "<script>alert(1)</script>", "\u202eann", "", "x" * 500])
async def test_a_name_of_the_provider_is_shown_as_text_of_one_line(door: Door, name: str):
    await door.sign_in(name=name, preferred_username="Not A Name!")
    kept = await door.story.pool.fetchrow("SELECT name, sign_in FROM persons")
    assert kept is not None
    assert len(kept["name"]) <= 80
    assert not re.search(r"[\r\n\u202e]", kept["name"])
    assert re.fullmatch(r"oidc-[0-9a-f]{16}", kept["sign_in"])
    assert "<script>alert" not in (await door.browser.get("/account")).text


async def test_false_answers_are_slowed_down_by_where_they_come_from(door: Door):
    for _ in range(20):
        await door.come_back(await door.begin(), state="A" * 43)
    answer = await door.come_back(await door.begin())
    assert answer.status_code == 429
    assert "Too many" in answer.text


async def test_a_subject_belongs_to_one_person_and_is_joined_by_a_command(door: Door):
    await local_account(door, "bea")
    await door.sign_in()
    said = ("--database-url", door.story.dsn, "--issuer", door.provider.issuer, "--by", "root")
    refused = await asyncio.to_thread(pumpwatch, "user", "link", "bea", "ann-at-the-provider", *said)
    assert refused.returncode == 1
    assert "is Ann Example, who has another account" in refused.stderr
    unknown = await asyncio.to_thread(pumpwatch, "user", "link", "nobody", "x", *said)
    assert "nobody has the sign-in name 'nobody'" in unknown.stderr
    joined = await asyncio.to_thread(pumpwatch, "user", "link", "bea", "bea-at-the-provider", *said)
    assert joined.stdout.strip() == f"bea signs in by {door.provider.issuer} as bea-at-the-provider"
    assert (await door.sign_in(sub="bea-at-the-provider")).status_code == 303
    assert (await door.trail())[-2:] == ["person_linked", "signed_in"]
