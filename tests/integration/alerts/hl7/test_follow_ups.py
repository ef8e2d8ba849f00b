"""An HL7 receiver hears how an alert goes on: acknowledged, over, closed, back; and no person is paged for that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.policy import Channel, Contact, Policy, Priority
from services.devstack.pages import PageCollector
from tests.alerts_pages import STALL, client_for, dispatcher_for
from tests.alerts_world import Story, route
from tests.integration.alerts.hl7 import receiver as ways
from tests.integration.alerts.hl7.receiver import HL7Receiver, answers, hl7_receiver
from tests.stack import Database

START = ("start", "active", "enabled")
ACKNOWLEDGED = ("update", "active", "alert-acknowledged")
LATCHED = ("end", "latched", "enabled")
END = ("end", "inactive", "enabled")
OVER = "alarm motor_stall cleared"


class Watched(Story):
    """A story in which a dispatcher sends after each step, and nothing is taken as sent."""

    async def step(self, text: str, *, seconds: float = 60) -> None:
        self.later(seconds)
        await self._step(self.new_worker(), text)
        await self.send()

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def send(self) -> None:
        await dispatcher_for(self.resources(send_timeout_seconds=0.6, send_attempts=3)).send_due()


async def watched(database: Database, receiver: HL7Receiver, *others: str, **policy: object) -> Watched:
    urls = (receiver.url, *others)
    channels = tuple(Channel(name=f"way {number}", url=url) for number, url in enumerate(urls, 1))
    desk = Contact(name="desk", channels=channels, all_channels_at_once=True)
    made = Policy.model_validate({"contacts": (desk,), "routes": {Priority.HIGH: route((0, "desk"))}} | policy)
    story = Watched(database.pool, database.dsn, policy=made)
    await story.enrol()
    await story.step(STALL)
    return story


async def test_what_is_acknowledged_and_then_over_is_told_to_the_receiver_and_to_no_person(
    database: Database, page_collector: PageCollector
) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver, page_collector.url, paging={"tell_who_has_it": []})
        await story.step("ack Ann")
        await story.step("tick")
        await story.step(OVER)
        await story.step("tick", seconds=3600)
        assert receiver.states == [START, ACKNOWLEDGED, END]
    first, *later = receiver.messages
    assert len(set(receiver.control_ids)) == 3
    alert = str(first.segment("OBR")[3]).partition("^")[0]
    assert {str(each.segment("OBR")[29]) for each in later} == {f"^{alert}&PUMPWATCH"}
    assert len(page_collector.pages) == 1


async def test_what_is_over_and_seen_by_nobody_is_latched_until_somebody_sees_it(database: Database) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver)
        await story.step(OVER)
        await story.step("tick")
        assert receiver.states == [START, LATCHED]
        await story.step("ack Ann")
        assert receiver.states == [START, LATCHED, END]


async def test_what_comes_back_without_a_page_is_back_for_the_receiver(
    database: Database, page_collector: PageCollector
) -> None:
    """It heard of the end; without this it would show nothing of an alert that is active again."""
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver, page_collector.url)
        await story.step(OVER)
        await story.step(STALL)
        assert receiver.states == [START, LATCHED, START]
        assert len(page_collector.pages) == 1
        await story.step("ack Ann")
        assert receiver.states[3:] == [ACKNOWLEDGED]


async def test_a_follow_up_is_tried_again_and_given_up_for_what_is_so_by_then(database: Database) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver)
        receiver.next_answers = [answers("AE"), ways.hangs_up]
        await story.step("ack Ann")
        story.later(30)
        await story.send()
        story.later(30)
        await story.send()
        assert receiver.states == [START, *[ACKNOWLEDGED] * 3]
        assert len(set(receiver.control_ids[1:])) == 1
        receiver.next_answers = [answers("AE")]
        story.later(12 * 3600)
        await story.step("tick")  # the acknowledgement expires: a page, whose first try fails
        await story.step("ack Bob")
        await story.step("tick")
        assert receiver.states[4:] == [("update", "active", "enabled"), ACKNOWLEDGED]


@pytest.mark.parametrize("answer", [ways.never, ways.hangs_up])
async def test_who_may_have_heard_of_the_start_hears_of_the_end(database: Database, answer: ways.Answer) -> None:
    async with hl7_receiver() as receiver:
        receiver.next_answers = [answer]
        story = await watched(database, receiver)
        await story.step("ack Ann")
        assert receiver.states == [START, ACKNOWLEDGED]


async def test_who_refused_the_start_hears_nothing_of_the_end(database: Database) -> None:
    async with hl7_receiver() as receiver:
        receiver.answer = answers("AR")
        story = await watched(database, receiver)
        await story.step("ack Ann")
        await story.step(OVER)
        assert receiver.states == [START]


async def test_a_follow_up_that_fails_pages_nobody_and_stands_on_no_board(
    database: Database, page_collector: PageCollector
) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver)
        receiver.answer = answers("AR")
        await story.step("ack Ann")
        await story.step("tick")
    rows = await database.pool.fetch("SELECT kind, state FROM deliveries WHERE follow_up")
    assert [tuple(row) for row in rows] == [("acknowledged", "failed")]
    async with client_for(story) as client:
        (alert,) = (await client.get("/v1/alerts", params={"state": "open"})).json()["alerts"]
        board = (await client.get(f"/alerts/{alert['alert_id']}")).text
    assert "Could not tell" not in board
    assert page_collector.pages == ()


async def test_an_alert_is_about_the_patient_who_had_the_pump_then(database: Database) -> None:
    """When the second message goes out the pump is in another patient; it names the one whom the alert is about."""
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver, include_patient_data=True)
        assert "PID" not in [str(each[0]) for each in receiver.messages[0]]  # the registry knows no reference
        await database.pool.execute("UPDATE implantations SET patient_ref = 'case-1' WHERE pump_id = $1", story.pump_id)
        story.later(60)
        another = "INSERT INTO implantations (pump_id, began_at, patient_ref) VALUES ($1, $2, 'case-2')"
        await database.pool.execute(another, story.pump_id, story.now)
        await story.step("tick", seconds=1)
        await story.step(STALL)
        assert receiver.states == [START, END, START]
        patients = [str(each.segment("PID")[3]) for each in receiver.messages[1:]]
        assert patients == [f"case-1^^^{story.clinic_id}", f"case-2^^^{story.clinic_id}"]


async def test_a_clinic_hears_no_reference_of_the_clinic_that_has_the_pump_now(database: Database) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver, include_patient_data=True)
        await database.pool.execute("INSERT INTO clinics VALUES ('other', 'other')")
        await database.pool.execute("UPDATE devices SET clinic_id = 'other' WHERE device_id = $1", story.pump_id)
        await database.pool.execute("UPDATE implantations SET patient_ref = 'theirs' WHERE pump_id = $1", story.pump_id)
        await story.step("tick", seconds=120)
        assert sorted(receiver.states) == [END, START, START]  # the other clinic has an alert of its own
        said = {str(each[0][4]): raw.decode() for each, raw in zip(receiver.messages, receiver.raw, strict=True)}
        assert "theirs" not in said[story.clinic_id]
        assert "theirs^^^other" in said["other"]


async def test_that_a_pump_cannot_be_judged_is_about_no_patient(database: Database) -> None:
    """Such an alert goes on while the pump changes hands, and says of nobody whose it is."""
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver, include_patient_data=True)
        await database.pool.execute("UPDATE implantations SET patient_ref = 'case-1' WHERE pump_id = $1", story.pump_id)
        await database.pool.execute("UPDATE alerts SET rule = 'pump_unjudged', key = 'x'")
        await database.pool.execute("UPDATE deliveries SET state = 'due', sent_at = NULL")
        await story.send()
        assert "case-1" not in receiver.raw[1].decode()


async def test_what_has_been_closed_for_a_day_is_followed_no_longer(database: Database) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver)
        await story.step("ack Ann")
        await story.step(OVER)
        await story.step("tick")
        assert await database.pool.fetchval("SELECT bool_or(follows) FROM deliveries")
        story.later(25 * 3600)
        await story.send()
        assert not await database.pool.fetchval("SELECT bool_or(follows) FROM deliveries")
        assert receiver.states == [START, ACKNOWLEDGED, END]


async def test_a_silence_holds_no_end_of_what_was_told(database: Database) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver)
        await database.pool.execute(
            "INSERT INTO silences (clinic_id, kind, pump_id, includes_high, reason, created_by, created_at, begins_at, "
            "ends_at) VALUES ($1, 'silence', $2, true, 'refill', 'Ann', $3, $3, $3::timestamptz + interval '2 hours')",
            story.clinic_id,
            story.pump_id,
            story.now,
        )
        await story.step("ack Ann")
        await story.step(OVER)
        await story.step("tick")
        assert receiver.states == [START, ACKNOWLEDGED, END]


async def test_a_follow_up_that_cannot_be_written_holds_up_no_page(database: Database) -> None:
    async with hl7_receiver() as receiver:
        story = await watched(database, receiver)
        await database.pool.execute("ALTER TABLE deliveries ADD CONSTRAINT faulty CHECK (NOT follow_up)")
        await story.step("ack Ann")
        other = Watched(database.pool, database.dsn, policy=story.policy, now=story.now)
        await other.enrol()
        await other.step(STALL)
        assert receiver.states == [START, START]
        await database.pool.execute("ALTER TABLE deliveries DROP CONSTRAINT faulty")
        await story.send()
        assert receiver.states == [START, START, ACKNOWLEDGED]
