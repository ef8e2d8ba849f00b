"""Whether a contact can be told at all: each address as its channel reads it, before a page has to find out.

Guarantee: an address is named by its contact, channel and at most its scheme or the name of its variable, never more:
it may hold a token.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID

import apprise

from schemas.policy import Channel, Contact, Policy, Priority
from services.alerts.delivery.channel import with_delivery_id
from services.alerts.delivery.hl7.address import is_mllp, mllp_fault
from services.alerts.delivery.persons.push_address import PushAddressError, is_push, read_url
from services.alerts.delivery.webhooks.address import is_webhook, read_webhook
from services.alerts.delivery.webhooks.secret_file import read_secrets
from services.alerts.policies import ENVIRONMENT, address_in
from services.runtime.secrets.file import SecretFileError
from services.texts.phrase import phrase

_SOME_ID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class AddressFault:
    """An address that no page can be sent to."""

    place: tuple[str | int, ...]
    """Where it stands in the policy."""
    fault: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What is wrong with the addresses of one policy."""

    faults: tuple[AddressFault, ...]
    nobody: tuple[AddressFault, ...]
    """Steps of a route, all of whose contacts cannot be told."""


def reach_of(policy: Policy, environment: Mapping[str, str]) -> Reach:
    """Look at every address of a policy, and at every step of its routes."""
    faults = tuple(
        AddressFault(("contacts", number, "channels", place, "url"), f"{contact.name}, {channel.name}: {fault}")
        for number, contact in enumerate(policy.contacts)
        for place, channel in enumerate(contact.channels)
        if (fault := channel_fault(channel, environment) or _double(contact, place)) is not None
    )
    unusable = {contact.name for contact in policy.contacts if not can_be_told(contact, environment)}
    return Reach(faults, tuple(_steps_to_nobody(policy, unusable)))


def _steps_to_nobody(policy: Policy, unusable: set[str]) -> Iterator[AddressFault]:
    for priority, route in policy.routes.items():
        for number, step in enumerate(route.steps):
            if unusable.issuperset(step.contacts):
                last = ", the last step" if number == len(route.steps) - 1 else ""
                yield AddressFault(
                    ("routes", priority.value, "steps", number),
                    f"nobody can be told in this step of {priority}{last}: no usable address of "
                    f"{', '.join(step.contacts) or 'anybody'}; expected at least one",
                )


def can_be_told(contact: Contact, environment: Mapping[str, str]) -> bool:
    """Tell whether a page can be sent to a contact, as far as can be told without sending it."""
    # Whom it stands for, only the database knows (services/alerts/on_call.py).
    return contact.stands_for_persons or any(
        channel_fault(channel, environment) is None for channel in contact.channels
    )


def _double(contact: Contact, place: int) -> str | None:
    """A page finds its channel by name, so of two of one name the second is never used."""
    names: Sequence[str] = [channel.name for channel in contact.channels]
    if names[place] not in names[:place]:
        return None
    return f"is never used: {contact.name} has a channel of this name before; expected different names"


def channel_fault(channel: Channel, environment: Mapping[str, str]) -> str | None:
    """Why no page can be sent by this channel; None: one can, as far as can be told without sending it."""
    url = address_in(channel, environment)
    if url is None:
        return f"the variable {channel.url.removeprefix(ENVIRONMENT)} is not set; expected an Apprise URL in it"
    fault = fault_of_address(url)
    if fault is None:
        return None
    where = f"{channel.url} holds" if channel.url.startswith(ENVIRONMENT) else f"{_scheme(url)} is"
    return f"{where} {fault}"


def fault_of_address(url: str) -> str | None:
    """Why no page can be sent to an address, in words that hold nothing of it; None: one can, as far as can be told."""
    if is_push(url):
        return _push_fault(url)
    if is_webhook(url):
        return _webhook_fault(url)
    return mllp_fault(url) if is_mllp(url) else _url_fault(url)


def _push_fault(url: str) -> str | None:
    try:
        read_url(url)
    except PushAddressError as error:
        return f"no browser's address: {error}"
    return None


def secret_files(policy: Policy, environment: Mapping[str, str]) -> Iterator[Path]:
    """The files of the secrets that a policy's webhooks are signed with."""
    for channel in (channel for contact in policy.contacts for channel in contact.channels):
        url = address_in(channel, environment)
        if url is not None and is_webhook(url):
            with suppress(ValueError):
                yield read_webhook(url).secret


def webhook_faults(policies: Iterable[Policy], environment: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong now with addresses of signed webhooks and their secrets: it may change while no policy does."""
    urls = (
        address_in(channel, environment)
        for policy in policies
        for contact in policy.contacts
        for channel in contact.channels
    )
    return tuple(fault for url in urls if url is not None and is_webhook(url) and (fault := _webhook_fault(url)))


def _webhook_fault(url: str) -> str | None:
    """Its secret is read as a page would read it: it may be mended, or go, while the address stays."""
    try:
        address = read_webhook(url)
    except ValueError as error:
        return str(error)
    try:
        read_secrets(address.secret)
    except SecretFileError as error:
        return f"an address of a webhook to which nothing can be sent: {error}"
    return None


def _scheme(url: str) -> str:
    scheme, found, _ = url.partition("://")
    return f"{scheme}://..." if found and scheme.replace("+", "").isalnum() else "the address"


@lru_cache(maxsize=1024)
def _url_fault(url: str) -> str | None:
    keep_apprise_quiet()
    target = apprise.Apprise()
    if not target.add(with_delivery_id(url, _SOME_ID, Priority.HIGH)):
        return phrase("no address that Apprise understands; expected a complete Apprise URL such as 'ntfys://topic'")
    if len(target) != 1:
        return phrase("an address of %(count)s receivers; expected one, and a channel for each", count=len(target))
    return None


def keep_apprise_quiet() -> None:
    """Its records hold addresses: they go nowhere."""
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
