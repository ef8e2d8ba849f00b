"""Pages through Apprise to a real HTTP receiver, in each way it can fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import structlog

from schemas.policy import Channel, Contact, Policy, Priority
from services.alerts.health.store import record_heartbeat
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.policies import policies_of
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from tests.alerts_pages import Outbox, dispatcher_for
from tests.alerts_world import T0, Story, route, stall
from tests.signed_in import somebody
from tests.stack import Database, eventually


def received(collector: PageCollector) -> int:
    return len(collector.pages)


def place_of(collector: PageCollector) -> str:
    return f"127.0.0.1:{collector.port}"


async def outbox_for(database: Database, *urls: str) -> Outbox:
    channels = tuple(Channel(name=f"channel {place}", url=url) for place, url in enumerate(urls))
    policy = Policy(
        contacts=(Contact(name="nurse", channels=channels, all_channels_at_once=True),),
        routes={Priority.HIGH: route((0, "nurse"))},
    )
    story = Story(database.pool, database.dsn, policy=policy)
    await story.enrol()
    await stall(database, [story.pump_id])
    await story.new_worker().queue_once()
    return Outbox(story, database, policy, {})


async def test_a_page_is_sent_once_with_its_id(database: Database, page_collector: PageCollector) -> None:
    outbox = await outbox_for(database, page_collector.url)
    await asyncio.gather(*(outbox.dispatcher().send_due() for _ in range(3)))
    (page,) = page_collector.pages
    row = await outbox.row()
    alert_id = str(row["alert_id"])
    assert page.title == "Pumpwatch HIGH: pump alarm"
    assert page.body == f"Alert {alert_id[:8]}. Open https://pw.example.org/alerts/{alert_id}"
    assert (page.raw["type"], page.raw["delivery_id"]) == ("failure", str(row["delivery_id"]))
    assert (row["state"], row["attempts"], row["sent_at"], row["last_error"]) == ("sent", 1, T0, None)


async def test_an_error_of_the_receiver_is_tried_again(database: Database, page_collector: PageCollector) -> None:
    outbox = await outbox_for(database, page_collector.url)
    page_collector.answer_status = 500
    await outbox.dispatcher().send_due()
    row = await outbox.row()
    assert (row["state"], row["last_error"]) == ("due", f"the receiver answered 500 ({place_of(page_collector)})")
    assert timedelta(seconds=2) <= row["due_at"] - T0 <= timedelta(seconds=2.5)
    page_collector.answer_status = 200
    await outbox.dispatcher().send_due()
    assert received(page_collector) == 0
    outbox.later(3)
    await outbox.dispatcher().send_due()
    assert len(page_collector.pages) == 1
    assert await outbox.states() == [("sent", 2)]


async def test_it_gives_up_after_the_last_attempt(database: Database) -> None:
    port = free_port()
    outbox = await outbox_for(database, f"json://127.0.0.1:{port}/")
    for _ in range(5):
        await outbox.dispatcher().send_due()
        outbox.later(60)
    row = await outbox.row()
    assert (row["state"], row["attempts"], row["last_error"]) == (
        "failed",
        3,
        f"the connection was refused (127.0.0.1:{port})",
    )


async def test_a_receiver_that_hangs_is_left_and_tried_again(database: Database, page_collector: PageCollector) -> None:
    outbox = await outbox_for(database, page_collector.url)
    page_collector.answer_delay_seconds = 1.0
    await outbox.dispatcher(send_timeout_seconds=0.2).send_due()
    row = await outbox.row()
    assert (row["state"], row["last_error"]) == ("due", f"no answer within 0.2 s ({place_of(page_collector)})")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        pytest.param("nosuchservice://somewhere", "Apprise does not understand the channel's address", id="scheme"),
        pytest.param("env:NOT_SET", "the policy has no address for this channel", id="variable"),
    ],
)
async def test_an_address_that_cannot_work_fails_at_once(database: Database, url: str, error: str) -> None:
    outbox = await outbox_for(database, url)
    await outbox.dispatcher().send_due()
    row = await outbox.row()
    assert (row["state"], row["attempts"], row["last_error"]) == ("failed", 1, error)


async def test_a_refusal_is_not_tried_again(database: Database, page_collector: PageCollector) -> None:
    outbox = await outbox_for(database, page_collector.url)
    page_collector.answer_status = 404
    await outbox.dispatcher().send_due()
    row = await outbox.row()
    assert (row["state"], row["last_error"]) == ("failed", f"the receiver answered 404 ({place_of(page_collector)})")


async def test_an_address_may_stand_in_the_environment_and_is_never_logged_or_stored(
    database: Database, page_collector: PageCollector, capfd: pytest.CaptureFixture[str]
) -> None:
    outbox = await outbox_for(database, "env:NURSE", f"json://user:tops3cret@127.0.0.1:{free_port()}/hook")
    outbox.environment["NURSE"] = page_collector.url.replace("json://", "json://me:tops3cret@")
    with structlog.testing.capture_logs() as records:
        await outbox.dispatcher().send_due()
    assert len(page_collector.pages) == 1
    rows = [dict(row) for row in await database.pool.fetch("SELECT * FROM deliveries")]
    captured = capfd.readouterr()
    for text in (str(records), str(rows), captured.out, captured.err):
        assert "tops3cret" not in text
    assert sorted(row["state"] for row in rows) == ["due", "sent"]


async def test_what_somebody_took_is_not_tried_again(database: Database, page_collector: PageCollector) -> None:
    outbox = await outbox_for(database, page_collector.url)
    page_collector.answer_status = 500
    await outbox.dispatcher().send_due()
    row = await outbox.row()
    async with database.pool.acquire() as connection:
        await acknowledge_alert(
            connection, row["alert_id"], somebody("Ann"), None, policies_of(outbox.policy), outbox.story.now
        )
    page_collector.answer_status = 200
    outbox.later(60)
    await outbox.dispatcher().send_due()
    assert (page_collector.pages, await outbox.states()) == ((), [("cancelled", 1)])


async def test_what_is_taken_while_it_is_being_sent_is_not_tried_again(
    database: Database, page_collector: PageCollector
) -> None:
    outbox = await outbox_for(database, page_collector.url)
    page_collector.answer_status, page_collector.answer_delay_seconds = 500, 0.5
    sending = asyncio.create_task(outbox.dispatcher().send_due())
    row = await outbox.row()
    await eventually(outbox.is_sending, 5)
    async with database.pool.acquire() as connection:
        await acknowledge_alert(
            connection, row["alert_id"], somebody("Ann"), None, policies_of(outbox.policy), outbox.story.now
        )
    await sending
    assert await outbox.states() == [("cancelled", 1)]


async def test_a_delivery_whose_sender_died_is_sent_again_with_the_same_id(
    database: Database, page_collector: PageCollector
) -> None:
    outbox = await outbox_for(database, page_collector.url)
    until = T0 + timedelta(seconds=30)
    await database.pool.execute("UPDATE deliveries SET state = 'sending', attempts = 1, claimed_until = $1", until)
    await outbox.dispatcher().send_due()
    assert received(page_collector) == 0
    outbox.later(31)
    await outbox.dispatcher().send_due()
    assert await outbox.states() == [("sent", 2)]
    assert UUID(page_collector.pages[0].raw["delivery_id"]) == (await outbox.row())["delivery_id"]


async def test_only_who_was_not_away_itself_says_that_another_is_dead(
    database: Database, page_collector: PageCollector
) -> None:
    """After an outage of the database every heartbeat is old."""
    outbox = await outbox_for(database, page_collector.url)
    until = T0 + timedelta(hours=1)
    await database.pool.execute(
        "UPDATE deliveries SET state = 'sending', attempts = 1, claimed_by = 'other', claimed_until = $1", until
    )
    await database.pool.execute(
        "INSERT INTO worker_heartbeats (worker_id, service, at, beaten_at) VALUES "
        "('other', 'alerts', $1, clock_timestamp() - interval '10 s'), "
        "('alerts', 'alerts', $1, clock_timestamp() - interval '10 s')",
        T0,
    )
    await outbox.dispatcher().send_due()
    async with database.pool.acquire() as connection:
        await record_heartbeat(connection, "alerts", T0)
    await outbox.dispatcher().send_due()
    assert received(page_collector) == 0
    await database.pool.execute(
        "UPDATE worker_heartbeats SET beating_since = beating_since - interval '4 s' WHERE worker_id = 'alerts'"
    )
    await outbox.dispatcher().send_due()
    assert received(page_collector) == 1


async def test_what_this_process_is_sending_is_not_sent_again_though_its_lease_is_over(
    database: Database, page_collector: PageCollector
) -> None:
    """Its outcome may wait for a database that was away."""
    outbox = await outbox_for(database, page_collector.url)
    page_collector.answer_delay_seconds = 0.7
    dispatcher = outbox.dispatcher()
    first = asyncio.create_task(dispatcher.send_due())
    await eventually(lambda: page_collector.begun, 5)
    outbox.later(31)
    await dispatcher.send_due()
    await first
    assert (received(page_collector), await outbox.states()) == (1, [("sent", 1)])


async def test_a_delivery_whose_sender_died_is_not_sent_again_once_somebody_has_the_alert(
    database: Database, page_collector: PageCollector
) -> None:
    outbox = await outbox_for(database, page_collector.url)
    await database.pool.execute("UPDATE deliveries SET state = 'sending', claimed_until = $1", T0)
    async with database.pool.acquire() as connection:
        alert_id = (await outbox.row())["alert_id"]
        await acknowledge_alert(
            connection, alert_id, somebody("Ann"), None, policies_of(outbox.policy), outbox.story.now
        )
    outbox.later(31)
    await outbox.dispatcher().send_due()
    assert (received(page_collector), (await outbox.states())[0][0]) == (0, "cancelled")


async def test_a_channel_that_hangs_does_not_hold_up_the_others(
    database: Database, page_collector: PageCollector
) -> None:
    with PageCollector() as hanging:
        hanging.answer_delay_seconds = 1.5
        outbox = await outbox_for(database, hanging.url, page_collector.url)
        alert_id, clinic_id = (await outbox.row())["alert_id"], outbox.story.clinic_id
        await database.pool.execute(
            "INSERT INTO deliveries (alert_id, clinic_id, kind, episode, contact, channel, priority, title, body, "
            "created_at, due_at) SELECT $1, $2, 'returned', n::text, 'nurse', 'channel 0', 'high', 't', 'b', $3, $3 "
            "FROM generate_series(1, 20) n",
            alert_id,
            clinic_id,
            T0 - timedelta(seconds=1),
        )
        dispatcher = outbox.dispatcher(sends_at_once=4, sends_per_channel=2)
        running = asyncio.create_task(dispatcher.run())
        try:
            await page_collector.wait_for(1, within_seconds=1.2)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        # What was under way when it was told to stop has ended and is recorded.
        assert "sending" not in {state for state, _ in await outbox.states()}


async def test_a_wake_sends_without_waiting_for_the_poll(database: Database, page_collector: PageCollector) -> None:
    outbox = await outbox_for(database, page_collector.url)
    await database.pool.execute("UPDATE deliveries SET due_at = $1", T0 + timedelta(hours=1))
    resources = outbox.resources(poll_seconds=60)
    running = asyncio.create_task(dispatcher_for(resources).run())
    try:
        await asyncio.sleep(0)
        outbox.later(3600)
        resources.pages_written.set()
        await page_collector.wait_for(1, within_seconds=5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_stop_between_a_claim_and_its_sending_leaves_nobody_untold(
    database: Database, page_collector: PageCollector
) -> None:
    outbox = await outbox_for(database, page_collector.url)
    async with database.pool.acquire() as connection:
        holding = connection.transaction()
        await holding.start()
        await connection.execute("LOCK TABLE silences IN ACCESS EXCLUSIVE MODE")  # it is asked for after the claim
        running = asyncio.create_task(outbox.dispatcher().run())
        await eventually(outbox.is_sending, 10)
        running.cancel()
        await asyncio.sleep(0)
        await holding.commit()
        await asyncio.wait({running})
    assert (await outbox.row())["state"] == "sent"
    assert received(page_collector) == 1
