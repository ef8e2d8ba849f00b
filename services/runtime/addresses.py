"""Where the broker and the database are, and how to log in: addresses, and files that may be replaced at any time.

An address that cannot be read is refused in words that quote none of it: with a password in it that holds a `#` or a
`/`, what a library calls the port or the query is a part of the password.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, SecretStr

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#%\s]*)(:([0-9]{1,5}))?")
_ENCODE: Final = "in a password write %40 for @, %2F for /, %3F for ?, %23 for #, %5B for [, %25 for %"
_LAST_PORT: Final = 65_535


class BrokerUnavailableError(ConnectionError):
    """The broker cannot be reached or refused the connection; the message says which and why."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files of one side of TLS; without an authority, those of the machine count."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __str__(self) -> str:
        """Name the files."""
        return ", ".join(str(file) for file in (self.ca_file, self.cert_file, self.key_file) if file) or "the machine's"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to log in.

    Guarantees: certificates, keys and the password's file are read for each connection, so the next one after a
    rotation uses the new ones.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsFiles | None = None
    password_file: Path | None = None

    def __str__(self) -> str:
        """Name the broker without its password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext | None:
        """What TLS needs, from the files as they are now; None: there is no TLS.

        Raises:
            BrokerUnavailableError: A file is not there, or is not what it should be; names them.
        """
        if self.tls is None:
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.tls.ca_file) if self.tls.ca_file else None)
            if self.tls.cert_file is not None:
                context.load_cert_chain(self.tls.cert_file, self.tls.key_file)
        except OSError as error:  # also what ssl raises
            msg = f"cannot connect to {self}: the certificate files ({self.tls}) cannot be used: {error}"
            raise BrokerUnavailableError(msg) from error
        return context

    def password_now(self) -> bytes | None:
        """The password: that of the file, as it is now, without a line's end, before that of the address.

        Raises:
            BrokerUnavailableError: The file cannot be read.
        """
        if self.password_file is None:
            return None if self.password is None else self.password.encode()
        try:
            return self.password_file.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            msg = f"cannot connect to {self}: the file of the password cannot be read: {error}"
            raise BrokerUnavailableError(msg) from error


def broker_address(
    url: str,
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    password_file: Path | None = None,
) -> BrokerAddress:
    """Read `mqtt://[user:password@]host[:1883]` or `mqtts://...[:8883]`.

    Raises:
        ValueError: It is none; what is said quotes nothing of it.
    """
    expected = "mqtt://[user:password@]host[:port] or mqtts://..."
    parts = _read(url, ("mqtt", "mqtts"), expected)
    if not parts.hostname or "," in parts.netloc.rpartition("@")[2] or parts.path.strip("/") or parts.query:
        raise ValueError(_not_an_address(expected))
    tls = TlsFiles(ca_file, cert_file, key_file) if parts.scheme == "mqtts" else None
    return BrokerAddress(
        parts.hostname,
        parts.port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
        password_file,
    )


def check_database_url(url: str) -> str:
    """Return an address of PostgreSQL as it is, if it can be read: also with several hosts, or none.

    Raises:
        ValueError: It cannot; what is said quotes nothing of it.
    """
    expected = "postgresql://user:password@host:port/database"
    parts = _read(url, ("postgresql", "postgres"), expected)
    try:
        parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(_not_an_address(expected)) from None
    return url


def _read(url: str, schemes: tuple[str, ...], expected: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_not_an_address(expected)) from None
    login, _, hosts = parts.netloc.rpartition("@")
    found = [_HOST.fullmatch(host) for host in hosts.split(",")]
    readable = all(host is not None and int(host[3] or 0) <= _LAST_PORT for host in found)
    if parts.scheme not in schemes or not readable or "@" in login + parts.path + parts.query or parts.fragment:
        raise ValueError(_not_an_address(expected))
    return parts


def _not_an_address(expected: str) -> str:
    return f"expected {expected}; {_ENCODE}"


def _readable_broker(url: SecretStr) -> SecretStr:
    broker_address(url.get_secret_value())
    return url


def _readable_database(url: SecretStr) -> SecretStr:
    check_database_url(url.get_secret_value())
    return url


SecretBrokerUrl = Annotated[SecretStr, AfterValidator(_readable_broker)]
"""What `broker_address` reads, in settings."""
SecretDatabaseUrl = Annotated[SecretStr, AfterValidator(_readable_database)]
"""What `check_database_url` takes, in settings."""
