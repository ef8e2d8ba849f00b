"""Hand one page to one program as a signed event (Standard Webhooks 1.0.0, CloudEvents 1.0), and say what came of it.

Guarantees: nothing goes out without a signature; a page whose secret cannot be used fails at once, so that the next
channel is told, and is logged as an error; the call ends in `timeout_seconds`; no redirect is followed, and of an
answer nothing but its status is read; neither secret nor address is logged or returned. A page tried again has the same
id and the same body, and the time and signature of this attempt.

Each send has a thread of a pool of its own. A send that is given up may still arrive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import requests
import structlog

from schemas.webhooks.event import CONTENT_TYPE
from services.alerts.clock import Clock, utc_now
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.send_outcome import (
    SendOutcome,
    SendResult,
    no_answer,
    outcome_of_cause,
    outcome_of_status,
)
from services.alerts.delivery.webhooks.address import WebhookAddress, read_webhook
from services.alerts.delivery.webhooks.event import body_of
from services.alerts.delivery.webhooks.secret_file import read_secrets
from services.alerts.delivery.webhooks.signing import Secret, signature_headers
from services.alerts.policy_files.blocking import within
from services.runtime.secrets.file import SecretFileError

log = structlog.get_logger()

_HOLDING: Final = 4
"""A send that was given up keeps its thread until its socket gives up too: so many threads for each place."""
_READ_SECONDS: Final = 2.0
_UNSIGNED: Final = SendOutcome(
    SendResult.PERMANENT, "the file of the channel's secret cannot be used, and nothing goes out without a signature"
)
_NO_PLACE: Final = SendOutcome(SendResult.PERMANENT, "the channel's address is none that can be posted to")
_NO_AUTHORITY: Final = SendOutcome(
    SendResult.RETRY, "the file of the channel's authority (ca) cannot be read, so nothing was sent"
)


class WebhookChannel:
    """Sends pages as signed events.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
        at_once: So many may be under way.
        clock: Gives the time of an attempt.
        read: Reads the secrets in a file, or raises `SecretFileError`.
    """

    def __init__(
        self,
        timeout_seconds: float,
        at_once: int = 32,
        clock: Clock = utc_now,
        *,
        read: Callable[[Path], tuple[Secret, ...]] = read_secrets,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._read = read
        self._reading: dict[Path, float] = {}
        """Files that are being read, since when: behind one that hangs no second thread waits."""
        self._threads = ThreadPoolExecutor(_HOLDING * at_once, thread_name_prefix="webhook")

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page to one address."""
        try:
            address = read_webhook(url)
        except ValueError as error:
            return SendOutcome(SendResult.PERMANENT, f"the channel's address is {error}")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                secrets = await self._secrets(address, page)
                outcome = _UNSIGNED if secrets is None else await self._in_a_thread(address, secrets, page)
        except TimeoutError:
            outcome = no_answer(self._timeout_seconds)
        return outcome if outcome.error is None else outcome.at(address.place)

    async def _secrets(self, address: WebhookAddress, page: OutgoingPage) -> tuple[Secret, ...] | None:
        """What signs; None: it cannot be read, which is said. A disk that hangs holds up the next channel no longer."""
        file, seconds = address.secret, min(_READ_SECONDS, self._timeout_seconds / 2)
        why = f"the file {str(file)!r} was not read within {seconds:g} s"
        try:
            if time.monotonic() - self._reading.setdefault(file, time.monotonic()) <= seconds:
                return await within(seconds, partial(self._read_one, file))
        except SecretFileError as error:
            why = str(error)
        except TimeoutError:
            pass
        log.error("webhook_not_signed", delivery_id=str(page.delivery_id), error=why)
        return None

    def _read_one(self, file: Path) -> tuple[Secret, ...]:
        try:
            return self._read(file)
        finally:
            self._reading.pop(file, None)

    async def _in_a_thread(self, address: WebhookAddress, secrets: Sequence[Secret], page: OutgoingPage) -> SendOutcome:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, address, secrets, page)

    def _send(self, address: WebhookAddress, secrets: Sequence[Secret], page: OutgoingPage) -> SendOutcome:
        if address.ca is not None and not _can_be_read(address):
            return _NO_AUTHORITY
        body = body_of(page)
        sent_at = int(self._clock().timestamp())
        headers = {
            "content-type": CONTENT_TYPE,
            "user-agent": "Pumpwatch",
            **signature_headers(secrets, str(page.delivery_id), sent_at, body),
        }
        try:
            status = self._post(address, body, headers)
        except requests.Timeout:
            return no_answer(self._timeout_seconds)
        except OSError as error:  # also what requests raises
            return outcome_of_cause(error)
        except ValueError:  # of an address that only the libraries below refuse
            return _NO_PLACE
        return SendOutcome(SendResult.SENT) if 200 <= status < 300 else outcome_of_status(status)

    def _post(self, address: WebhookAddress, body: bytes, headers: dict[str, str]) -> int:
        with (
            requests.Session() as session,
            session.post(
                address.url,
                data=body,
                headers=headers,
                timeout=self._timeout_seconds,
                allow_redirects=False,
                stream=True,  # an answer may be of any length, and says nothing that is read
                verify=True if address.ca is None else str(address.ca),
            ) as answer,
        ):
            return int(answer.status_code)


def _can_be_read(address: WebhookAddress) -> bool:
    try:
        return bool(address.ca and address.ca.read_bytes())
    except OSError:
        return False
