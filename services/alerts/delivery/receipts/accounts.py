"""Accounts at message services that can say later what became of a page: what each is sent and asked.

Their addresses are Apprise's, and so is what reads them (services/alerts/delivery/receipts/channel.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.receipts.model import Answer, pushover_said, twilio_said

EMERGENCY: Final = 2
"""The priority of Pushover that has receipts."""
_SMS_CHARACTERS: Final = 1_600
_PUSHOVER_TITLE, _PUSHOVER_BODY = 250, 1_024
_LEAST_SECONDS, _MOST_SECONDS = 30, 10_800
"""Between which Pushover repeats and gives up."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where one service takes pages for somebody, and where it says what became of them."""

    send_url: str
    ask_url: str
    """`{}` stands for the receipt."""
    message: Callable[[OutgoingPage], Mapping[str, str]] = field(repr=False)
    receipt: str
    """The field of the answer that holds the receipt."""
    said: Callable[[Mapping[str, Any]], Answer]
    login: tuple[str, str] | None = field(default=None, repr=False)
    ask_with: Mapping[str, str] | None = field(default=None, repr=False)


def twilio(plugin: Any, host: str) -> Account | None:
    """Text messages to one number, by Apprise's reading of the address; None: it asks for something else."""
    if str(plugin.method) != "sms" or [str(mode) for mode, _ in plugin.targets] != ["T"]:
        return None
    [(_, number)] = plugin.targets
    base = f"{host}/2010-04-01/Accounts/{plugin.account_sid}/Messages"

    def message(page: OutgoingPage) -> Mapping[str, str]:
        return {"From": plugin.source, "To": number, "Body": f"{page.title}\n{page.body}"[:_SMS_CHARACTERS]}

    login = (plugin.apikey or plugin.account_sid, plugin.auth_token)
    return Account(f"{base}.json", f"{base}/{{}}.json", message, "sid", twilio_said, login)


def pushover(plugin: Any, host: str) -> Account | None:
    """Emergencies to one person's devices, by Apprise's reading of the address; None: it asks for something else."""
    if plugin.priority != EMERGENCY or plugin.groups or plugin.encryption_key:
        return None

    def message(page: OutgoingPage) -> Mapping[str, str]:
        said = {
            "token": plugin.token,
            "user": plugin.user_key,
            "title": page.title[:_PUSHOVER_TITLE],
            "message": page.body[:_PUSHOVER_BODY],
            "priority": str(EMERGENCY),
            "retry": _bounded(plugin.interval),
            "expire": _bounded(plugin.expire),
            "sound": plugin.sound,
        }
        if devices := [each for each in plugin.devices if each != "ALL_DEVICES"]:
            said["device"] = ",".join(devices)
        if page.link is not None:
            said |= {"url": page.link, "url_title": page.link_label}
        return said

    return Account(
        f"{host}/1/messages.json",
        f"{host}/1/receipts/{{}}.json",
        message,
        "receipt",
        pushover_said,
        ask_with={"token": plugin.token},
    )


def _bounded(seconds: int) -> str:
    return str(min(max(seconds, _LEAST_SECONDS), _MOST_SECONDS))
