"""What a receiver's answer means for trying again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.delivery.hl7.acknowledgement import LONGEST_REASON, outcome_of_answer
from services.alerts.delivery.send_outcome import SendResult, outcome_of_cause

OURS = "0b5f4b2e-0000-4000-8000-000000000001"
MSH = "MSH|^~\\&|MW|HOSPITAL|PUMPWATCH|north|20260302090000||ACK^R40^ACK|77|P|2.6\r"


@pytest.mark.parametrize(
    ("rest", "result", "error"),
    [
        (f"MSA|AA|{OURS}\r", SendResult.SENT, None),
        (f"MSA|CA|{OURS}\r", SendResult.SENT, None),
        (f"MSA|CA|{OURS}", SendResult.SENT, None),
        (f"SFT|x\n\rMSA|AA|{OURS}|thanks\r", SendResult.SENT, None),
        (f"MSA|AE|{OURS}\r", SendResult.RETRY, "the receiver had an error (AE)"),
        (f"MSA|CE|{OURS}|queue full\r", SendResult.RETRY, "the receiver had an error (CE): 'queue full'"),
        (f"MSA|AR|{OURS}\r", SendResult.PERMANENT, "the receiver refused the message (AR)"),
        (
            f"MSA|CR|{OURS}|no\rERR|||103^Table value not found^HL70357|E|||x|no such\\T\\ unit\r",
            SendResult.PERMANENT,
            "the receiver refused the message (CR): 'no such& unit'",
        ),
        (
            f"MSA|CR|{OURS}\rERR|||103^Table value not found^HL70357|E\r",
            SendResult.PERMANENT,
            "the receiver refused the message (CR): '103 Table value not found'",
        ),
        ("MSA|XX|1\r", SendResult.RETRY, "the receiver's answer is no HL7 acknowledgement"),
        ("", SendResult.RETRY, "the receiver's answer is no HL7 acknowledgement"),
        ("MSA|AA", None, None),
    ],
)
def test_the_answer_says_whether_it_is_tried_again(rest: str, result: SendResult | None, error: str | None) -> None:
    outcome = outcome_of_answer(MSH + rest, OURS)
    if result is None:
        assert outcome is None
    else:
        assert outcome is not None
        assert (outcome.result, outcome.error) == (result, error)


@pytest.mark.parametrize("code", ["AA", "AE", "AR", "CA", "CE", "CR"])
def test_an_answer_to_another_message_is_none_to_ours(code: str) -> None:
    assert outcome_of_answer(f"{MSH}MSA|{code}|another\r", OURS) is None


@pytest.mark.parametrize("garbage", ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "MSH", "MSH|", "\0\0\0", "MSA|AA|" + OURS])
def test_garbage_is_no_answer_and_is_tried_again(garbage: str) -> None:
    outcome = outcome_of_answer(garbage, OURS)
    assert outcome is not None
    assert outcome.result is SendResult.RETRY


def test_a_receiver_that_uses_other_delimiters_is_understood() -> None:
    outcome = outcome_of_answer(f"MSH#^~\\&#x\rMSA#AA#{OURS}\r", OURS)
    assert outcome is not None
    assert outcome.result is SendResult.SENT


@given(answer=st.text(), reason=st.text())
def test_whatever_is_answered_is_understood_or_tried_again_in_one_short_line(answer: str, reason: str) -> None:
    outcome_of_answer(answer, OURS)
    outcome = outcome_of_answer(f"{MSH}MSA|AR|{OURS}|{reason.replace('|', ' ')}\r", OURS)
    assert outcome is not None
    assert outcome.error is not None
    assert len(outcome.error) < LONGEST_REASON * 10
    assert outcome.error.isprintable()


def test_a_long_reason_is_cut() -> None:
    outcome = outcome_of_answer(f"{MSH}MSA|AR|{OURS}|{'no ' * 500}\r", OURS)
    assert outcome is not None
    assert outcome.error is not None
    assert outcome.error.endswith("...'")
    assert len(outcome.error) < LONGEST_REASON + 60


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 2575)"), "the connection was refused"),
        (ConnectionResetError("Connection lost"), "the connection was closed without an answer"),
        (OSError(-2, "Name or service not known"), "the host is not known"),
        (OSError(113, "No route to s3cret"), "no connection to the receiver"),
    ],
)
def test_a_connection_that_fails_is_tried_again_and_named_in_our_words(error: OSError, words: str) -> None:
    outcome = outcome_of_cause(error)
    assert (outcome.result, outcome.error) == (SendResult.RETRY, words)
