"""A person's own channels: nothing but codes goes to one before it is verified, and no page shows an address."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from schemas.parts.languages import Language
from services.alerts.web.store import tell_who_asks
from services.devstack.pages import PageCollector
from services.people.caller import Caller
from services.people.model import Actor, Role
from tests.alerts_pages import client_for
from tests.integration.people.channels.own import PATH, OwnChannels, code_in
from tests.logins import web_pool
from tests.signed_in import WithKey, make_person
from tests.stack import Database

SECRET = "a-long-secret-topic"  # noqa: S105


@pytest.fixture
async def own(database: Database, page_collector: PageCollector) -> OwnChannels:
    own = OwnChannels(database, page_collector)
    await own.story.enrol()
    return own


async def test_a_channel_is_verified_by_the_code_that_came_over_it(own: OwnChannels) -> None:
    async with own.board() as board:
        channel_id = await own.add(board)
        assert "Not verified: no page goes there yet" in (await board.get(PATH)).text
        code = code_in(await own.send())
        wrong = await board.post(f"{PATH}/{channel_id}/code", data={"code": "AAAA-AAAA"})
        assert (wrong.status_code, await own.row("verified_at")) == (422, None)
        done = await board.post(f"{PATH}/{channel_id}/code", data={"code": code.lower().replace("-", " ")})
        assert done.status_code == 303
        assert await own.row("verified_at") == own.story.now
        again = await board.post(f"{PATH}/{channel_id}/code", data={"code": code})
        assert again.status_code == 422
    kinds = [row["kind"] for row in await own.database.pool.fetch("SELECT kind FROM access_log WHERE kind LIKE 'ch%'")]
    assert kinds == ["channel_made", "channel_verified"]


async def test_a_code_is_good_for_five_tries_and_fifteen_minutes(own: OwnChannels) -> None:
    async with own.board() as board:
        channel_id = await own.add(board)
        code = code_in(await own.send())
        for _ in range(5):
            await board.post(f"{PATH}/{channel_id}/code", data={"code": "AAAA-AAAA"})
        assert (await board.post(f"{PATH}/{channel_id}/code", data={"code": code})).status_code == 422
        assert (await board.post(f"{PATH}/{channel_id}/again")).status_code == 303
        second = code_in(await own.send())
        assert second != code
        own.story.now += timedelta(minutes=15)
        assert (await board.post(f"{PATH}/{channel_id}/code", data={"code": second})).status_code == 422
        assert await own.row("verified_at") is None


async def test_no_page_and_no_right_of_the_board_shows_an_address(own: OwnChannels) -> None:
    async with own.board() as board:
        await own.verified(board, more=f"{SECRET}?:token={SECRET}")
        shown = (await board.get(PATH)).text
        assert "json ...opic" in shown
        assert SECRET not in shown
    detail = await own.database.pool.fetchval("SELECT detail::text FROM access_log WHERE kind = 'channel_made'")
    assert SECRET not in detail
    may = "SELECT has_column_privilege('pumpwatch_web', 'person_channels', 'url', 'SELECT')"
    assert await own.database.pool.fetchval(may) is False


async def test_another_persons_channel_answers_as_one_that_is_not_there(own: OwnChannels) -> None:
    async with own.board() as ann, own.board("Bob") as bob:
        channel_id = await own.verified(ann)
        for what in ("test", "again", "up", "remove", "code"):
            of_ann = await bob.post(f"{PATH}/{channel_id}/{what}", data={"code": "AAAA-AAAA"})
            of_nobody = await bob.post(f"{PATH}/{uuid4()}/{what}", data={"code": "AAAA-AAAA"})
            assert (of_ann.status_code, of_ann.text) == (of_nobody.status_code, of_nobody.text)
            assert of_ann.status_code in (409, 422)
        assert "1. phone" not in (await bob.get(PATH)).text
        assert "1. phone" in (await ann.get(PATH)).text


async def test_who_is_of_a_german_clinic_is_told_in_german(own: OwnChannels) -> None:
    own.story.policy = own.story.policy.model_copy(update={"language": Language.GERMAN})
    own.resources = own.story.resources()
    async with own.board() as board:
        channel_id = await own.verified(board)
        assert own.last().startswith("Pumpwatch: Code ")
        await board.post(f"{PATH}/{channel_id}/test")
        assert "Dies ist ein Test von phone" in await own.send()


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("phone", "file:///etc/passwd", "cannot be used here"),
        ("phone", "env:NORTH_PUSH_URL", "begins with its kind"),
        ("phone", "ntfy://", "begins with its kind"),
        ("phone", "json://host/a, json://host/b", "receivers"),
        ("", "ntfy://host/topic", "name of one line"),
        ("a\r\nSubject: b", "ntfy://host/topic", "expected one line without control characters"),
        ("<script>", "json://<script>", "This is no address"),
    ],
)
async def test_what_cannot_be_a_channel_is_refused_with_the_reason(
    own: OwnChannels, name: str, url: str, words: str
) -> None:
    async with own.board() as board:
        refused = await board.post(PATH, data={"name": name, "url": url})
    assert refused.status_code in (409, 422)
    assert words in refused.text
    assert "<script>" not in refused.text
    assert await own.database.pool.fetchval("SELECT count(*) FROM person_channels") == 0


async def test_a_test_is_sent_and_what_came_of_it_is_shown(own: OwnChannels) -> None:
    async with own.board() as board:
        channel_id = await own.verified(board)
        await board.post(f"{PATH}/{channel_id}/test")
        assert "Pumpwatch TEST: no alarm" in await own.send()
        assert "Last sent" in (await board.get(PATH)).text
        own.pager.answer_status = 403
        await board.post(f"{PATH}/{channel_id}/test")
        await own.sender().send_due()
        shown = (await board.get(PATH)).text
        assert "Failing since" in shown
        assert "the receiver answered 403" in shown
        own.pager.answer_status = 200
        await board.post(f"{PATH}/{channel_id}/test")
        await own.sender().send_due()
        assert "Failing since" not in (await board.get(PATH)).text


async def test_codes_and_tests_are_few_in_an_hour(own: OwnChannels) -> None:
    async with own.board() as board:
        channel_id = await own.verified(board)
        answers = [(await board.post(f"{PATH}/{channel_id}/test")).status_code for _ in range(10)]
        assert answers == [303] * 9 + [409]
        own.story.now += timedelta(hours=1, seconds=1)
        assert (await board.post(f"{PATH}/{channel_id}/test")).status_code == 303


async def test_the_order_is_theirs_and_what_is_removed_is_forgotten(own: OwnChannels) -> None:
    async with own.board() as board:
        await own.verified(board, "first")
        second = await own.verified(board, "second", "x")
        await board.post(f"{PATH}/{second}/up")
        shown = (await board.get(PATH)).text
        assert shown.index("1. second") < shown.index("2. first")
        assert (await board.post(f"{PATH}/{second}/remove")).status_code == 303
    assert [row["name"] for row in await own.database.pool.fetch("SELECT name FROM person_channels")] == ["first"]


async def test_nothing_goes_to_who_was_disabled_meanwhile(own: OwnChannels) -> None:
    async with own.board() as board:
        channel_id = await own.verified(board)
        before = len(own.pager.pages)
        await board.post(f"{PATH}/{channel_id}/test")
    await own.database.pool.execute("UPDATE persons SET disabled_at = now(), disabled_by = 'test'")
    assert await own.sender().send_due() == 1
    assert len(own.pager.pages) == before
    assert await own.database.pool.fetchval("SELECT count(*) FROM channel_messages WHERE ended_at IS NULL") == 0


async def test_two_forms_at_once_make_no_two_channels_of_one_name(own: OwnChannels) -> None:
    async with own.board() as board:
        data = {"name": "phone", "url": own.pager.url}
        answers = await asyncio.gather(*(board.post(PATH, data=data) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [303, 422, 422, 422]


async def test_hours_are_kept_or_refused_with_the_reason(own: OwnChannels) -> None:
    good = {
        "timezone": "Europe/Berlin",
        "drill_weekday": "3",
        "drill_at": "12:30",
        "quiet_begins": "",
        "quiet_ends": "",
    }
    wrong = {
        "No time zone": {"timezone": "Europe/Nowhere"},
        "day and a time": {"drill_at": "25:00"},
        "need a beginning": {"quiet_begins": "22:00"},
        "two different times": {"quiet_begins": "22:00", "quiet_ends": "22:00"},
        "written as": {"quiet_begins": "ten", "quiet_ends": "22:00"},
    }
    async with own.board() as board:
        for words, change in wrong.items():
            refused = await board.post(f"{PATH}/hours", data=good | change)
            assert (refused.status_code in (409, 422), words in refused.text) == (True, True), words
        assert (await board.post(f"{PATH}/hours", data=good)).status_code == 303
        assert "Europe/Berlin" in (await board.get(PATH)).text


async def test_a_program_has_no_channels(own: OwnChannels) -> None:
    key = WithKey(own.database.pool, lambda: own.story.now, "alerts.act")
    async with client_for(own.story, auth=key) as program:
        for answer in (await program.get(PATH), await program.post(PATH, data={"name": "x", "url": "ntfy://h/t"})):
            assert (answer.status_code, "a program has no channels" in answer.text.lower()) == (403, True)


async def test_the_database_shows_the_board_nobodys_channels_but_those_of_who_asks(own: OwnChannels) -> None:
    async with own.board() as board:
        await own.verified(board)
    bob = await make_person(own.database.pool, "Bob", Role.ADMINISTRATOR, own.story.now)
    for who in (None, bob):
        caller = None if who is None else Caller(Actor(f"person:{who}", "Bob"), person_id=who)
        async with web_pool(own.database.pool).acquire() as connection:
            await tell_who_asks(connection, caller)
            for table in ("person_channels", "channel_messages"):
                assert await connection.fetchval(f"SELECT count(channel_id) FROM {table}") == 0  # noqa: S608
