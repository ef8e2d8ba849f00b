"""Hand one message to one HL7 receiver, and say what came of it (MLLP: HL7 v2 Implementation Guide, appendix C.2).

Guarantees: the call ends in `timeout_seconds`, whatever the receiver does; an answer to another message than this is
passed over; what is returned as an error is made of our own words, the receiver's host, and at most a line of what the
receiver says for itself. Each message has a connection of its own, so one that hangs holds up no other.

In MLLP a message stands between a vertical tab and a file separator with a carriage return; neither may stand in it,
and `encode` leaves none.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final
from uuid import UUID

from services.alerts.delivery.hl7.acknowledgement import outcome_of_answer
from services.alerts.delivery.hl7.address import MllpAddress, read_mllp
from services.alerts.delivery.hl7.report_alert import report_alert
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.send_outcome import SendOutcome, SendResult, no_answer, outcome_of_cause

_BEGIN: Final = b"\x0b"
_END: Final = b"\x1c\r"
_LONGEST_ANSWER_BYTES: Final = 65_536
_CLOSE_SECONDS: Final = 0.5
_CLOSED: Final = SendOutcome(SendResult.RETRY, "the connection was closed without an answer")
_TOO_LONG: Final = SendOutcome(SendResult.RETRY, "the receiver's answer is no HL7 acknowledgement")


class MllpChannel:
    """Sends pages as PCD-04 messages.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page to one address."""
        try:
            address = read_mllp(url)
        except ValueError as error:
            return SendOutcome(SendResult.PERMANENT, f"the channel's address is {error}")
        sent = report_alert(page, application=address.application, facility=address.facility)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                outcome = await _exchange(address, sent, page.delivery_id)
        except TimeoutError:
            outcome = no_answer(self._timeout_seconds)
        return outcome if outcome.error is None else outcome.at(str(address))


async def _exchange(address: MllpAddress, sent: str, control_id: UUID) -> SendOutcome:
    context: ssl.SSLContext | None = None
    if address.tls:
        try:
            context = await asyncio.to_thread(_context, address)
        except (OSError, ValueError):  # also what ssl raises
            files = "the files of the channel's certificates (ca, cert, key) cannot be read or used"
            return SendOutcome(SendResult.RETRY, files)
    try:
        reader, writer = await asyncio.open_connection(
            address.host, address.port, ssl=context, limit=_LONGEST_ANSWER_BYTES, **_of_tls(context)
        )
    except OSError as error:
        return outcome_of_cause(error)
    try:
        writer.write(_BEGIN + sent.encode() + _END)
        await writer.drain()
        outcome = await _answer(reader, str(control_id))
        writer.close()
    except asyncio.IncompleteReadError:
        return _CLOSED
    except asyncio.LimitOverrunError:
        return _TOO_LONG
    except OSError as error:
        return outcome_of_cause(error)
    else:
        return outcome
    finally:
        if not writer.is_closing():
            writer.transport.abort()  # it is owed nothing, and a receiver that hangs would keep it open


async def _answer(reader: asyncio.StreamReader, control_id: str) -> SendOutcome:
    while True:
        frame = await reader.readuntil(_END)
        _, _, answer = frame.removesuffix(_END).rpartition(_BEGIN)
        outcome = outcome_of_answer(answer.decode(errors="replace"), control_id)
        if outcome is not None:
            return outcome


def _of_tls(context: ssl.SSLContext | None) -> dict[str, float]:
    return {} if context is None else {"ssl_shutdown_timeout": _CLOSE_SECONDS}


def _context(address: MllpAddress) -> ssl.SSLContext:
    """What TLS needs, from the files as they are now."""
    context = ssl.create_default_context(cafile=address.ca)
    if address.cert is not None:
        context.load_cert_chain(address.cert, address.key)
    return context
