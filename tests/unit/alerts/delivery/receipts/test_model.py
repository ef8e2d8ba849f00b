"""What message services say of a page, read; and when they are asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.delivery.receipts.model import Answer, ReceiptSaid, ask_next, pushover_said, twilio_said

SENT = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
AT = datetime(2026, 11, 27, 2, 3, tzinfo=UTC)
SECONDS = int(AT.timestamp())


@pytest.mark.parametrize(
    "status", ["accepted", "scheduled", "queued", "sending", "sent", "receiving", "of next year", 7]
)
def test_twilio_may_not_know_yet(status: object) -> None:
    assert twilio_said({"status": status}) == Answer()


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_twilio_says_that_a_phone_has_it(status: str) -> None:
    assert twilio_said({"status": status, "error_code": None}) == Answer(ReceiptSaid.ARRIVED, is_final=True)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"status": "undelivered", "error_code": 30003}, "undelivered with error 30003"),
        ({"status": "failed", "error_code": None}, "failed"),
        ({"status": "canceled", "error_code": "<b>"}, "canceled"),
    ],
)
def test_twilio_says_that_no_phone_has_it_and_why(document: dict[str, Any], words: str) -> None:
    answer = twilio_said(document)
    assert (answer.said, answer.is_final) == (ReceiptSaid.NOT_ARRIVED, True)
    assert answer.words == f"Twilio says that it was not delivered: {words}"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"acknowledged": 0, "last_delivered_at": 0, "expired": 0}, Answer()),
        ({"acknowledged": 0, "last_delivered_at": SECONDS, "expired": 0}, Answer(ReceiptSaid.ARRIVED, AT)),
        ({"last_delivered_at": SECONDS, "expired": 1}, Answer(ReceiptSaid.ARRIVED, AT, is_final=True)),
        (
            {"acknowledged": 1, "acknowledged_at": SECONDS, "expired": 1},
            Answer(ReceiptSaid.ANSWERED, AT, is_final=True),
        ),
        (
            {"acknowledged": 0, "last_delivered_at": 0, "expired": 1},
            Answer(ReceiptSaid.NOT_ARRIVED, words="Pushover reached no phone until it gave up", is_final=True),
        ),
    ],
)
def test_pushover_says_whether_a_phone_has_it_and_whether_it_was_answered(
    document: dict[str, Any], expected: Answer
) -> None:
    assert pushover_said(document) == expected


values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))
names = ["status", "error_code", "acknowledged", "acknowledged_at", "last_delivered_at", "expired"]


@given(st.dictionaries(st.sampled_from(names), values))
def test_whatever_a_service_says_is_read(document: dict[str, Any]) -> None:
    for read in (twilio_said, pushover_said):
        answer = read(document)
        assert (answer.words is not None) == (answer.said is ReceiptSaid.NOT_ARRIVED)


def test_a_service_is_asked_less_and_less_often_and_not_for_ever() -> None:
    now, pauses = SENT, list[timedelta]()
    while (again := ask_next(SENT, now)) is not None:
        pauses.append(again - now)
        now = again
    assert pauses[0] == timedelta(seconds=5)
    assert max(pauses) == timedelta(minutes=5)
    assert pauses == sorted(pauses)
    assert timedelta(hours=3) < now - SENT < timedelta(hours=4)
    assert len(pauses) < 60
