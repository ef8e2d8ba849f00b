"""Pages go to browsers: encrypted for the one that asked, signed by the installation's key, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.alerts.delivery.persons.push import PushChannel
from services.devstack.pages import PageCollector
from services.people.channels.push_key import PushKey, new_push_key
from tests.integration.alerts.receivers import Authority
from tests.integration.people.channels.own import PATH, PATIENCE_SECONDS, OwnChannels, code_in
from tests.integration.people.channels.push_service import PushService, claims_of, push_service
from tests.stack import Database

BOARD = "https://pw.example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.make()
    return authority


@pytest.fixture
def service(authority: Authority) -> Iterator[PushService]:
    with push_service(authority) as service:
        yield service


@pytest.fixture
def key() -> PushKey:
    return new_push_key()


@pytest.fixture
async def own(database: Database, page_collector: PageCollector, key: PushKey, authority: Authority) -> OwnChannels:
    own = OwnChannels(database, page_collector)
    await own.story.enrol()
    own.push = PushChannel(key.private, BOARD, PATIENCE_SECONDS, ca_file=str(authority.file))
    return own


async def test_a_browser_is_added_verified_and_paged(own: OwnChannels, service: PushService, key: PushKey) -> None:
    async with own.board(push_public_key=key.public, push_services=(service.place,)) as board:
        assert f'data-push-key="{key.public}"' in (await board.get(PATH)).text
        form = {"name": "this browser", "subscription": service.subscription}
        assert (await board.post(f"{PATH}/browser", data=form)).status_code == 303
        channel_id = await own.row("channel_id")
        await own.sender().send_due()
        code = code_in(service.pushes[0].said["title"])
        assert (await board.post(f"{PATH}/{channel_id}/code", data={"code": code})).status_code == 303
        await board.post(f"{PATH}/{channel_id}/test")
        await own.sender().send_due()
    first, test = service.pushes
    assert (first.headers["urgency"], test.headers["urgency"]) == ("normal", "high")
    assert test.said["title"] == "Pumpwatch TEST: no alarm"
    assert test.said["urgent"] is True
    claims = claims_of(test, key.public)
    assert (claims["aud"], claims["sub"]) == (f"https://{service.place}", BOARD)
    assert await own.row("failing_since") is None
    assert own.pager.pages == ()


@pytest.mark.parametrize(
    ("status", "words", "ends"),
    [
        (410, "the browser takes no pushes any more: add it again", True),
        (404, "the browser takes no pushes any more: add it again", True),
        (403, "the receiver answered 403", True),
        (503, "the receiver answered 503", False),
        (429, "the receiver answered 429", False),
        (307, "sends on to another place, which is not followed", True),
    ],
)
async def test_what_a_service_answers_is_told_and_no_redirect_is_followed(
    own: OwnChannels, service: PushService, key: PushKey, status: int, words: str, ends: bool
) -> None:
    service.status = status
    async with own.board(push_public_key=key.public, push_services=(service.place,)) as board:
        await board.post(f"{PATH}/browser", data={"name": "b", "subscription": service.subscription})
        await own.sender().send_due()
        assert words in (await board.get(PATH)).text
    ended = await own.database.pool.fetchval("SELECT ended_at IS NOT NULL FROM channel_messages")
    assert (ended, service.asked) == (ends, 1)


async def test_a_browser_of_another_service_or_without_a_key_is_refused(
    own: OwnChannels, service: PushService, key: PushKey
) -> None:
    form = {"name": "b", "subscription": service.subscription}
    async with own.board(push_public_key=key.public) as board:
        refused = await board.post(f"{PATH}/browser", data=form)
        assert "a service of pushes that is known here" in refused.text
    async with own.board() as board:
        assert "not set up here" in (await board.post(f"{PATH}/browser", data=form)).text
        assert "data-push-key" not in (await board.get(PATH)).text
    assert service.asked == 0


async def test_a_certificate_that_nobody_signed_and_a_service_that_is_away_are_told(
    own: OwnChannels, service: PushService, key: PushKey
) -> None:
    own.push = PushChannel(key.private, BOARD, PATIENCE_SECONDS)
    async with own.board(push_public_key=key.public, push_services=(service.place,)) as board:
        await board.post(f"{PATH}/browser", data={"name": "b", "subscription": service.subscription})
        await own.sender().send_due()
        assert "the certificate is signed by nobody that is trusted" in (await board.get(PATH)).text
    assert service.asked == 0


async def test_what_a_browser_runs_is_served_from_the_root_to_who_is_signed_in(own: OwnChannels) -> None:
    async with own.board() as board:
        found = await board.get("/push-worker.js")
    assert (found.status_code, found.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert 'addEventListener("push"' in found.text
