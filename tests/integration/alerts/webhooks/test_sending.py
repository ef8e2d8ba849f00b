"""A page to a program: signed, checked by others' code, tried again, and never unsigned."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from jsonschema import Draft202012Validator

from schemas.paths import PUBLISHED_FOLDER
from schemas.policy import Channel, Contact, Policy, Priority
from services.admin.webhooks.secret_files import make, retire, rotate
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from tests.alerts_pages import STALL
from tests.alerts_world import enrol, route, stall
from tests.integration.alerts.receivers import Authority
from tests.integration.alerts.webhooks.receiver import (
    Program,
    program,
    verify_by_openssl,
    verify_in_node,
    verify_in_python,
)
from tests.integration.alerts.webhooks.story import Told, policy_for, told
from tests.stack import Database

OVER = "alarm motor_stall cleared"


@pytest.fixture
def receiver(tmp_path: Path):
    with program(tmp_path) as made:
        make(made.secret_file)
        yield made


async def row(database: Database, contact: str = "program"):
    return await database.pool.fetchrow("SELECT * FROM deliveries WHERE contact = $1", contact)


async def test_a_page_is_one_signed_event_as_published(database: Database, receiver: Program) -> None:
    await told(database, policy_for(receiver), STALL)
    (message,) = receiver.messages
    delivery = await row(database)
    assert (delivery["state"], delivery["attempts"], message.id) == ("sent", 1, str(delivery["delivery_id"]))
    assert message.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    schema = json.loads((PUBLISHED_FOLDER / "webhook.schema.json").read_text())
    Draft202012Validator(schema).validate(message.event)
    assert message.event["id"] == message.id
    assert message.event["subject"] == str(delivery["alert_id"])
    assert "secret" not in message.path


@pytest.mark.parametrize("by", ["python", "node", "openssl"])
async def test_whoever_has_the_secret_can_check_it_and_nothing_else_passes(
    database: Database, receiver: Program, tmp_path: Path, by: str
) -> None:
    await told(database, policy_for(receiver), STALL)
    verify = {"python": verify_in_python(), "node": verify_in_node(tmp_path), "openssl": verify_by_openssl}[by]
    (message,), (secret,) = receiver.messages, receiver.secrets
    verify(secret, message.headers, message.body)
    other = tmp_path / "other"
    make(other)
    for headers, body, with_secret in (
        (message.headers, message.body.replace(b"active", b"closed"), secret),
        (message.headers | {"webhook-id": "another"}, message.body, secret),
        (message.headers | {"webhook-signature": "v1,"}, message.body, secret),
        (message.headers, message.body, other.read_text().strip()),
    ):
        with pytest.raises(ValueError, match="not signed with this secret"):
            verify(with_secret, headers, body)


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_receiver_refuses_what_was_sent_at_another_time(
    database: Database, receiver: Program, tmp_path: Path, minutes: int
) -> None:
    story = await told(database, policy_for(receiver))
    story.signed_at = datetime.now(UTC) + timedelta(minutes=minutes)
    await story.step(STALL)
    (message,), (secret,) = receiver.messages, receiver.secrets
    verify_by_openssl(secret, message.headers, message.body)  # the signature is good, and the time is not
    for verify in (verify_in_python(), verify_in_node(tmp_path)):
        with pytest.raises(ValueError, match="the clocks differ"):
            verify(secret, message.headers, message.body)


async def test_a_page_tried_again_has_its_id_and_body_and_a_signature_of_its_own(
    database: Database, receiver: Program
) -> None:
    receiver.next_statuses = [500]
    story = await told(database, policy_for(receiver))
    story.signed_at = datetime.now(UTC)
    await story.step(STALL)
    assert (await row(database))["last_error"] == f"the receiver answered 500 ({receiver.place})"
    story.signed_at += timedelta(seconds=7)
    story.later(10)
    await story.send()
    (first,), (second,), (secret,) = receiver.refused, receiver.messages, receiver.secrets
    assert (first.id, first.body) == (second.id, second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 7
    assert first.signatures != second.signatures
    verify_by_openssl(secret, first.headers, first.body)
    verify_by_openssl(secret, second.headers, second.body)
    assert (await row(database))["state"] == "sent"


@pytest.mark.parametrize(
    ("status", "error", "state"),
    [
        (500, "the receiver answered 500", "due"),
        (429, "the receiver answered 429", "due"),
        (302, "the receiver answered 302", "due"),
        (401, "the receiver answered 401", "failed"),
        (410, "the receiver answered 410", "failed"),
        (None, "no answer within 0.8 s", "due"),
    ],
)
async def test_what_a_receiver_answers_is_what_is_done(
    database: Database, receiver: Program, status: int | None, error: str, state: str
) -> None:
    receiver.status = status
    await told(database, policy_for(receiver), STALL)
    delivery = await row(database)
    assert (delivery["state"], delivery["last_error"]) == (state, f"{error} ({receiver.place})")
    receiver.stopping.set()
    assert receiver.messages == []
    assert {each.path for each in receiver.refused} <= {"/in?token=tops3cret"}


async def test_nobody_who_listens_is_tried_again(database: Database, receiver: Program) -> None:
    receiver.port = free_port()
    await told(database, policy_for(receiver), STALL)
    delivery = await row(database)
    assert (delivery["state"], delivery["last_error"]) == ("due", f"the connection was refused ({receiver.place})")


async def test_a_certificate_is_checked_against_the_authority_that_the_address_names(
    database: Database, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    authority.make()
    with program(tmp_path, tls=authority.context("right")) as receiver:
        make(receiver.secret_file)
        story = await told(database, policy_for(receiver), STALL)
        said = (await row(database))["last_error"]
        assert said == f"the certificate is signed by nobody that is trusted ({receiver.place})"
        receiver.more = f"&ca={authority.file}"
        story.policy = policy_for(receiver)
        story.later(10)
        await story.send()
        assert receiver.types == ["alert.opened"]
        receiver.more = f"&ca={tmp_path / 'gone.crt'}"
        story.policy = policy_for(receiver)
        await story.step("ack Ann")
        said = await database.pool.fetchval("SELECT last_error FROM deliveries WHERE follow_up AND contact = 'program'")
        assert said.startswith("the file of the channel's authority (ca) cannot be read")


@pytest.mark.parametrize("content", [None, "", "tops3cret-password\n", "whsec_dG9vIHNob3J0\n"])
async def test_without_a_secret_nothing_goes_out_and_the_next_channel_is_told_at_once(
    database: Database, receiver: Program, page_collector: PageCollector, content: str | None
) -> None:
    receiver.secret_file.unlink()
    if content is not None:
        receiver.secret_file.write_text(content)
    channels = (Channel(name="events", url=receiver.url), Channel(name="pager", url=page_collector.url))
    policy = Policy(
        contacts=(Contact(name="program", channels=channels),), routes={Priority.HIGH: route((0, "program"))}
    )
    with structlog.testing.capture_logs() as records:
        await told(database, policy, STALL)
    assert receiver.messages + receiver.refused == []
    assert len(page_collector.pages) == 1
    rows = await database.pool.fetch("SELECT * FROM deliveries ORDER BY channel")
    assert [each["state"] for each in rows] == ["failed", "sent"]
    assert rows[0]["last_error"].startswith("the file of the channel's secret cannot be used")
    (said,) = (each for each in records if each["event"] == "webhook_not_signed")
    assert (said["log_level"], str(receiver.secret_file) in said["error"]) == ("error", True)
    assert "tops3cret" not in str(records) + str([dict(each) for each in rows])


async def test_while_a_secret_is_replaced_both_sign_and_then_the_new_one_alone(
    database: Database, receiver: Program, tmp_path: Path
) -> None:
    (old,) = receiver.secrets
    rotate(receiver.secret_file)
    new, _ = receiver.secrets
    story = await told(database, policy_for(receiver), STALL)
    retire(receiver.secret_file)
    await story.step("ack Ann")
    await story.step("tick")
    during, after = receiver.messages
    assert (len(during.signatures), len(after.signatures)) == (2, 1)
    for verify in (verify_in_python(), verify_in_node(tmp_path), verify_by_openssl):
        verify(old, during.headers, during.body)
        verify(new, during.headers, during.body)
        verify(new, after.headers, after.body)
        with pytest.raises(ValueError, match="not signed with this secret"):
            verify(old, after.headers, after.body)


async def test_a_program_hears_how_an_alert_goes_on_and_no_person_does(
    database: Database, receiver: Program, page_collector: PageCollector
) -> None:
    story = await told(database, policy_for(receiver, page_collector.url, paging={"tell_who_has_it": []}), STALL)
    await story.step("ack Ann")
    await story.step("tick")
    await story.step(OVER)
    await story.step("tick", seconds=3600)
    assert receiver.types == ["alert.opened", "alert.acknowledged", "alert.closed"]
    assert len({each.event["subject"] for each in receiver.messages}) == 1
    assert len(set(receiver.ids)) == 3
    assert [each.event["data"]["state"] for each in receiver.messages] == ["active", "acknowledged", "closed"]
    assert len(page_collector.pages) == 1


async def test_a_program_hears_of_what_nobody_saw_and_of_what_came_back(database: Database, receiver: Program) -> None:
    story = await told(database, policy_for(receiver), STALL, OVER, STALL)
    assert receiver.types == ["alert.opened", "alert.cleared", "alert.reopened"]
    await story.step("tick", seconds=400)
    assert receiver.types[3:] == ["alert.escalated"]
    assert receiver.messages[-1].event["data"]["step"] == 1


async def test_alerts_are_not_put_together_for_a_program(
    database: Database, receiver: Program, page_collector: PageCollector
) -> None:
    paged_together = {"alarm_priorities": {"motor_stall": "medium"}}
    contacts = policy_for(receiver, page_collector.url).contacts
    policy = Policy.model_validate(
        {"contacts": contacts, "routes": {"medium": route((0, "program"), (0, "person 1"))}} | paged_together
    )
    story = Told(database.pool, database.dsn, policy=policy)
    await stall(database, await enrol(database, 12))
    await story.new_worker().queue_once()
    story.later(600)
    await story.send()
    assert receiver.types == ["alert.opened"] * 12
    assert len({each.event["subject"] for each in receiver.messages}) == 12
    assert len(page_collector.pages) == 1


async def test_no_secret_and_no_address_stands_in_a_log_or_a_record(
    database: Database, receiver: Program, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.next_statuses = [500, 200]
    with structlog.testing.capture_logs() as records:
        story = await told(database, policy_for(receiver), STALL)
        story.later(10)
        await story.send()
    assert len(receiver.messages) == 1
    rows = [dict(each) for each in await database.pool.fetch("SELECT * FROM deliveries")]
    captured = capfd.readouterr()
    for text in (str(records), str(rows), captured.out, captured.err):
        assert "tops3cret" not in text
        assert "whsec_" not in text
        assert receiver.secrets[0] not in text
