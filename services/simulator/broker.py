"""Where the broker is and how to log in: read from a URL.

Guarantees: a password never appears in a `repr`, a log or an error.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_DEFAULT_PORT: Final = {"mqtt": 1883, "mqtts": 8883}


class BrokerUrlError(ValueError):
    """The URL cannot be used; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker, and the login for it."""

    host: str
    port: int
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Name the broker as errors do."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def with_login(self, username: str, password: bytes | None) -> Broker:
        """The same broker, for another login."""
        return replace(self, username=username, password=password)


def parse_broker(
    url: str,
    *,
    ca_file: Path | None = None,
    certificate_file: Path | None = None,
    key_file: Path | None = None,
) -> Broker:
    """Read `mqtt://user:password@host:1883` or `mqtts://...`; the files are for `mqtts` only.

    Raises:
        BrokerUrlError: Another scheme, no host, a port that is none, or a certificate file that cannot be read.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        msg = "the port of the MQTT URL is no number from 0 to 65535"
        raise BrokerUrlError(msg) from error
    if parts.scheme not in _DEFAULT_PORT or not parts.hostname:
        got = f"scheme {parts.scheme!r}, host {parts.hostname!r}"
        msg = f"expected mqtt://user:password@host:port or mqtts://..., got {got}"
        raise BrokerUrlError(msg)
    tls = None
    if parts.scheme == "mqtts":
        try:
            tls = ssl.create_default_context(cafile=ca_file)
            if certificate_file is not None:
                tls.load_cert_chain(certificate_file, key_file)
        except (OSError, ssl.SSLError) as error:
            msg = f"a TLS file cannot be used: {error}"
            raise BrokerUrlError(msg) from error
    return Broker(
        host=parts.hostname,
        port=port or _DEFAULT_PORT[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password).encode() if parts.password else None,
        tls=tls,
    )
