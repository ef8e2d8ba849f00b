"""Pages to a real HL7 receiver, in each way it can answer and fail."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import timedelta

import hl7
import pytest
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

from schemas.policy import Channel, Contact, Policy, Priority
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from tests.alerts_pages import Outbox, client_for
from tests.alerts_world import T0, Story, route, stall
from tests.integration.alerts.hl7 import receiver as ways
from tests.integration.alerts.hl7.receiver import Answer, answers, at, hl7_receiver
from tests.integration.alerts.receivers import Authority
from tests.stack import Database

TIMEOUT_SECONDS = 0.6
ATTEMPTS = 3
NO_ANSWER = f"no answer within {TIMEOUT_SECONDS:g} s"
NOT_HL7 = "the receiver's answer is no HL7 acknowledgement"
CLOSED = "the connection was closed without an answer"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    made.make()
    return made


async def outbox_for(database: Database, *urls: str, at_once: bool = False, **policy: object) -> Outbox:
    """A stall, and a desk with these channels."""
    channels = tuple(Channel(name=f"way {number}", url=url) for number, url in enumerate(urls, 1))
    desk = Contact(name="desk", channels=channels, all_channels_at_once=at_once)
    made = Policy.model_validate({"contacts": (desk,), "routes": {Priority.HIGH: route((0, "desk"))}} | policy)
    story = Story(database.pool, database.dsn, policy=made)
    await story.enrol()
    await stall(database, [story.pump_id])
    await story.new_worker().queue_once()
    return Outbox(story, database, made, {})


async def send(outbox: Outbox) -> None:
    await outbox.dispatcher(send_timeout_seconds=TIMEOUT_SECONDS, send_attempts=ATTEMPTS).send_due()


async def test_a_page_arrives_once_as_a_report_of_the_alert(database: Database) -> None:
    async with hl7_receiver() as receiver:
        outbox = await outbox_for(database, receiver.url)
        await asyncio.gather(*(send(outbox) for _ in range(3)))
        outbox.later(60)
        await send(outbox)
    (message,) = receiver.messages
    row = await outbox.row()
    assert (row["state"], row["attempts"]) == ("sent", 1)
    assert str(message[0][9]) == "ORU^R40^ORU_R40"
    assert str(message[0][10]) == str(row["delivery_id"])
    assert str(message.segment("OBR")[3]) == f"{row['alert_id']}^PUMPWATCH"
    assert receiver.states == [("start", "active", "enabled")]
    assert at(message, 1, 8) == "PH~ST"
    assert outbox.story.pump_id not in receiver.raw[0].decode().replace(outbox.story.clinic_id, "")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answers("AE"), "the receiver had an error (AE)"),
        (answers("CE", "|no room\x07 left"), "the receiver had an error (CE): 'no room left'"),
        (ways.garbage, NOT_HL7),
        (ways.endless, NOT_HL7),
        (ways.never, NO_ANSWER),
        (ways.only_of_another, NO_ANSWER),
        (ways.hangs_up, CLOSED),
        (ways.hangs_up_within_its_answer, CLOSED),
    ],
)
async def test_what_is_not_taken_is_sent_again_as_the_same_message(
    database: Database, page_collector: PageCollector, answer: Answer, error: str
) -> None:
    async with hl7_receiver() as receiver:
        receiver.next_answers = [answer, answer]
        outbox = await outbox_for(database, receiver.url, page_collector.url)
        for tries in (1, 2):
            await send(outbox)
            rows = await database.pool.fetch("SELECT * FROM deliveries WHERE channel = 'way 1'")
            assert [(row["state"], row["attempts"]) for row in rows] == [("due", tries)]
            assert rows[0]["last_error"] == f"{error} (127.0.0.1:{receiver.port})"
            outbox.later(30)
        await send(outbox)
        outbox.later(30)
        await send(outbox)
    assert len(receiver.raw) == 3
    assert len(set(receiver.raw)) == 1
    assert receiver.control_ids == [str(rows[0]["delivery_id"])] * 3
    assert [page.title for page in page_collector.pages] == ["Pumpwatch HIGH: pump alarm"]  # the second try had failed
    sent = await database.pool.fetchval("SELECT bool_and(state = 'sent') FROM deliveries WHERE NOT follow_up")
    assert sent


@pytest.mark.parametrize("answer", [ways.byte_by_byte, ways.of_another_first, answers("CA"), answers("AA", "|fine")])
async def test_an_answer_counts_however_it_comes_and_one_to_another_message_is_none(
    database: Database, answer: Answer
) -> None:
    async with hl7_receiver() as receiver:
        receiver.answer = answer
        outbox = await outbox_for(database, receiver.url)
        await send(outbox)
    assert await outbox.states() == [("sent", 1)]


@pytest.mark.parametrize("code", ["AR", "CR"])
async def test_a_refusal_is_final_says_why_and_the_next_channel_is_used_at_once(
    database: Database, page_collector: PageCollector, code: str
) -> None:
    async with hl7_receiver() as receiver:
        receiver.answer = answers(code, "\rERR|||101^Required field missing^HL70357|E|||| PID is \x1b[31mmissing")
        outbox = await outbox_for(database, receiver.url, page_collector.url)
        await send(outbox)
        outbox.later(300)
        await send(outbox)
    assert len(receiver.raw) == 1
    assert len(page_collector.pages) == 1
    failed = await database.pool.fetchrow("SELECT * FROM deliveries WHERE channel = 'way 1'")
    assert failed is not None
    words = f"the receiver refused the message ({code}): 'PID is [31mmissing' (127.0.0.1:{receiver.port})"
    assert (failed["state"], failed["attempts"], failed["last_error"]) == ("failed", 1, words)
    async with client_for(outbox.story) as client:
        board = (await client.get(f"/alerts/{failed['alert_id']}")).text
    assert "the receiver refused the message" in board


async def test_a_receiver_that_is_not_there_is_tried_again(database: Database) -> None:
    port = free_port()
    outbox = await outbox_for(database, f"mllp://127.0.0.1:{port}")
    await send(outbox)
    row = await outbox.row()
    assert (row["state"], row["last_error"]) == ("due", f"the connection was refused (127.0.0.1:{port})")
    assert timedelta(seconds=2) <= row["due_at"] - T0 <= timedelta(seconds=2.5)


async def test_a_receiver_that_hangs_holds_up_no_other_channel(
    database: Database, page_collector: PageCollector
) -> None:
    async with hl7_receiver() as receiver:
        receiver.answer = ways.never
        outbox = await outbox_for(database, receiver.url, page_collector.url, at_once=True)
        sending = asyncio.create_task(outbox.dispatcher(send_timeout_seconds=20).send_due())
        began = time.monotonic()
        while not page_collector.pages or not receiver.raw:
            assert time.monotonic() - began < 15
            await asyncio.sleep(0.01)
        assert not sending.done()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_message_goes_over_tls_to_whom_the_authority_names(database: Database, authority: Authority) -> None:
    async with hl7_receiver(tls=authority.context("right")) as receiver:
        outbox = await outbox_for(database, f"mllps://127.0.0.1:{receiver.port}?ca={authority.file}")
        await send(outbox)
    assert await outbox.states() == [("sent", 1)]
    assert len(receiver.raw) == 1


async def test_a_receiver_may_ask_for_a_certificate(database: Database, authority: Authority) -> None:
    context = authority.context("right")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    own = authority.folder / "right"
    async with hl7_receiver(tls=context) as receiver:
        url = f"mllps://127.0.0.1:{receiver.port}?ca={authority.file}"
        outbox = await outbox_for(database, url, f"{url}&cert={own}.crt&key={own}.key", at_once=True)
        await send(outbox)
        rows = await database.pool.fetch("SELECT state FROM deliveries ORDER BY channel")
    assert [row["state"] for row in rows] == ["due", "sent"]
    assert len(receiver.raw) == 1


@pytest.mark.parametrize(
    ("certificate", "error"),
    [
        ("self-signed", "the certificate is signed by nobody that is trusted"),
        ("other host", "the certificate is another host's"),
        ("expired", "the certificate has expired"),
    ],
)
async def test_nothing_is_sent_to_whom_no_certificate_names(
    database: Database, authority: Authority, certificate: str, error: str
) -> None:
    async with hl7_receiver(tls=authority.context(certificate)) as receiver:
        outbox = await outbox_for(database, f"mllps://127.0.0.1:{receiver.port}?ca={authority.file}")
        await send(outbox)
    row = await outbox.row()
    assert (row["state"], row["last_error"]) == ("due", f"{error} (127.0.0.1:{receiver.port})")
    assert receiver.raw == []


async def test_a_file_of_a_certificate_that_is_not_there_is_told_and_mended_without_us(
    database: Database, authority: Authority
) -> None:
    async with hl7_receiver(tls=authority.context("right")) as receiver:
        later = authority.folder / f"later-{receiver.port}.crt"
        outbox = await outbox_for(database, f"mllps://127.0.0.1:{receiver.port}?ca={later}")
        await send(outbox)
        row = await outbox.row()
        assert (row["state"], str(later) in row["last_error"]) == ("due", False)
        assert "the files of the channel's certificates (ca, cert, key) cannot be read or used" in row["last_error"]
        later.write_bytes(authority.file.read_bytes())
        outbox.later(30)
        await send(outbox)
    assert await outbox.states() == [("sent", 2)]


async def test_a_receiver_of_alerts_waits_for_no_others_to_be_put_together_with(database: Database) -> None:
    """It keeps alerts apart: what would be one page for a person is a message for each."""
    async with hl7_receiver() as receiver:
        outbox = await outbox_for(
            database, receiver.url, alarm_priorities={"motor_stall": "low"}, routes={Priority.LOW: route((0, "desk"))}
        )
        async with database.pool.acquire() as connection:
            waiting = await connection.fetchval("SELECT count(*) FROM deliveries WHERE together")
        await send(outbox)
    assert waiting == 1
    assert await outbox.states() == [("sent", 1)]
    assert receiver.states == [("start", "active", "enabled")]


async def test_a_receiver_that_is_not_ours_takes_and_acknowledges_it(database: Database) -> None:
    """python-hl7's own MLLP server, and the acknowledgement that it makes."""
    taken: list[hl7.Message] = []

    async def take(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        message = await reader.readmessage()
        taken.append(message)
        writer.writemessage(message.create_ack())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await start_hl7_server(take, host="127.0.0.1", port=0, encoding="utf-8") as server:
        outbox = await outbox_for(database, f"mllp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await send(outbox)
    assert await outbox.states() == [("sent", 1)]
    assert [str(each[0][9]) for each in taken] == ["ORU^R40^ORU_R40"]
