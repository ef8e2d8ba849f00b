"""PURE. What is said of one requirement, and the words for moments, events and topics in it.

Guarantee: evidence holds topics, ids, times, names of fields and reasons, and nothing else of a payload.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.conformance.requirements import Requirement
from services.conformance.story import Send, Story

_TOPIC_SHOWN: Final = 120


class Verdict(StrEnum):
    """What came of a requirement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SEEN = "not seen"
    """It could have been seen, and what it takes did not happen in this run."""
    NOT_APPLICABLE = "not applicable"
    """This device has nothing of the kind."""
    CANNOT_BE_SEEN = "cannot be seen from outside"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and what it rests on: when, where, what came, what was expected."""

    verdict: Verdict
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A requirement, and what came of it."""

    requirement: Requirement
    verdict: Verdict
    evidence: str


Check = Callable[[Story], Judged]


def passed(evidence: str = "") -> Judged:
    """It was seen to be so."""
    return Judged(Verdict.PASSED, evidence)


def failed(evidence: str) -> Judged:
    """It was seen not to be so."""
    return Judged(Verdict.FAILED, evidence)


def not_seen(evidence: str) -> Judged:
    """What it takes did not happen."""
    return Judged(Verdict.NOT_SEEN, evidence)


def not_applicable(evidence: str) -> Judged:
    """There is nothing of the kind."""
    return Judged(Verdict.NOT_APPLICABLE, evidence)


def counted(number: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def moment(at: float) -> str:
    """When, from the beginning of the run on."""
    return f"at {at:.1f} s"


def short(event_id: UUID) -> str:
    """Enough of an id to find it."""
    return f"event {str(event_id)[:8]}"


def place(send: Send) -> str:
    """When and where a message was published."""
    topic = send.published.topic
    return f"{moment(send.at)} on {topic[:_TOPIC_SHOWN]!a}"
