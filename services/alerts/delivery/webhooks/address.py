"""PURE. Addresses of programs that take signed events: `webhook+https://HOST/PATH#secret=FILE`.

Guarantee: what is said about an address that cannot be used quotes nothing of it.

Up to the `#` it is the receiver's own address with `webhook+` before it. What stands behind the `#` is for us and is
never sent: `secret`, the file of the secret that signs, and with https perhaps `ca`, the file of the authority that
signed the receiver's certificate (left out: those that the machine trusts).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_BEFORE: Final = "webhook+"
_SCHEMES: Final = ("https", "http")
_FILES: Final = frozenset({"secret", "ca"})
_EXPECTED: Final = "expected 'webhook+https://host/path#secret=/path/of/its/file'"


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """Where a receiver is, and the files that a message to it needs."""

    url: str = field(repr=False)
    """As it is posted to; it may hold a token."""
    place: str
    """Host and port, for what people read."""
    secret: Path
    ca: Path | None = None


def is_webhook(url: str | None) -> bool:
    """Tell whether an address is one of a receiver of signed events, as far as its beginning says."""
    return url is not None and url.lower().startswith(_BEFORE)


def read_webhook(url: str) -> WebhookAddress:
    """Read an address.

    Raises:
        ValueError: It cannot be used; says why, after the words "the address is".
    """
    own, _, ours = url[len(_BEFORE) :].partition("#")
    try:
        parts = urlsplit(own)
        host, port = parts.hostname, parts.port
        files = dict(parse_qsl(ours, keep_blank_values=True, strict_parsing=bool(ours)))
    except ValueError as error:
        msg = f"no address of a webhook; {_EXPECTED}"
        raise ValueError(msg) from error
    if not is_webhook(url) or parts.scheme not in _SCHEMES or not host:
        msg = f"no address of a webhook, or one without a host; {_EXPECTED}"
        raise ValueError(msg)
    if files.keys() - _FILES:
        msg = f"an address of a webhook with something after '#' that is not known here; {_EXPECTED}, or with &ca=FILE"
        raise ValueError(msg)
    if "secret" not in files:
        msg = f"an address of a webhook that names no secret, and nothing goes out without a signature; {_EXPECTED}"
        raise ValueError(msg)
    if not all(value.startswith("/") for value in files.values()):
        msg = f"an address of a webhook whose file is no path from /; {_EXPECTED}"
        raise ValueError(msg)
    if "ca" in files and parts.scheme != "https":
        msg = "an address of a webhook without TLS that names an authority (ca); expected webhook+https://"
        raise ValueError(msg)
    place = f"[{host}]" if ":" in host else host
    ca = Path(files["ca"]) if "ca" in files else None
    return WebhookAddress(own, f"{place}:{port}" if port else place, Path(files["secret"]), ca)
