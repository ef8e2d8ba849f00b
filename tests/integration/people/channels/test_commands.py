"""`pumpwatch page-test` goes the way of a page, by the worker; `pumpwatch push-key` makes keys that are kept once."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest

from schemas.policy import Channel, Contact, Policy
from services.alerts.policy_files.agreement import LastGood
from services.alerts.policy_files.store import keep_policies
from services.devstack.pages import PageCollector
from tests.alerts_pages import dispatcher_for
from tests.command import pumpwatch
from tests.integration.people.channels.own import OwnChannels
from tests.stack import Database, eventually


@pytest.fixture
async def own(database: Database, page_collector: PageCollector) -> OwnChannels:
    own = OwnChannels(database, page_collector)
    await own.story.enrol()
    async with own.board() as board:
        await own.verified(board)
    return own


async def test_a_persons_channels_are_tested_by_the_worker(own: OwnChannels) -> None:
    own.story.now = await own.database.pool.fetchval("SELECT now()")
    asked = asyncio.create_task(asyncio.to_thread(_page_test, own, "tann", "--json"))
    await eventually(lambda: _due(own, "channel_messages WHERE ended_at IS NULL"))
    own.story.now = await own.database.pool.fetchval("SELECT now()")
    assert "TEST: no alarm" in await own.send()
    code, out = await asked
    assert code == 0, out
    [phone] = json.loads(out)["channels"]
    assert (phone["channel"], phone["sent_at"] is None, phone["error"]) == ("phone", False, None)


async def test_a_contact_of_a_policy_is_tested_by_the_dispatcher_and_a_failure_is_told(own: OwnChannels) -> None:
    contact = Contact(name="desk", channels=(Channel(name="pager", url=own.pager.url),))
    own.story.policy = Policy(clinic_id=own.story.clinic_id, contacts=(contact,))
    own.resources = own.story.resources()
    kept = LastGood(own.story.clinic_id, own.story.policy, "v", own.story.now, "f", "h")
    async with own.database.pool.acquire() as connection:
        await keep_policies(connection, [kept], own.story.now)
    own.pager.answer_status = 403
    asked = asyncio.create_task(asyncio.to_thread(_page_test, own, "desk", "--clinic", own.story.clinic_id))
    await eventually(lambda: _due(own, "deliveries"))
    own.story.now = await own.database.pool.fetchval("SELECT now()")
    await dispatcher_for(own.resources).send_due()
    code, out = await asked
    assert (code, "pager: NOT sent: the receiver answered 403" in out) == (1, True), out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("nobody",), "there is nobody who signs in as 'nobody'"),
        (("desk", "--clinic", "nowhere"), "has no contact 'desk'; it has none"),
    ],
)
async def test_who_is_not_there_is_told(own: OwnChannels, options: tuple[str, ...], words: str) -> None:
    code, out = await asyncio.to_thread(_page_test, own, *options)
    assert (code, words in out) == (1, True), out


async def test_nobody_takes_it_up_is_told(own: OwnChannels) -> None:
    code, out = await asyncio.to_thread(_page_test, own, "tann", "--within-seconds", "1")
    assert (code, "phone: NOT sent within 1 s: no alert worker took it up" in out) == (1, True), out


def test_a_key_is_written_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "push-key"
    done = pumpwatch("push-key", str(file))
    assert done.stdout.startswith("WEB_PUSH_PUBLIC_KEY=")
    assert len(file.read_text().strip()) == 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    again = pumpwatch("push-key", str(file))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert file.read_text() == before


def _page_test(own: OwnChannels, *options: str) -> tuple[int, str]:
    done = pumpwatch("page-test", *options, "--database-url", own.database.dsn)
    return done.returncode, done.stdout + done.stderr


async def _due(own: OwnChannels, where: str) -> bool:
    return bool(await own.database.pool.fetchval(f"SELECT count(*) FROM {where}"))  # noqa: S608
