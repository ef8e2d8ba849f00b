"""PURE. What a message service says of a page that it took, and when it is asked.

That a service took a page does not say that a phone has it. Twilio knows by the network (message status), Pushover by
its app, for messages of priority "emergency" (receipts). A page that did not arrive has failed, whatever was written
when it was taken: the next channel, or the next step, is told (services/alerts/delivery/escalate.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

FIRST_ASKED_AFTER: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_ASKED_FOR: Final = timedelta(hours=3, minutes=10)
"""Pushover's emergencies last 3 hours at most; Twilio knows within minutes."""
_LATEST: Final = 253_402_300_799


class ReceiptSaid(StrEnum):
    """What became of a page."""

    ARRIVED = "arrived"
    """A phone has it."""
    ANSWERED = "answered"
    """Somebody answered it in the app."""
    NOT_ARRIVED = "not_arrived"
    """No phone has it, and none will."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service says now."""

    said: ReceiptSaid | None = None
    """None: nothing is known yet."""
    at: datetime | None = None
    """When it happened, if the service says so."""
    words: str | None = None
    """Why it did not arrive, in words of ours."""
    is_final: bool = False
    """It will say nothing else."""


def ask_next(sent_at: datetime, now: datetime) -> datetime | None:
    """When to ask again; None: no more. Less and less often: what is not known soon is known late."""
    if now - sent_at > _ASKED_FOR:
        return None
    return now + min(_LONGEST_PAUSE, max(FIRST_ASKED_AFTER, (now - sent_at) / 2))


def twilio_said(document: Mapping[str, Any]) -> Answer:
    """Read a message resource: https://www.twilio.com/docs/messaging/api/message-resource, `status`."""
    status = document.get("status")
    if status in ("delivered", "read"):
        return Answer(ReceiptSaid.ARRIVED, is_final=True)
    if status in ("undelivered", "failed", "canceled"):
        code = document.get("error_code")
        why = f" with error {code}" if isinstance(code, int) else ""
        return Answer(
            ReceiptSaid.NOT_ARRIVED, words=f"Twilio says that it was not delivered: {status}{why}", is_final=True
        )
    return Answer()


def pushover_said(document: Mapping[str, Any]) -> Answer:
    """Read the receipt of an emergency message: https://pushover.net/api/receipts."""
    if document.get("acknowledged") == 1:
        return Answer(ReceiptSaid.ANSWERED, _moment(document.get("acknowledged_at")), is_final=True)
    delivered_at, is_over = _moment(document.get("last_delivered_at")), document.get("expired") == 1
    if delivered_at is not None:
        return Answer(ReceiptSaid.ARRIVED, delivered_at, is_final=is_over)
    if is_over:
        return Answer(ReceiptSaid.NOT_ARRIVED, words="Pushover reached no phone until it gave up", is_final=True)
    return Answer()


def _moment(seconds: object) -> datetime | None:
    """Seconds since 1970 that a service says; 0, or what is none: not yet."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)
