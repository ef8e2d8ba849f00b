"""PURE. For each reason of a rejection, what an operator does about it, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, RejectionReason
from schemas.topics import ROOT

_NEWER: Final = "if the device is newer than this server, upgrade the server and replay, else its software is wrong"
_SOFTWARE: Final = "the device's software is wrong: tell its maker what the detail says; a replay changes nothing"

ADVICE: Final[Mapping[RejectionReason, str]] = {
    RejectionReason.BAD_TOPIC: f"{_SOFTWARE} (expected {ROOT}/DEVICE/events/KIND).",
    RejectionReason.UNKNOWN_DEVICE: (
        "Enrol the device (`pumpwatch enrol DEVICE --clinic CLINIC`) and replay; "
        "if nobody knows it, find out who publishes under its name."
    ),
    RejectionReason.UNPAIRED_DEVICE: (
        "Pair the handheld with its pump "
        "(`pumpwatch enrol HANDHELD --kind handheld --clinic CLINIC --pair-with PUMP`) and replay."
    ),
    RejectionReason.TOO_LARGE: f"{_SOFTWARE} (at most {MAX_PAYLOAD_BYTES} bytes in a message).",
    RejectionReason.EMPTY: f"{_SOFTWARE}.",
    RejectionReason.NOT_JSON: f"{_SOFTWARE}.",
    RejectionReason.NOT_AN_EVENT: f"{_SOFTWARE}.",
    RejectionReason.BATCH_TOO_LONG: f"{_SOFTWARE} (at most {MAX_BATCH_EVENTS} events in a message).",
    RejectionReason.KIND_MISSING: f"{_SOFTWARE}.",
    RejectionReason.KIND_MISMATCH: f"{_SOFTWARE}.",
    RejectionReason.UNKNOWN_KIND: f"The server does not know this kind of event: {_NEWER}.",
    RejectionReason.MISSING_FIELD: f"{_SOFTWARE}.",
    RejectionReason.INVALID_FIELD: f"{_SOFTWARE}.",
    RejectionReason.UNKNOWN_VALUE: f"The server does not know this value: {_NEWER}.",
    RejectionReason.CLOCK_AHEAD: (
        "Set the device's clock; events that are right all the same go in with a wider "
        "`pumpwatch rejects replay --clock-ahead-hours`."
    ),
    RejectionReason.CLOCK_BEHIND: (
        "Set the device's clock; if the events really are that old, replay them with a wider "
        "`pumpwatch rejects replay --clock-behind-days`."
    ),
    RejectionReason.REFUSED_BY_DATABASE: (
        "The detail is the database's own: find what refuses (a constraint that somebody added?), mend it and replay."
    ),
}
"""Every reason has its sentence; the first letter is made a capital where it is shown."""


def advice_on(reason: str) -> str:
    """What to do about a rejection; a reason that a newer release wrote has no better answer than that."""
    try:
        sentence = ADVICE[RejectionReason(reason)]
    except ValueError:
        return "This release does not know this reason: use the one that wrote it."
    return sentence[:1].upper() + sentence[1:]
