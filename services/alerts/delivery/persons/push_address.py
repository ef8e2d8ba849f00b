"""PURE. The address of a browser that takes pushes (Web Push, RFC 8030), as it is kept: `webpush://HOST/PATH#KEY.SECRET`.

Guarantee: only services of pushes that are named are ever spoken to, by https; a page that a browser shows can give any
address, and the worker stands inside.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from schemas.line_text import refusal
from services.texts.phrase import phrase

SCHEME: Final = "webpush://"
LONGEST: Final = 2000
KNOWN_SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
"""Of Chrome and Edge on most systems, Firefox, Safari, and Edge on Windows."""
_KEY_BYTES: Final = 65
_SECRET_BYTES: Final = 16


class PushAddressError(ValueError):
    """A browser gave what is no address for pushes; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class PushAddress:
    """Where a push goes, and what it is encrypted with."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    @property
    def url(self) -> str:
        """As it is kept."""
        return f"{SCHEME}{self.endpoint.removeprefix('https://')}#{self.p256dh}.{self.auth}"

    @property
    def host(self) -> str:
        """The service of pushes, with its port if it has one."""
        return urlsplit(self.endpoint).netloc.lower()


def is_push(url: str | None) -> bool:
    """Whether an address is a browser's."""
    return url is not None and url.startswith(SCHEME)


def read_url(url: str) -> PushAddress:
    """Read what was kept.

    Raises:
        PushAddressError: It is none.
    """
    rest, _, keys = url.removeprefix(SCHEME).rpartition("#")
    p256dh, _, auth = keys.partition(".")
    return _checked(PushAddress(f"https://{rest}", p256dh, auth))


def read_subscription(text: str, services: Collection[str] = KNOWN_SERVICES) -> PushAddress:
    """Read what a browser gave (`JSON.stringify(subscription)`).

    Args:
        text: The JSON.
        services: Hosts, each with whatever stands below it, that may be spoken to.

    Raises:
        PushAddressError: It is none, or of another service.
    """
    try:
        found = json.loads(text)
        address = PushAddress(found["endpoint"], found["keys"]["p256dh"], found["keys"]["auth"])
    except (ValueError, KeyError, TypeError, RecursionError):
        msg = phrase("expected a subscription of a browser: its endpoint and its two keys")
        raise PushAddressError(msg) from None
    if not all(isinstance(each, str) for each in (address.endpoint, address.p256dh, address.auth)):
        msg = phrase("expected a subscription of a browser, whose endpoint and keys are texts")
        raise PushAddressError(msg)
    host = _checked(address).host
    if not any(host == each or host.endswith(f".{each}") for each in services):
        msg = phrase("expected a service of pushes that is known here: %(services)s", services=", ".join(services))
        raise PushAddressError(msg)
    return address


def _checked(address: PushAddress) -> PushAddress:
    try:
        parts = urlsplit(address.endpoint)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and not parts.fragment
    except ValueError:
        usable = False
    if not usable or refusal(address.endpoint) or " " in address.endpoint or len(address.endpoint) > LONGEST:
        msg = phrase("expected an endpoint that begins with https:// and names a host")
        raise PushAddressError(msg)
    if len(_decoded(address.p256dh)) != _KEY_BYTES or len(_decoded(address.auth)) != _SECRET_BYTES:
        msg = phrase("expected keys of %(one)s and %(other)s bytes, in base64url", one=_KEY_BYTES, other=_SECRET_BYTES)
        raise PushAddressError(msg)
    return address


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
