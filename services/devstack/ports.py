"""Free loopback ports."""

from __future__ import annotations

import fcntl
import os
import socket
from functools import cache
from typing import Final

from services.devstack import folders
from services.devstack.errors import DevStackError

_STEPS: Final = 50
_handed_out: set[int] = set()


def free_port(wanted: int | None = None) -> int:
    """A port of 127.0.0.1 that nothing listens on, never the same twice in one process.

    Nor one that another process of this account was given here and may be about to listen on, as long as that one runs.

    Args:
        wanted: Taken if it is free, else the next free one above it; None: whichever the system gives.

    Raises:
        DevStackError: `wanted` and the 50 ports above it are all taken.
    """
    candidates = [0] * _STEPS if wanted is None else range(wanted, min(wanted + _STEPS, 65536))
    for candidate in candidates:
        port = _bindable(candidate)
        if port is not None and port not in _handed_out and _reserve(port):
            _handed_out.add(port)
            return port
    msg = f"no free port on 127.0.0.1 from {wanted} to {wanted + _STEPS if wanted else 65535}"
    raise DevStackError(msg)


def accepts_connections(host: str, port: int, *, timeout_seconds: float = 1.0) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds):
            return True
    except OSError:
        return False


def _reserve(port: int) -> bool:
    """Whether no other process has it; from now on this one does, until it ends."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _reservations() -> int:
    """An empty file, in which a lock on byte n stands for port n. Closing it would end this process's locks."""
    return os.open(folders.cache_folder() / "ports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _bindable(port: int) -> int | None:
    with socket.socket() as probe:
        # Without it a port whose last connections are in TIME_WAIT would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
