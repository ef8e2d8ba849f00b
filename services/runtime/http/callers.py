"""PURE. Who sends a request, and from where: tokens, browsers of other sites, and addresses of this machine.

Nothing here raises, whatever a header holds.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

_NO_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought along."""

    name: str | None
    token: str


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one fault: all of it, and what anybody may know. `general` names no person, file or server."""

    all: str
    general: str

    def to(self, *, trusted: bool) -> str:
        """The words for whoever asks."""
        return self.all if trusted else self.general


def credentials_of(authorization: str) -> Credentials | None:
    """Read an Authorization header: Basic (the person's name and the token) or Bearer; None: it is neither."""
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return Credentials(None, rest.strip())
        case "basic":
            try:
                name, found, token = base64.b64decode(rest, validate=True).decode().partition(":")
            except ValueError:  # binascii.Error and UnicodeDecodeError are both
                return None
            return Credentials(name.strip() or None, token) if found else None
        case _:
            return None


def holds_token(authorization: str, token: str) -> bool:
    """Tell whether an Authorization header holds the token, in a time that does not tell how much of it was right."""
    credentials = credentials_of(authorization)
    return credentials is not None and secrets.compare_digest(
        credentials.token.encode(errors="surrogatepass"), token.encode()
    )


def is_trusted(headers: Mapping[str, str], token: str | None, public_url: str) -> bool:
    """Tell whether a request may be told everything: it holds the token; without one, it is addressed to this machine.

    So that a web page elsewhere cannot read here through the browser of who works on this machine (DNS rebinding).
    """
    if token is None:
        return is_addressed_here(headers.get("host", ""), public_url)
    return holds_token(headers.get("authorization", ""), token)


def comes_from_elsewhere(headers: Mapping[str, str], public_url: str) -> bool:
    """Tell whether a browser says that another site sent this request; an origin that is no address is another site.

    A client that is no browser sends neither header, and carries no one's password by itself.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    ours = (headers.get("host"), _place_of(public_url))
    place = _place_of(origin)
    return place is None or place not in ours


def is_addressed_here(host: str, public_url: str) -> bool:
    """Tell whether a Host header names this machine, or the service's public address."""
    name = _name_in(host)
    return is_loopback(name) or (name != "" and name == _name_in(_place_of(public_url) or ""))


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_one_line(text: str) -> bool:
    """Tell whether text holds no control character and no line end."""
    return _NO_LINE.search(text) is None


def is_plain_address(path: str, query: bytes) -> bool:
    """Tell whether a request's address, its escapes read, holds no control character; `path` comes without escapes."""
    return is_one_line(path) and is_one_line(unquote_to_bytes(query).decode("utf-8", "replace"))


def _place_of(url: str) -> str | None:
    """Host and port of an address; None: it has none, or is no address."""
    try:
        return urlsplit(url).netloc or None
    except ValueError:
        return None


def _name_in(place: str) -> str:
    """The host without its port; empty: there is none."""
    try:
        return urlsplit(f"//{place}").hostname or ""
    except ValueError:
        return ""
