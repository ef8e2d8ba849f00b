"""Real receivers of pages, in each way they can fail: what is tried again, who is told instead, what the board says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
import structlog

from schemas.policy import Channel, Contact, Policy, Priority
from services.devstack.pages import PageCollector
from tests.alerts_pages import Outbox, client_for
from tests.alerts_world import T0, Story, route, stall
from tests.integration.alerts.receivers import SECRET, Authority, Receiver, mail_server, nobody, ntfy, silent, webhook
from tests.stack import Database

WEB = f"json://me:{SECRET}@127.0.0.1:{{port}}/{SECRET}"
MAIL = (
    f"mailto://me:{SECRET}@127.0.0.1:{{port}}/?smtp=127.0.0.1&mode=insecure&from=p@clinic.example&to=n@clinic.example"
)
TIMEOUT_SECONDS = 0.6
ATTEMPTS = 3

Start = Callable[[Authority], AbstractContextManager[Receiver]]


@dataclass(frozen=True)
class Case:
    """A receiver that fails, and the words that say how."""

    start: Start
    error: str
    again: bool


UNTRUSTED = "the certificate is signed by nobody that is trusted"
CASES = {
    "webhook refuses the connection": Case(lambda _: nobody(WEB), "the connection was refused", True),
    "webhook answers 500": Case(lambda _: webhook(status=500), "the receiver answered 500", True),
    "webhook answers 429": Case(lambda _: webhook(status=429), "the receiver answered 429", True),
    "webhook answers 404": Case(lambda _: webhook(status=404), "the receiver answered 404", False),
    "webhook answers 401": Case(lambda _: webhook(status=401), "the receiver answered 401", False),
    "webhook hangs": Case(lambda _: silent(WEB), f"no answer within {TIMEOUT_SECONDS:g} s", True),
    "webhook's certificate is self-signed": Case(lambda ca: webhook(tls=ca.context("self-signed")), UNTRUSTED, True),
    "webhook's certificate is another's": Case(
        lambda ca: webhook(tls=ca.context("other host")), "the certificate is another host's", True
    ),
    "webhook's certificate has expired": Case(
        lambda ca: webhook(tls=ca.context("expired")), "the certificate has expired", True
    ),
    "mail server refuses the connection": Case(lambda _: nobody(MAIL), "the connection was refused", True),
    "mail server answers 451": Case(
        lambda _: mail_server(to_recipient="451 4.7.1 try later"), "the mail server answered 451", True
    ),
    "mail server answers 550": Case(
        lambda _: mail_server(to_recipient="550 5.1.1 no such user"), "the mail server answered 550", False
    ),
    "mail server refuses the message": Case(
        lambda _: mail_server(to_message="554 5.7.1 spam"), "the mail server answered 554", False
    ),
    "mail server refuses the login": Case(
        lambda _: mail_server(login=False), "the mail server refused the login with 535", False
    ),
    "mail server hangs": Case(lambda _: silent(MAIL), f"no answer within {TIMEOUT_SECONDS:g} s", True),
    "mail server's certificate is self-signed": Case(
        lambda ca: mail_server(tls=ca.context("self-signed")), UNTRUSTED, True
    ),
    "mail server's certificate is another's": Case(
        lambda ca: mail_server(tls=ca.context("other host")), "the certificate is another host's", True
    ),
    "ntfy hangs": Case(lambda _: ntfy(stopped=True), f"no answer within {TIMEOUT_SECONDS:g} s", True),
    "ntfy forbids it": Case(
        lambda _: ntfy(more={"auth-file": "{folder}/auth.db", "auth-default-access": "read-only"}),
        "the receiver answered 403",
        False,
    ),
    "ntfy has had too many": Case(
        lambda _: ntfy(more={"visitor-request-limit-burst": 0}), "the receiver answered 429", True
    ),
    "ntfy's certificate is self-signed": Case(lambda ca: ntfy(tls=ca), UNTRUSTED, True),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    made.make()
    return made


@pytest.fixture(autouse=True)
def _trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/operating/paging/pages.md says for an authority of one's own."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))


async def outbox_for(database: Database, *urls: str, doctor: str | None = None) -> Outbox:
    """A stall, a nurse with these channels, and perhaps a doctor whose turn is in 10 minutes."""
    nurse = Contact(name="nurse", channels=tuple(Channel(name=f"way {n}", url=url) for n, url in enumerate(urls, 1)))
    others = [Contact(name="doctor", channels=(Channel(name="pager", url=doctor),))] if doctor else []
    steps = [(0.0, "nurse"), *((10.0, each.name) for each in others)]
    policy = Policy(contacts=(nurse, *others), routes={Priority.HIGH: route(*steps)})
    story = Story(database.pool, database.dsn, policy=policy)
    await story.enrol()
    await stall(database, [story.pump_id])
    await story.new_worker().queue_once()
    return Outbox(story, database, policy, {})


async def send(outbox: Outbox) -> None:
    options = {"send_timeout_seconds": TIMEOUT_SECONDS, "send_attempts": ATTEMPTS}
    await outbox.dispatcher(**options).send_due()


async def delivery(outbox: Outbox, contact: str, channel: str):
    query = "SELECT * FROM deliveries WHERE contact = $1 AND channel = $2"
    return await outbox.database.pool.fetchrow(query, contact, channel)


async def board_of(outbox: Outbox) -> str:
    """What stands on the alert's page, without markup."""
    async with client_for(outbox.story) as client:
        alert_id = await outbox.database.pool.fetchval("SELECT alert_id FROM alerts")
        page = (await client.get(f"/alerts/{alert_id}")).text
        answer = (await client.get(f"/v1/alerts/{alert_id}")).text
    assert SECRET not in page + answer
    words = re.sub(r"&#39;", "'", re.sub(r"<[^>]*>", " ", page))
    return re.sub(r"\s+", " ", words)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_a_receiver_fails(
    database: Database,
    authority: Authority,
    page_collector: PageCollector,
    case: Case,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with case.start(authority) as receiver, structlog.testing.capture_logs() as logs:
        outbox = await outbox_for(database, receiver.url, page_collector.url)
        words = f"{case.error} ({receiver.place})"

        await send(outbox)
        first = await delivery(outbox, "nurse", "way 1")
        assert (first["attempts"], first["last_error"]) == (1, words)
        if case.again:
            # It waits 2 seconds and a bit, and the next channel waits for the second failure.
            assert first["state"] == "due"
            assert timedelta(seconds=2) <= first["due_at"] - T0 <= timedelta(seconds=2.5)
            assert page_collector.pages == ()
            board = await board_of(outbox)
            assert "Nobody reached yet." in board
            assert f"Still trying nurse by way 1: {words} (1 try), next" in board
            outbox.later(3)
            await send(outbox)
            first = await delivery(outbox, "nurse", "way 1")
            assert (first["state"], first["attempts"]) == ("due", 2)
            assert timedelta(seconds=4) <= first["due_at"] - outbox.story.now <= timedelta(seconds=5)
            await send(outbox)
        assert [page.title for page in page_collector.pages] == ["Pumpwatch HIGH: pump alarm"]
        assert (await delivery(outbox, "nurse", "way 2"))["state"] == "sent"

        for _ in range(ATTEMPTS):
            outbox.later(300)
            await send(outbox)
        first = await delivery(outbox, "nurse", "way 1")
        assert (first["state"], first["attempts"]) == ("failed", ATTEMPTS if case.again else 1)
        board = await board_of(outbox)
        assert f"Could not tell nurse by way 1: {words}" in board
        assert "Told: nurse by way 2" in board
        assert "Nobody reached" not in board
        assert len(page_collector.pages) == 1
        assert receiver.bodies == []
    rows = await database.pool.fetch("SELECT * FROM deliveries")
    captured = capfd.readouterr()
    assert SECRET not in f"{logs}{[dict(row) for row in rows]}{captured.out}{captured.err}"


@pytest.mark.parametrize("name", ["webhook answers 404", "mail server answers 550", "mail server hangs"])
async def test_when_the_last_channel_has_failed_for_good_the_next_contact_is_told_at_once(
    database: Database, authority: Authority, page_collector: PageCollector, name: str
) -> None:
    case = CASES[name]
    with case.start(authority) as receiver:
        outbox = await outbox_for(database, receiver.url, doctor=page_collector.url)
        await send(outbox)
        for _ in range(ATTEMPTS - 1 if case.again else 0):
            assert page_collector.pages == ()
            outbox.later(10)
            await send(outbox)
        await send(outbox)
        assert [page.title for page in page_collector.pages] == ["Pumpwatch HIGH: pump alarm"]
        assert outbox.story.now - T0 < timedelta(minutes=10)
        board = await board_of(outbox)
        assert f"Could not tell nurse by way 1: {case.error} ({receiver.place})" in board
        assert "Told: doctor by pager" in board


async def test_a_webhook_and_what_it_gets(database: Database, authority: Authority) -> None:
    with webhook(tls=authority.context("right")) as receiver:
        outbox = await outbox_for(database, receiver.url)
        await send(outbox)
        row = await delivery(outbox, "nurse", "way 1")
    assert (row["state"], row["attempts"], row["last_error"]) == ("sent", 1, None)
    (body,), (headers,) = receiver.bodies, receiver.headers
    alert_id, number = str(row["alert_id"]), str(row["delivery_id"])
    assert json.loads(body) == {
        "version": "1.0",
        "title": "Pumpwatch HIGH: pump alarm",
        "message": f"Alert {alert_id[:8]}. Open https://pw.example.org/alerts/{alert_id}",
        "attachments": [],
        "type": "failure",
        "delivery_id": number,
    }
    assert (headers["Idempotency-Key"], headers["User-Agent"]) == (number, "Pumpwatch")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "STARTTLS"])
async def test_a_mail_and_what_stands_in_it(database: Database, authority: Authority, encrypted: bool) -> None:
    with mail_server(tls=authority.context("right") if encrypted else None) as receiver:
        outbox = await outbox_for(database, receiver.url)
        await send(outbox)
        row = await delivery(outbox, "nurse", "way 1")
    assert (row["state"], row["attempts"], row["last_error"]) == ("sent", 1, None)
    (mail,) = receiver.mails
    alert_id = str(row["alert_id"])
    assert mail["Subject"] == "Pumpwatch HIGH: pump alarm"
    assert (mail["From"], mail["To"]) == ("pumpwatch@clinic.example", "nurse@clinic.example")
    assert (mail["Auto-Submitted"], mail["Importance"]) == ("auto-generated", "high")
    assert mail["X-Pumpwatch-Delivery"] == str(row["delivery_id"])
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().strip() == f"Alert {alert_id[:8]}. Open https://pw.example.org/alerts/{alert_id}"
    assert "pprise" not in str(mail)
    assert outbox.story.pump_id not in str(mail)


async def test_what_a_device_wrote_stands_in_a_mail_as_it_wrote_it_and_is_never_markup(database: Database) -> None:
    """Also in one that a clinic wants as HTML."""
    wrote = 'refill <img src="https://evil.example/x.png"> & <a href="https://evil.example">see</a>'
    for options in ("", "&format=html"):
        with mail_server() as receiver:
            outbox = await outbox_for(database, receiver.url + options)
            await database.pool.execute("UPDATE deliveries SET title = $1, body = $1", wrote)
            await send(outbox)
        (mail,) = receiver.mails
        assert mail["Subject"] == wrote
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        assert parts["text/plain"].strip() == wrote
        assert set(parts) == ({"text/plain", "text/html"} if options else {"text/plain"})
        for markup in ("<img", "<a "):
            assert markup not in parts.get("text/html", "")
        await database.pool.execute("DELETE FROM deliveries")


async def test_a_push_message_and_what_stands_in_it(database: Database) -> None:
    with ntfy() as receiver:
        outbox = await outbox_for(database, receiver.url)
        await send(outbox)
        row = await delivery(outbox, "nurse", "way 1")
        async with httpx.AsyncClient() as reader:
            answer = await reader.get(receiver.url.replace("ntfy://", "http://") + "/json?poll=1")
    (message,) = (json.loads(line) for line in answer.text.splitlines())
    assert (row["state"], row["attempts"], row["last_error"]) == ("sent", 1, None)
    alert_id = str(row["alert_id"])
    assert (message["title"], message["priority"]) == ("Pumpwatch HIGH: pump alarm", 5)  # through "do not disturb"
    assert message["message"] == f"Alert {alert_id[:8]}. Open https://pw.example.org/alerts/{alert_id}"
    assert set(message) == {"id", "time", "expires", "event", "topic", "title", "message", "priority"}


async def test_receivers_that_hang_do_not_hold_up_one_that_works(
    database: Database, page_collector: PageCollector
) -> None:
    """With the settings as they are: as many pages as a channel may have under way wait for a server that is silent."""
    with silent(MAIL) as first, silent(WEB) as second:
        outbox = await outbox_for(database, first.url, second.url, page_collector.url)
        for channel, count in (("way 1", 20), ("way 2", 20), ("way 3", 1)):
            await database.pool.execute(
                "INSERT INTO deliveries (alert_id, clinic_id, kind, episode, contact, channel, priority, title, body, "
                "created_at, due_at) SELECT alert_id, clinic_id, 'returned', n::text, 'nurse', $1, 'high', 't', 'b', "
                "$2, $2 FROM alerts, generate_series(1, $3) n",
                channel,
                T0 - timedelta(seconds=1 if channel != "way 3" else 0),
                count,
            )
        running = asyncio.create_task(outbox.dispatcher(send_timeout_seconds=3.0).run())
        try:
            await page_collector.wait_for(1, within_seconds=2.0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_server_that_hangs_holds_up_no_others_however_many_people_are_told_by_it(
    database: Database, page_collector: PageCollector
) -> None:
    """Five people's mail goes by one server: with a limit for each channel alone they would take every place."""
    with silent(MAIL) as mail:
        outbox = await outbox_for(database, *[mail.url] * 5, page_collector.url)
        await database.pool.execute("UPDATE deliveries SET state = 'cancelled'")
        for channel, earlier, count in (*((f"way {place}", 60, 20) for place in range(1, 6)), ("way 6", 0, 1)):
            await database.pool.execute(
                "INSERT INTO deliveries (alert_id, clinic_id, kind, episode, contact, channel, priority, title, body, "
                "created_at, due_at) SELECT alert_id, clinic_id, 'returned', n::text, 'nurse', $1, 'high', 't', 'b', "
                "$2, $2 FROM alerts, generate_series(1, $3) n",
                channel,
                T0 - timedelta(seconds=earlier),
                count,
            )
        running = asyncio.create_task(outbox.dispatcher(send_timeout_seconds=3.0).run())
        try:
            await page_collector.wait_for(1, within_seconds=2.0)
            query = "SELECT state, count(*) FROM deliveries WHERE channel <> 'way 6' GROUP BY 1"
            states = {row["state"]: row["count"] for row in await database.pool.fetch(query)}
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert states == {"cancelled": 1, "due": 68, "sending": 32}
    attempts = await database.pool.fetchval("SELECT sum(attempts) FROM deliveries WHERE channel <> 'way 6'")
    assert attempts == 32  # what was put back was no attempt
