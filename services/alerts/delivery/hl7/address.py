"""PURE. Addresses of HL7 receivers: `mllp://host:port`, and `mllps://host:port` with TLS.

Guarantee: what is said about an address that cannot be used quotes nothing of it.

What may follow a `?`: `application` and `facility` name the receiver in each message (MSH-5 and MSH-6); with TLS `ca`
is the file of the authority that signed the receiver's certificate (left out: those that the machine trusts), `cert`
and `key` are the files of a certificate of our own, for a receiver that asks who calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

SCHEMES: Final = ("mllp", "mllps")
_NAMES: Final = frozenset({"application", "facility"})
_FILES: Final = frozenset({"ca", "cert", "key"})
_EXPECTED: Final = "expected 'mllp://host:port', or 'mllps://host:port' for TLS"


@dataclass(frozen=True, slots=True)
class MllpAddress:
    """Where a receiver is, what it is called, and the files that TLS needs."""

    host: str
    port: int
    tls: bool = False
    application: str = ""
    facility: str = ""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __str__(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_mllp(url: str | None) -> bool:
    """Tell whether an address is one of an HL7 receiver, as far as its beginning says."""
    return url is not None and url.partition("://")[0].lower() in SCHEMES


def read_mllp(url: str) -> MllpAddress:
    """Read an address.

    Raises:
        ValueError: It cannot be used; says why, after the words "the address is".
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        more = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        msg = f"no address of an HL7 receiver; {_EXPECTED}"
        raise ValueError(msg) from error
    if parts.scheme not in SCHEMES or not host or not port:
        msg = f"an address of an HL7 receiver without a host or a port; {_EXPECTED}"
        raise ValueError(msg)
    if "@" in parts.netloc or parts.path not in {"", "/"} or parts.fragment:
        msg = f"an address of an HL7 receiver with a login, a path or a '#'; {_EXPECTED}"
        raise ValueError(msg)
    tls = parts.scheme == "mllps"
    allowed = _NAMES | _FILES if tls else _NAMES
    if more.keys() - allowed:
        msg = f"an address with something after '?' that is not known here; expected {', '.join(sorted(allowed))}"
        raise ValueError(msg)
    if ("cert" in more) != ("key" in more):
        msg = "an address with one of 'cert' and 'key'; expected both or none"
        raise ValueError(msg)
    ca, cert, key = (Path(more[name]) if more.get(name) else None for name in ("ca", "cert", "key"))
    return MllpAddress(host, port, tls, more.get("application", ""), more.get("facility", ""), ca, cert, key)


def mllp_fault(url: str) -> str | None:
    """Why no page can be sent there, after the words "the address is"; None: it can be read."""
    try:
        read_mllp(url)
    except ValueError as error:
        return str(error)
    return None
