"""Hands a page to a message service that can say later what became of it, and asks it.

Two services can, and Apprise, which speaks to them, does not hand their answers on: Twilio (text messages to one
number) and Pushover (messages of priority "emergency"). Their addresses are Apprise's, read by Apprise. Whatever else
such an address asks for (calls, WhatsApp, several receivers, encryption) goes through Apprise as ever.

Guarantees: every call ends in `timeout_seconds`; no redirect is followed; what is returned holds no address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import apprise
import requests

from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.receipts.accounts import Account, pushover, twilio
from services.alerts.delivery.receipts.model import Answer
from services.alerts.delivery.send_outcome import (
    SendOutcome,
    SendResult,
    no_answer,
    outcome_of_cause,
    outcome_of_status,
)

_SCHEMES: Final = ("twilio", "pover")
_TAKEN: Final = (200, 201)
_Came = TypeVar("_Came")


@dataclass(frozen=True, slots=True)
class Services:
    """Where the services are."""

    twilio: str = "https://api.twilio.com"
    pushover: str = "https://api.pushover.net"


class ReceiptedChannel:
    """Sends by Twilio and Pushover.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
        at_once: So many may be under way.
        services: Where they are.
    """

    def __init__(self, timeout_seconds: float, at_once: int = 16, services: Services | None = None) -> None:
        self._timeout_seconds = timeout_seconds
        self._services = services or Services()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="receipted")

    def takes(self, url: str) -> bool:
        """Tell whether a page to this address can have a receipt."""
        return self._account(url) is not None

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page; `takes` must be true of the address."""
        account = self._account(url)
        if account is None:
            return SendOutcome(SendResult.PERMANENT, "the channel's address is none that can have a receipt")
        try:
            outcome = await self._within(lambda: self._post(account, page))
        except (TimeoutError, requests.Timeout):
            outcome = no_answer(self._timeout_seconds)
        except OSError as error:  # also what requests raises
            outcome = outcome_of_cause(error)
        return outcome if outcome.error is None else outcome.at(account.send_url.split("/")[2])

    async def ask(self, url: str, receipt: str) -> Answer | None:
        """What became of a page; None: the service does not say now."""
        account = self._account(url)
        if account is None:
            return None
        try:
            return await self._within(lambda: self._get(account, receipt))
        except (TimeoutError, requests.RequestException, ValueError, AttributeError):  # no answer, or no document
            return None

    async def _within(self, call: Callable[[], _Came]) -> _Came:
        async with asyncio.timeout(self._timeout_seconds + 1):
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _post(self, account: Account, page: OutgoingPage) -> SendOutcome:
        answer = requests.post(
            account.send_url,
            data=account.message(page),
            auth=account.login,
            timeout=self._timeout_seconds,
            allow_redirects=False,
        )
        if answer.status_code not in _TAKEN:
            return outcome_of_status(answer.status_code)
        return SendOutcome(SendResult.SENT, receipt=_text_of(answer, account.receipt))

    def _get(self, account: Account, receipt: str) -> Answer | None:
        answer = requests.get(
            account.ask_url.format(receipt),
            params=account.ask_with,
            auth=account.login,
            timeout=self._timeout_seconds,
            allow_redirects=False,
        )
        return account.said(answer.json()) if answer.status_code == requests.codes.ok else None

    def _account(self, url: str) -> Account | None:
        """The account behind an address, if it asks for nothing that only Apprise does."""
        if url.partition("://")[0] not in _SCHEMES:
            return None
        from apprise.plugins.pushover import NotifyPushover  # Apprise loads its services when they are named
        from apprise.plugins.twilio import NotifyTwilio

        plugin: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if isinstance(plugin, NotifyTwilio):
            return twilio(plugin, self._services.twilio)
        if isinstance(plugin, NotifyPushover):
            return pushover(plugin, self._services.pushover)
        return None


def _text_of(answer: requests.Response, field: str) -> str | None:
    """The receipt of an answer; None: there is none, and the page went out all the same."""
    try:
        found = answer.json().get(field)
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) and found.isalnum() else None
