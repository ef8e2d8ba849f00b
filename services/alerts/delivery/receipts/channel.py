"""Hands a page to a message service that can say later what became of it, and asks it.

Two services can, and Apprise, which speaks to them, does not hand their answers on: Twilio (text messages to one
number) and Pushover (messages of priority "emergency"). Their addresses are Apprise's, read by Apprise. Whatever else
such an address asks for (calls, WhatsApp, several receivers, encryption) goes through Apprise as ever.

Guarantees: every call ends in `timeout_seconds`; no redirect is followed; what is returned holds no address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import apprise
import requests

from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.receipts.model import Answer, pushover_said, twilio_said
from services.alerts.delivery.send_outcome import (
    SendOutcome,
    SendResult,
    no_answer,
    outcome_of_cause,
    outcome_of_status,
)

_TWILIO: Final = "twilio"
_PUSHOVER: Final = "pover"
_EMERGENCY: Final = 2
_SMS_CHARACTERS: Final = 1_600
_PUSHOVER_TITLE, _PUSHOVER_BODY = 250, 1_024
_RETRY_SECONDS, _EXPIRE_SECONDS = (30, 10_800), (30, 10_800)


@dataclass(frozen=True, slots=True)
class Services:
    """Where the services are."""

    twilio: str = "https://api.twilio.com"
    pushover: str = "https://api.pushover.net"


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of a service, and how its answer is read."""

    url: str
    auth: tuple[str, str] | None
    parameters: Mapping[str, str]
    receipt: str
    """The field of the answer that holds the receipt."""


class ReceiptedChannel:
    """Sends by Twilio and Pushover.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
        at_once: So many may be under way.
        services: Where they are.
    """

    def __init__(self, timeout_seconds: float, at_once: int = 16, services: Services | None = None) -> None:
        self._timeout_seconds = timeout_seconds
        self._at_once = at_once
        self._services = services or Services()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._at_once, thread_name_prefix="receipted")

    def takes(self, url: str) -> bool:
        """Tell whether a page to this address can have a receipt."""
        return url.partition("://")[0] in (_TWILIO, _PUSHOVER) and self._plugin(url) is not None

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page; `takes` must be true of the address."""
        plugin = self._plugin(url)
        if plugin is None:
            return SendOutcome(SendResult.PERMANENT, "the channel's address is none that can have a receipt")
        asked = self._message(plugin, page)

        def post() -> SendOutcome:
            answer = requests.post(
                asked.url,
                data=asked.parameters,
                auth=asked.auth,
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
            if answer.status_code not in (200, 201):
                return outcome_of_status(answer.status_code)
            return SendOutcome(SendResult.SENT, receipt=_text_of(answer, asked.receipt))

        outcome = await self._tried(post)
        host = asked.url.split("/")[2]
        return outcome if outcome.error is None else outcome.at(host)

    async def ask(self, url: str, receipt: str) -> Answer | None:
        """What became of a page; None: the service does not say now."""
        plugin = self._plugin(url)
        if plugin is None:
            return None
        is_twilio = _is_twilio(plugin)
        account = plugin.account_sid if is_twilio else ""
        where = (
            f"{self._services.twilio}/2010-04-01/Accounts/{account}/Messages/{receipt}.json"
            if is_twilio
            else f"{self._services.pushover}/1/receipts/{receipt}.json"
        )
        auth = _twilio_login(plugin) if is_twilio else None
        parameters = None if is_twilio else {"token": plugin.token}
        read = twilio_said if is_twilio else pushover_said

        def get() -> Answer | None:
            answer = requests.get(
                where, params=parameters, auth=auth, timeout=self._timeout_seconds, allow_redirects=False
            )
            return read(answer.json()) if answer.status_code == requests.codes.ok else None

        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds + 1):
                return await loop.run_in_executor(self._threads, get)
        except (TimeoutError, requests.RequestException, ValueError, AttributeError):  # no answer, or no document
            return None

    async def _tried(self, call: Callable[[], SendOutcome]) -> SendOutcome:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds + 1):
                return await loop.run_in_executor(self._threads, call)
        except (TimeoutError, requests.Timeout):
            return no_answer(self._timeout_seconds)
        except OSError as error:  # also what requests raises
            return outcome_of_cause(error)

    def _message(self, plugin: Any, page: OutgoingPage) -> _Request:
        if _is_twilio(plugin):
            [(_, number)] = plugin.targets
            body = f"{page.title}\n{page.body}"[:_SMS_CHARACTERS]
            return _Request(
                f"{self._services.twilio}/2010-04-01/Accounts/{plugin.account_sid}/Messages.json",
                _twilio_login(plugin),
                {"From": plugin.source, "To": number, "Body": body},
                receipt="sid",
            )
        parameters = {
            "token": plugin.token,
            "user": plugin.user_key,
            "title": page.title[:_PUSHOVER_TITLE],
            "message": page.body[:_PUSHOVER_BODY],
            "priority": str(_EMERGENCY),
            "retry": str(min(max(plugin.interval, _RETRY_SECONDS[0]), _RETRY_SECONDS[1])),
            "expire": str(min(max(plugin.expire, _EXPIRE_SECONDS[0]), _EXPIRE_SECONDS[1])),
            "sound": plugin.sound,
        }
        devices = [each for each in plugin.devices if each != "ALL_DEVICES"]
        if devices:
            parameters["device"] = ",".join(devices)
        if page.link is not None:
            parameters |= {"url": page.link, "url_title": "I have it"}
        return _Request(f"{self._services.pushover}/1/messages.json", None, parameters, receipt="receipt")

    @staticmethod
    def _plugin(url: str) -> Any | None:
        """What Apprise reads out of an address, if it asks for nothing that only Apprise does."""
        plugin: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if _is_twilio(plugin):
            plain = str(plugin.method) == "sms" and len(plugin.targets) == 1 and str(plugin.targets[0][0]) == "T"
            return plugin if plain else None
        if _is_pushover(plugin):
            plain = plugin.priority == _EMERGENCY and not plugin.groups and not plugin.encryption_key
            return plugin if plain else None
        return None


def _is_twilio(plugin: Any) -> bool:
    from apprise.plugins.twilio import NotifyTwilio

    return isinstance(plugin, NotifyTwilio)


def _is_pushover(plugin: Any) -> bool:
    from apprise.plugins.pushover import NotifyPushover

    return isinstance(plugin, NotifyPushover)


def _twilio_login(plugin: Any) -> tuple[str, str]:
    return (plugin.apikey or plugin.account_sid, plugin.auth_token)


def _text_of(answer: requests.Response, field: str) -> str | None:
    """The receipt of an answer; None: there is none, and the page went out all the same."""
    try:
        found = answer.json().get(field)
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) and found.isalnum() else None
