"""Every reason of a rejection comes with what to do about it."""

from __future__ import annotations

import pytest

from schemas.events import RejectionReason
from services.admin.advice import ADVICE, advice_on


def test_every_reason_has_its_advice_and_no_other_has():
    assert set(ADVICE) == set(RejectionReason)


@pytest.mark.parametrize("reason", RejectionReason)
def test_advice_is_a_sentence_and_says_whether_a_replay_helps(reason):
    sentence = advice_on(reason)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "replay" in sentence


def test_a_reason_of_a_newer_release_is_no_error():
    assert "does not know this reason" in advice_on("too_beautiful")
