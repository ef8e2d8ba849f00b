"""A disk that does not answer holds up no page: it fails, the next channel is told, and one thread waits."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from services.alerts.delivery.send_outcome import SendOutcome, SendResult
from services.alerts.delivery.webhooks.channel import WebhookChannel
from services.alerts.delivery.webhooks.signing import Secret, read_line
from tests.unit.alerts.delivery.webhooks.pages import PAGE, PUBLISHED_SECRET

URL = "webhook+http://127.0.0.1:1/tops3cret#secret=/nowhere/secret"


async def test_a_secret_that_is_not_read_in_time_fails_the_page_and_the_one_that_comes_signs() -> None:
    answers, asked = threading.Event(), []

    def read(path: Path) -> tuple[Secret, ...]:
        asked.append(path)
        answers.wait(30)
        return read_line(PUBLISHED_SECRET)

    channel = WebhookChannel(1.0, read=read)
    with structlog.testing.capture_logs() as records:
        outcomes = [await channel.send(URL, PAGE) for _ in range(3)]
    assert {each.result for each in outcomes} == {SendResult.PERMANENT}
    assert asked == [Path("/nowhere/secret")]
    assert [each["event"] for each in records] == ["webhook_not_signed"] * 3
    assert "tops3cret" not in str(records)
    answers.set()
    refused = SendOutcome(SendResult.RETRY, "the connection was refused (127.0.0.1:1)")
    while (last := await channel.send(URL, PAGE)) in outcomes:  # until the thread that waited has ended
        pass
    assert last == refused


async def test_an_address_that_cannot_be_read_fails_without_a_word_of_it() -> None:
    outcome = await WebhookChannel(1.0).send("webhook+https://h/tops3cret", PAGE)
    assert outcome.result is SendResult.PERMANENT
    assert "tops3cret" not in str(outcome.error)
