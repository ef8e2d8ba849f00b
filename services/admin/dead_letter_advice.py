"""PURE. For each reason of a dead letter, what an operator does about it, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.events import RejectionReason

_NEWER: Final = "If the device is newer than this server, upgrade the server and replay; if not, tell its maker"


def _software(what_to_do: str) -> str:
    return f"The device's software is wrong, and a replay changes nothing: tell its maker to {what_to_do}."


# docs/devices.md, section 6, tells a maker what to do in the same words; a test compares them.
ADVICE: Final[Mapping[RejectionReason, str]] = {
    RejectionReason.BAD_TOPIC: _software("mend the topic"),
    RejectionReason.UNKNOWN_DEVICE: (
        "Enrol the device (`pumpwatch enrol DEVICE --clinic CLINIC`) and replay; "
        "if nobody knows it, find out who publishes under its name."
    ),
    RejectionReason.UNPAIRED_DEVICE: (
        "Pair the handheld with its pump "
        "(`pumpwatch enrol HANDHELD --kind handheld --clinic CLINIC --pair-with PUMP`) and replay."
    ),
    RejectionReason.NOT_PAIRED_THEN: (
        "Find out whose the handheld was then, put that into the registry "
        "(`pumpwatch devices pair HANDHELD PUMP --from TIME`, `--until TIME`) and replay."
    ),
    RejectionReason.TOO_LARGE: _software("send fewer events in a message"),
    RejectionReason.EMPTY: "Nothing was in it, and a replay changes nothing. Makers are told: do not send it.",
    RejectionReason.NOT_JSON: _software("mend the encoder"),
    RejectionReason.NOT_AN_EVENT: _software("send an object, or an array of objects"),
    RejectionReason.BATCH_TOO_LONG: _software("send several messages"),
    RejectionReason.KIND_MISSING: _software("say the kind"),
    RejectionReason.KIND_MISMATCH: _software("mend one of the two"),
    RejectionReason.UNKNOWN_KIND: f"{_NEWER} to send what version 1 has.",
    RejectionReason.MISSING_FIELD: _software("send it"),
    RejectionReason.INVALID_FIELD: _software("mend the field"),
    RejectionReason.UNKNOWN_VALUE: f"{_NEWER} to send a listed one.",
    RejectionReason.CLOCK_AHEAD: (
        "Set the clock of the device; events that are right all the same go in with a wider "
        "`pumpwatch dead-letters replay --clock-ahead-hours`."
    ),
    RejectionReason.CLOCK_BEHIND: (
        "Set the clock of the device; if the events really are that old, replay them with a wider "
        "`pumpwatch dead-letters replay --clock-behind-days`."
    ),
    RejectionReason.CONFLICTING_DUPLICATE: _software("give what is new an `event_id` of its own"),
    RejectionReason.REFUSED_BY_DATABASE: (
        "The detail is the database's own: find what refuses (a constraint that somebody added?), mend it and replay."
    ),
    RejectionReason.INTERNAL_ERROR: "Pumpwatch itself failed on it: tell its developers, upgrade, and replay.",
}
"""One sentence for every reason."""


def advice_on(reason: str) -> str:
    """What to do about a dead letter. A reason that only a newer release knows gets an answer that says so."""
    try:
        return ADVICE[RejectionReason(reason)]
    except ValueError:
        return "This release does not know this reason: use the one that wrote it."
