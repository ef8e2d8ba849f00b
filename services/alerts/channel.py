"""Hand one page to one channel through Apprise, and say what came of it.

Guarantees: the call ends in `timeout_seconds` and a bit; the address is never logged or returned, and what
is returned as an error is made of our own words; a delivery's id goes along where the channel can carry it
(webhooks: header `Idempotency-Key` and field `delivery_id`), so that a receiver can drop a page that came
twice.

Apprise runs each send in a thread of its own pool; a send that is given up may still arrive.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import apprise

from schemas.policy import Priority

_STATUS: Final = re.compile(r"error=(\d{3})")
_CAN_CARRY_FIELDS: Final = ("json://", "jsons://", "form://", "forms://")
_RETRYABLE_REFUSALS: Final = frozenset({408, 409, 423, 425, 429})
_TYPES: Final = {
    Priority.HIGH: apprise.NotifyType.FAILURE,
    Priority.MEDIUM: apprise.NotifyType.WARNING,
    Priority.LOW: apprise.NotifyType.INFO,
    Priority.INFO: apprise.NotifyType.INFO,
}


class SendResult(StrEnum):
    """What came of an attempt."""

    SENT = "sent"
    RETRY = "retry"
    """It may work later: no answer, an error of the receiver, too many at once."""
    PERMANENT = "permanent"
    """It will not work however often it is tried: an unknown address, a refusal."""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The result, and for a failure a few words that hold no address."""

    result: SendResult
    error: str | None = None


def outcome_of_status(status: int) -> SendOutcome:
    """PURE. What an HTTP status other than 2xx means for trying again.

    A refusal (4xx) is permanent, save those that say "later"; everything else may pass.
    """
    refused = 400 <= status < 500 and status not in _RETRYABLE_REFUSALS
    return SendOutcome(SendResult.PERMANENT if refused else SendResult.RETRY, f"the receiver answered {status}")


def with_delivery_id(url: str, delivery_id: UUID) -> str:
    """PURE. The address, with the delivery's id for channels that can carry extra fields."""
    if not url.startswith(_CAN_CARRY_FIELDS):
        return url
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}:delivery_id={delivery_id}&+Idempotency-Key={delivery_id}"


class AppriseChannel:
    """Sends through Apprise."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        # Its own records name hosts and sometimes addresses: what we need of them comes with the result.
        apprise_log = logging.getLogger("apprise")
        apprise_log.propagate = False
        apprise_log.addHandler(logging.NullHandler())

    async def warm_up(self) -> None:
        """Load Apprise's plugins now rather than with the first page."""
        await asyncio.to_thread(apprise.Apprise().add, "json://localhost")

    async def send(self, url: str, title: str, body: str, priority: Priority, delivery_id: UUID) -> SendOutcome:
        """Send one page to one address."""
        target = apprise.Apprise()
        if not target.add(with_delivery_id(url, delivery_id)):
            return SendOutcome(SendResult.PERMANENT, "Apprise does not understand the channel's address")
        result = await target.async_notify(
            title=title, body=body, notify_type=_TYPES[priority], timeout=self._timeout_seconds
        )
        return self._outcome(result)

    def _outcome(self, result: apprise.AppriseResult) -> SendOutcome:
        match result.status:
            case apprise.AppriseResultStatus.SUCCESS:
                return SendOutcome(SendResult.SENT)
            case apprise.AppriseResultStatus.TIMEOUT:
                return SendOutcome(SendResult.RETRY, f"no answer within {self._timeout_seconds:g} s")
            case apprise.AppriseResultStatus.NOMATCH:
                return SendOutcome(SendResult.PERMANENT, "the channel's address names no receiver")
            case _:
                return _failure(" ".join(entry.message for entry in result.logs()))


def _failure(records: str) -> SendOutcome:
    status = _STATUS.search(records)
    if status is not None:
        return outcome_of_status(int(status[1]))
    if "onnection" in records:
        return SendOutcome(SendResult.RETRY, "no connection to the receiver")
    return SendOutcome(SendResult.RETRY, "the channel reported a failure")
