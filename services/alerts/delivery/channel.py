"""Hand one page to one channel through Apprise, and say what came of it.

Guarantees: the call ends in `timeout_seconds`; the address is never logged or returned, and what is returned as an
error is made of our own words and at most the receiver's host; a delivery's id goes along where the channel can carry
it (webhooks: header `Idempotency-Key` and field `delivery_id`; mail: header `X-Pumpwatch-Delivery`), so that a
receiver can drop a page that came twice.

Each send has a thread of a pool of our own: Apprise's is shared by all channels, and so small (4 more than there are
cores) that one channel that hangs would hold up every other one. A send that is given up may still arrive.
"""

from __future__ import annotations

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import apprise

from schemas.policy import Priority
from services.alerts.delivery.send_outcome import SendOutcome, SendResult, no_answer, outcome_of_failure

_WEBHOOKS: Final = ("json", "jsons", "form", "forms", "xml", "xmls")
_CAN_CARRY_FIELDS: Final = ("json", "jsons", "form", "forms")
_PUSH: Final = ("ntfy", "ntfys")
_LABEL: Final = "Acknowledge"
_ENDS_A_LABEL: Final = re.compile("[,;=\"']")
_MAIL: Final = ("mailto", "mailtos")
_SMTP_HOST: Final = re.compile("[?&]smtp=([^&]+)")
_HOLDING: Final = 4
"""A send that was given up keeps its thread until its socket gives up too: so many threads for each place."""
_TYPES: Final = {
    Priority.HIGH: apprise.NotifyType.FAILURE,
    Priority.MEDIUM: apprise.NotifyType.WARNING,
    Priority.LOW: apprise.NotifyType.INFO,
    Priority.INFO: apprise.NotifyType.INFO,
}


def with_delivery_id(url: str, delivery_id: UUID, priority: Priority) -> str:
    """PURE. The address, with the delivery's id (and for mail its urgency) for channels that can carry more fields."""
    scheme = url.partition("://")[0]
    if scheme in _CAN_CARRY_FIELDS:
        more = {":delivery_id": str(delivery_id), "+Idempotency-Key": str(delivery_id)}
    elif scheme in _MAIL:
        more = {"+X-Pumpwatch-Delivery": str(delivery_id), "+Auto-Submitted": "auto-generated"}
        if priority is Priority.HIGH:
            more |= {"+Importance": "high", "+X-Priority": "1"}
        more |= {} if "format=" in url else {"format": "text"}
    elif scheme in _PUSH and priority is Priority.HIGH and "priority=" not in url:
        more = {"priority": "max"}  # rings where "do not disturb" is set
    else:
        return url
    joint = "&" if "?" in url else "?"
    return url + joint + "&".join(f"{name}={quote(value)}" for name, value in more.items())


def with_button(url: str, link: str | None, label: str = _LABEL) -> str:
    """PURE. The address, with a button on the lock screen that answers, for channels that can have one."""
    if link is None or url.partition("://")[0] not in _PUSH or "actions=" in url:
        return url
    said = _LABEL if _ENDS_A_LABEL.search(label) else label  # a button that answers counts for more than its language
    button = f"http, {said}, {link}, method=POST, clear=true"
    more = {"actions": button} | ({} if "click=" in url else {"click": link})
    joint = "&" if "?" in url else "?"
    return url + joint + "&".join(f"{name}={quote(value, safe='')}" for name, value in more.items())


def server_of(url: str) -> str:
    """PURE. Which server an address uses, as far as can be told. For counting; it may hold a part that is secret."""
    scheme, _, rest = url.partition("://")
    named = _SMTP_HOST.search(rest) if scheme in _MAIL else None
    if named is not None:
        return named[1].lower()
    if scheme in _MAIL or scheme in _WEBHOOKS:
        return re.split("[/?]", rest, maxsplit=1)[0].rpartition("@")[2].lower()
    return scheme


class AppriseChannel:
    """Sends through Apprise.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
        at_once: So many may be under way.
    """

    def __init__(self, timeout_seconds: float, at_once: int = 32) -> None:
        self._timeout_seconds = timeout_seconds
        # Without a time limit of its own Apprise calls the channel in the thread that it is called in. And no pictures:
        # each phone would fetch them from somebody's web server, at the moment of the page.
        self._asset = apprise.AppriseAsset(
            app_id="Pumpwatch",
            app_desc="Pumpwatch alerts",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            service_timeout=0,
        )
        self._threads = ThreadPoolExecutor(_HOLDING * at_once, thread_name_prefix="send")
        # Its records hold hosts, addresses and texts. They are captured for the one attempt that they are about, down
        # to the cause of a failure, and go nowhere else.
        apprise_log = logging.getLogger("apprise")
        apprise_log.setLevel(logging.DEBUG)
        apprise_log.propagate = False
        apprise_log.addHandler(logging.NullHandler())

    async def warm_up(self) -> None:
        """Load Apprise's plugins now rather than with the first page."""
        await asyncio.to_thread(apprise.Apprise().add, "json://localhost")

    async def send(
        self,
        url: str,
        title: str,
        body: str,
        priority: Priority,
        delivery_id: UUID,
        link: str | None,
        link_label: str,
    ) -> SendOutcome:
        """Send one page to one address. `link`: what a button with this label answers by, where a channel has one."""
        target = apprise.Apprise(asset=self._asset)
        if not target.add(with_button(with_delivery_id(url, delivery_id, priority), link, link_label)):
            return SendOutcome(SendResult.PERMANENT, "Apprise does not understand the channel's address")
        if len(target) != 1:
            return SendOutcome(SendResult.PERMANENT, "the address names several receivers: give each its own channel")
        plugin = target[0]
        plugin.socket_connect_timeout = plugin.socket_read_timeout = self._timeout_seconds
        notify = partial(
            target.notify,
            title=title,
            body=body,
            body_format=apprise.NotifyFormat.TEXT,  # a channel that shows HTML is given it escaped
            notify_type=_TYPES[priority],
            log_level=logging.DEBUG,
        )
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                result = await loop.run_in_executor(self._threads, notify)
        except TimeoutError:
            return no_answer(self._timeout_seconds).at(_where(plugin, url))
        outcome = self._outcome(result)
        return outcome if outcome.error is None else outcome.at(_where(plugin, url))

    def _outcome(self, result: apprise.AppriseResult) -> SendOutcome:
        match result.status:
            case apprise.AppriseResultStatus.SUCCESS:
                return SendOutcome(SendResult.SENT)
            case apprise.AppriseResultStatus.TIMEOUT:
                return no_answer(self._timeout_seconds)
            case apprise.AppriseResultStatus.NOMATCH:
                return SendOutcome(SendResult.PERMANENT, "the channel's address names no receiver")
            case _:
                records = list(result.logs())
                return outcome_of_failure(
                    [each.message for each in records if each.level != "DEBUG"],
                    [each.message for each in records if each.level == "DEBUG"],
                    self._timeout_seconds,
                )


def _where(plugin: Any, url: str) -> str:
    """The host where the address surely names one (elsewhere that place may hold a token), else the service's name."""
    scheme = url.partition("://")[0]
    if scheme in _MAIL:
        return f"{plugin.smtp_host}:{plugin.port}"
    if scheme in _WEBHOOKS:
        return f"{plugin.host}:{plugin.port}" if plugin.port else str(plugin.host)
    return str(plugin.service_name)
