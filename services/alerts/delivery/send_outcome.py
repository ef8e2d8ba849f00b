"""PURE. What came of an attempt to send, from what the channel's library wrote down about it.

Guarantees: the words are our own and hold nothing of an address but the host that it names: what a library writes
about a failure may repeat an address with its passwords, and what a receiver answers may be anything.

| the receiver                                        | is tried again | the next channel is used      |
| --------------------------------------------------- | -------------- | ----------------------------- |
| cannot be reached, hangs, closes the connection     | yes            | after some tries (the policy) |
| answers 5xx, 408, 409, 423, 425, 429; SMTP: 4xx     | yes            | after some tries              |
| has a certificate that cannot be trusted            | yes            | after some tries              |
| answers another 4xx; SMTP: 5xx                      | no             | at once                       |
| answers AE or CE; nothing of HL7 (services.alerts.delivery.hl7.acknowledgement) | yes | after some tries |
| answers AR or CR                                    | no             | at once                       |

A wrong certificate is tried again because it is mended without us (most have expired); nothing was sent meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_STATUS: Final = re.compile(r"error=(\d{3})(?:\d\d)?\b")
"""ntfy has numbers of its own, which begin with the status: 40301."""
_SMTP_REPLY: Final = re.compile(r"[(](\d{3}), b?['\"]|was refused: (\d{3}) ")
_CAUSE: Final = "Socket Exception"
_RETRYABLE_REFUSALS: Final = frozenset({408, 409, 423, 425, 429})
_LOGIN_REPLIES: Final = frozenset({530, 534, 535, 538})
_CAUSES: Final = (
    # In this order: what names a certificate names a connection as well.
    (("self-signed", "self signed"), "the certificate is signed by nobody that is trusted"),
    (("certificate has expired",), "the certificate has expired"),
    (("Hostname mismatch", "IP address mismatch", "doesn't match"), "the certificate is another host's"),
    (("CERTIFICATE_VERIFY_FAILED",), "the certificate is signed by nobody that is trusted"),
    (("WRONG_VERSION_NUMBER", "STARTTLS extension not supported", "SSLError", "[SSL"), "no encrypted connection"),
    (("AUTH extension not supported", "No suitable authentication"), "the mail server takes no login"),
    (("onnection refused", "Connect call failed"), "the connection was refused"),
    (("NameResolutionError", "ame or service not known", "getaddrinfo", "name resolution"), "the host is not known"),
    (
        ("onnection aborted", "unexpectedly closed", "reset by peer", "onnection lost", "Broken pipe"),
        "the connection was closed without an answer",
    ),
)


class SendResult(StrEnum):
    """What came of an attempt."""

    SENT = "sent"
    RETRY = "retry"
    """It may work later: no answer, an error of the receiver, too many at once."""
    PERMANENT = "permanent"
    """It will not work however often it is tried: an unknown address, a refusal."""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The result, and for a failure a few words that hold no secret."""

    result: SendResult
    error: str | None = None
    receipt: str | None = None
    """By which the service that took it can be asked what became of it; None: it cannot."""

    def at(self, where: str) -> SendOutcome:
        """The same, and the words say where."""
        return SendOutcome(self.result, f"{self.error} ({where})")


def outcome_of_status(status: int) -> SendOutcome:
    """What an HTTP status other than 2xx means for trying again.

    A refusal (4xx) is permanent, save those that say "later"; everything else may pass.
    """
    refused = 400 <= status < 500 and status not in _RETRYABLE_REFUSALS
    return SendOutcome(SendResult.PERMANENT if refused else SendResult.RETRY, f"the receiver answered {status}")


def outcome_of_replies(codes: Iterable[int]) -> SendOutcome:
    """What the replies of a mail server mean: 4xx "later", 5xx "no"; with several the best hope counts."""
    code = min(codes)
    if code in _LOGIN_REPLIES:
        return SendOutcome(SendResult.PERMANENT, f"the mail server refused the login with {code}")
    return SendOutcome(SendResult.PERMANENT if code >= 500 else SendResult.RETRY, f"the mail server answered {code}")


def no_answer(timeout_seconds: float) -> SendOutcome:
    """The time for one attempt was over."""
    return SendOutcome(SendResult.RETRY, f"no answer within {timeout_seconds:g} s")


def outcome_of_cause(error: OSError) -> SendOutcome:
    """What a connection that failed means: it is tried again, and only known causes are named."""
    for signs, words in _CAUSES:
        if any(sign in str(error) for sign in signs):
            return SendOutcome(SendResult.RETRY, words)
    return SendOutcome(SendResult.RETRY, "no connection to the receiver")


def outcome_of_failure(warnings: Iterable[str], details: Iterable[str], timeout_seconds: float) -> SendOutcome:
    """What a failed attempt's records mean.

    Args:
        warnings: What was written for people; names the status of an HTTP answer.
        details: What was written for programmers; those that begin with "Socket Exception" name the cause.
        timeout_seconds: How long an answer was waited for.
    """
    told = " ".join(warnings)
    cause = " ".join(each for each in details if each.startswith(_CAUSE))
    status = _STATUS.search(told)
    if status is not None:
        return outcome_of_status(int(status[1]))
    replies = [int(first or second) for first, second in _SMTP_REPLY.findall(f"{told} {cause}")]
    if replies:
        return outcome_of_replies(replies)
    for signs, words in _CAUSES:
        if any(sign in cause for sign in signs):
            return SendOutcome(SendResult.RETRY, words)
    if "timed out" in cause:
        return no_answer(timeout_seconds)
    reason = "no connection to the receiver" if "onnection" in told else "the channel reported a failure"
    return SendOutcome(SendResult.RETRY, reason)
