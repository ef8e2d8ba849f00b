"""What went to a program goes to it again: the same messages in their order, to it alone, and written down."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.policy import Channel, Contact, Policy
from services.admin.webhooks import changes, store
from services.admin.webhooks.changes import ReplayRefusedError
from services.admin.webhooks.secret_files import make
from services.admin.webhooks.store import ListedReplay
from services.alerts.delivery.webhooks.resend import MOST_TRIES
from services.alerts.policy_files.agreement import LastGood
from services.alerts.policy_files.store import keep_policies
from services.devstack.pages import PageCollector
from tests.alerts_pages import STALL
from tests.alerts_world import T0
from tests.command import pumpwatch
from tests.integration.alerts.webhooks.receiver import Program, program, verify_by_openssl
from tests.integration.alerts.webhooks.story import Told, policy_for, told
from tests.stack import Database, eventually


@pytest.fixture
def receiver(tmp_path: Path):
    with program(tmp_path) as made:
        make(made.secret_file)
        yield made


async def keep(story: Told, policy: Policy | None = None) -> None:
    """Let the database keep the policy, as a worker with files does."""
    kept = (policy or story.policy).model_copy(update={"clinic_id": story.clinic_id})
    async with story.pool.acquire() as connection:
        await keep_policies(connection, [LastGood(story.clinic_id, kept, "v", story.now, "f", "h")], story.now)


async def ask(story: Told, *, most: int = 100, since: timedelta = timedelta(days=1), by: str = "Ann") -> int:
    """Ask for everything of the last day; returns how many messages that is."""
    await keep(story)
    now = story.now + timedelta(seconds=1)
    async with story.pool.acquire() as connection:
        receiver = await changes.find_receiver(connection, story.clinic_id, "program", None)
        asked = await changes.replay(
            connection, receiver, since=now - since, until=now, most=most, by=by, now=story.now
        )
    return len(asked.messages)


async def replay_of(story: Told) -> ListedReplay:
    async with story.pool.acquire() as connection:
        (found,) = await store.list_replays(connection, story.clinic_id, 10)
    return found


async def test_everything_goes_again_in_its_order_with_its_ids_to_the_program_alone(
    database: Database, receiver: Program, page_collector: PageCollector
) -> None:
    quiet: dict[str, object] = {"paging": {"tell_who_has_it": []}}
    story = await told(database, policy_for(receiver, page_collector.url, **quiet), STALL, "ack Ann", "tick")
    before = [(each.id, each.body) for each in receiver.messages]
    pages = await database.pool.fetch("SELECT * FROM deliveries ORDER BY delivery_id")
    assert await ask(story) == len(before) == 2
    await story.replays().look_once()
    assert [(each.id, each.body) for each in receiver.messages[2:]] == before
    verify_by_openssl(receiver.secrets[0], receiver.messages[3].headers, receiver.messages[3].body)
    assert len(page_collector.pages) == 1
    assert await database.pool.fetch("SELECT * FROM deliveries ORDER BY delivery_id") == pages
    found = await replay_of(story)
    assert (found.asked_by, found.asked_at, found.messages, found.sent) == ("Ann", story.now, 2, 2)
    assert (found.ended_at, found.stopped, found.refused) == (story.now, None, 0)
    await story.replays().look_once()
    assert len(receiver.messages) == 4


async def test_what_failed_while_the_secret_was_missing_goes_when_it_is_back(
    database: Database, receiver: Program
) -> None:
    receiver.secret_file.unlink()
    story = await told(database, policy_for(receiver), STALL)
    assert receiver.messages == []
    make(receiver.secret_file)
    assert await ask(story) == 1
    await story.replays().look_once()
    assert receiver.types == ["alert.opened"]


async def test_only_what_went_since_then_goes_again(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL, "ack Ann")
    await story.step("alarm motor_stall cleared", seconds=3600)
    assert await ask(story, since=timedelta(minutes=30)) == 1
    await story.replays().look_once()
    assert receiver.types == ["alert.opened", "alert.acknowledged", "alert.closed", "alert.closed"]


async def test_a_channel_that_is_a_persons_by_now_is_sent_nothing(
    database: Database, receiver: Program, page_collector: PageCollector
) -> None:
    story = await told(database, policy_for(receiver), STALL)
    assert await ask(story) == 1
    pager = (Channel(name="events", url=page_collector.url),)
    story.policy = Policy(contacts=(Contact(name="program", channels=pager),), routes=story.policy.routes)
    await story.replays().look_once()
    assert (page_collector.begun, len(receiver.messages)) == (0, 1)
    found = await replay_of(story)
    assert (found.sent, found.stopped) == (0, "the channel is no signed webhook, or its address is not set")
    story.later(60)
    with pytest.raises(ReplayRefusedError, match="no such channel of a signed webhook"):
        await ask(story)


async def test_a_receiver_that_does_not_answer_keeps_the_order_and_ends_the_replay(
    database: Database, receiver: Program
) -> None:
    story = await told(database, policy_for(receiver), STALL, "ack Ann", "tick")
    await ask(story)
    receiver.next_statuses = [500]
    await story.replays().look_once()
    assert len(receiver.messages) == 2  # the second one waits for the first
    story.later(3)
    await story.replays().look_once()
    assert receiver.ids[2:] == receiver.ids[:2]
    await ask(story)
    receiver.status = 503
    for _ in range(MOST_TRIES):
        story.later(300)
        await story.replays().look_once()
    assert len(receiver.refused) == 1 + MOST_TRIES
    story.later(300)
    await story.replays().look_once()
    assert len(receiver.refused) == 1 + MOST_TRIES
    async with story.pool.acquire() as connection:
        newest, _ = await store.list_replays(connection, None, 10)
    assert newest.stopped == f"given up after {MOST_TRIES} tries: the receiver answered 503 ({receiver.place})"


async def test_one_message_that_is_refused_for_good_is_passed_over(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL, "ack Ann", "tick")
    await ask(story)
    receiver.next_statuses = [422]
    await story.replays().look_once()
    assert receiver.types == ["alert.opened", "alert.acknowledged", "alert.acknowledged"]
    found = await replay_of(story)
    assert (found.sent, found.refused, found.error) == (1, 1, f"the receiver answered 422 ({receiver.place})")
    assert (found.ended_at, found.stopped) == (story.now, None)


async def test_several_workers_send_each_message_once_and_in_order(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL, "ack Ann", "tick")
    await story.step("alarm motor_stall cleared")
    await story.step("tick", seconds=3600)
    before = receiver.ids
    await ask(story)
    workers = [story.replays() for _ in range(4)]
    for _ in range(len(before)):
        await asyncio.gather(*(each.look_once() for each in workers))
    assert receiver.ids == before * 2


async def test_what_a_worker_left_when_it_died_is_sent_by_another(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL)
    await ask(story)
    receiver.next_statuses = [None]
    dies = asyncio.create_task(story.replays().look_once())
    await eventually(lambda: database.pool.fetchval("SELECT claimed_until FROM webhook_replays"))
    dies.cancel()
    await asyncio.gather(dies, return_exceptions=True)
    await story.replays().look_once()
    assert len(receiver.messages) == 1
    receiver.stopping.set()
    receiver.next_statuses = []
    story.later(60)
    await story.replays().look_once()
    assert receiver.ids == [receiver.ids[0]] * 2


async def test_what_was_erased_does_not_go_again(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL, "ack Ann", "tick")
    await ask(story)
    await database.pool.execute("UPDATE deliveries SET title = 'Erased', body = 'Erased'")
    await story.replays().look_once()
    assert len(receiver.messages) == 2
    assert (await replay_of(story)).error == "erased"
    with pytest.raises(ReplayRefusedError, match="nothing went to program / events"):
        await ask(story)


async def test_what_is_asked_for_is_bounded_and_one_at_a_time(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL, "ack Ann", "tick")
    with pytest.raises(ReplayRefusedError, match="more than 1 messages went since then"):
        await ask(story, most=1)
    await ask(story, most=2)
    with pytest.raises(ReplayRefusedError, match="a replay to program / events is under way"):
        await ask(story)
    with pytest.raises(ReplayRefusedError, match="expected it to end later"):
        await ask(story, since=timedelta(0))
    assert len(receiver.messages) == 2


async def test_an_operator_asks_by_the_command_and_sees_how_far_it_is(database: Database, receiver: Program) -> None:
    story = Told(database.pool, database.dsn, policy=policy_for(receiver))
    story.now = await database.pool.fetchval("SELECT now()") - timedelta(minutes=10)
    await story.enrol()
    await story.step(f"{STALL} @{(story.now - T0).total_seconds() / 60:.3f}")
    await keep(story)
    where = ("--clinic", story.clinic_id, "--contact", "program")
    assert f"{receiver.ids[0]}  pumpwatch.alert.opened  sent" in await run(story, "list", *where)
    listed = json.loads(await run(story, "list", *where, "--json"))
    assert (listed["more"], [each["type"] for each in listed["messages"]]) == (False, ["pumpwatch.alert.opened"])
    assert "1 message would go to program again" in await run(story, "replay", *where, "--since", "1h", "--dry-run")
    tried = json.loads(await run(story, "replay", *where, "--since", "1h", "--dry-run", "--json"))
    assert tried == {"replay_id": None, "messages": 1, "first_at": listed["messages"][0]["at"]}
    assert await run(story, "replays") == "nothing was asked to be sent again\n"
    asked = await run(story, "replay", *where, "--since", "1h", "--by", "Ann Example")
    assert "1 message to go to program again" in asked
    story.now = await database.pool.fetchval("SELECT now()") + timedelta(seconds=1)
    assert "asked by Ann Example: 0 of 1 sent; under way" in await run(story, "replays")
    await story.replays().look_once()
    assert "asked by Ann Example: 1 of 1 sent; done" in await run(story, "replays", "--clinic", story.clinic_id)
    assert receiver.ids == [receiver.ids[0]] * 2
    refused = await asyncio.to_thread(
        pumpwatch, "webhooks", "list", "--clinic", "north", "--contact", "x", DATABASE_URL=story.dsn
    )
    assert (refused.returncode, "it has none" in refused.stderr) == (1, True)


async def run(story: Told, *arguments: str) -> str:
    done = await asyncio.to_thread(pumpwatch, "webhooks", *arguments, DATABASE_URL=story.dsn)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
