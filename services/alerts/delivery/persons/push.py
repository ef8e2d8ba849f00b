"""Send a page to a browser: Web Push with VAPID, by pywebpush.

Guarantees: what a service of pushes carries is encrypted for the one browser; no redirect is followed; the call ends in
`timeout_seconds`; an error is made of our own words and the host.
"""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from schemas.policy import Priority
from services.alerts.delivery.persons.push_address import PushAddress, PushAddressError, read_url
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.send_outcome import (
    SendOutcome,
    SendResult,
    no_answer,
    outcome_of_cause,
    outcome_of_status,
)

_KEEP_SECONDS: Final = 4 * 3600
"""So long the service keeps a push for a browser that is away: a page that is older says what is over."""
_LINK: Final = re.compile(r"https?://\S+")
_GONE: Final = frozenset({404, 410})
_URGENCY: Final = {Priority.HIGH: "high", Priority.MEDIUM: "high", Priority.LOW: "normal", Priority.INFO: "low"}


class PushChannel:
    """Sends to browsers.

    Args:
        key: The private key of VAPID, 32 bytes in base64url (`pumpwatch push-key`); None: nothing can be sent.
        contact: Whom a service of pushes may ask about us: an https or mailto address.
        timeout_seconds: For each attempt.
        at_once: So many may be under way.
        ca_file: Who signs the services' certificates; None: those that everybody trusts.
    """

    def __init__(
        self, key: str | None, contact: str, timeout_seconds: float, at_once: int = 8, *, ca_file: str | None = None
    ) -> None:
        self._key = key
        self._contact = contact
        self._timeout_seconds = timeout_seconds
        self._verify: str | bool = ca_file or True
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="push")

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page to one browser."""
        try:
            address = read_url(url)
        except PushAddressError:
            return SendOutcome(SendResult.PERMANENT, "the channel's address is no browser's")
        if self._key is None:
            return SendOutcome(SendResult.PERMANENT, "there is no key for pushes to browsers (ALERTS_PUSH_KEY_FILE)")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                outcome = await loop.run_in_executor(self._threads, self._send, address, page)
        except TimeoutError:
            outcome = no_answer(self._timeout_seconds)
        return outcome if outcome.error is None else outcome.at(address.host)

    def _send(self, address: PushAddress, page: OutgoingPage) -> SendOutcome:
        import requests  # seldom needed, and slow to load
        from pywebpush import WebPushException, webpush

        session = requests.Session()
        session.max_redirects = 0
        session.verify = self._verify
        session.trust_env = False
        try:
            webpush(
                {"endpoint": address.endpoint, "keys": {"p256dh": address.p256dh, "auth": address.auth}},
                data=json.dumps(_said(page)),
                vapid_private_key=self._key,
                vapid_claims={"sub": self._contact},
                ttl=_KEEP_SECONDS,
                timeout=self._timeout_seconds,
                headers={"Urgency": _URGENCY[page.priority], "Topic": page.delivery_id.hex},
                requests_session=session,
            )
        except WebPushException as error:
            status = error.status_code
            if status in _GONE:
                return SendOutcome(SendResult.PERMANENT, "the browser takes no pushes any more: add it again")
            return SendOutcome(SendResult.RETRY, "no push") if status is None else outcome_of_status(status)
        except requests.TooManyRedirects:
            return SendOutcome(SendResult.PERMANENT, "the service sends on to another place, which is not followed")
        except requests.Timeout:
            return no_answer(self._timeout_seconds)
        except requests.RequestException as error:
            return outcome_of_cause(OSError(str(error)))
        finally:
            session.close()
        return SendOutcome(SendResult.SENT)


def _said(page: OutgoingPage) -> dict[str, object]:
    """What the browser shows, and where a tap leads."""
    link = _LINK.search(page.body)
    return {
        "title": page.title,
        "body": page.body,
        "url": link[0].rstrip(".,") if link else None,
        "tag": str(page.delivery_id),
        "urgent": page.priority is Priority.HIGH,
    }
