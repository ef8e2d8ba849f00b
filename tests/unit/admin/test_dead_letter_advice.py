"""Every reason of a rejection comes with what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.events import RejectionReason
from services.admin.dead_letter_advice import ADVICE, advice_on


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


def test_makers_read_the_same_words():
    """docs/devices.md tells a maker what to do; an operator is told to tell them so."""
    guide = (Path(__file__).parents[3] / "docs" / "devices.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+?)(?:;.*)? \|$", guide, re.MULTILINE))
    # Not the maker's to mend:
    ours = {"unknown_device", "unpaired_device", "not_paired_then", "refused_by_database", "internal_error"}
    for reason in set(RejectionReason) - ours:
        assert told[reason].split(",")[0].lower() in advice_on(reason).lower(), reason
