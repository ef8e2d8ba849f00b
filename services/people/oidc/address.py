"""PURE. Which addresses of a provider may be used."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def fault_of_address(url: str, *, on_loopback: bool) -> str | None:
    """Why nothing secret is sent there; None: it is. `on_loopback`: http is good there, and nowhere else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "is no address"
    if not host or parts.username or parts.password or parts.fragment:
        return "is no address of a host, without a password and a #"
    if parts.scheme == "https" or (parts.scheme == "http" and on_loopback and _is_loopback(host)):
        return None
    return "does not begin with https://"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
