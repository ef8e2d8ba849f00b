"""Serve an ASGI application as one task among others.

Guarantees: the process's own signal handling stays in charge; cancelling the task ends the server after the requests
under way, at most `_SHUTDOWN_SECONDS` later; a port that is taken is an error with the address in it; connections are
bounded in number and time (services/runtime/http/limits.py), and there are never more than the process may open files.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import structlog
import uvicorn

from services.runtime.http.files import allow_files
from services.runtime.http.limits import Limits, bounded_by

_SHUTDOWN_SECONDS: Final = 5
_OTHER_FILES: Final = 192
"""What a process may have open beside connections of its server: the database's, the broker's, sends, files."""
_LEAST_CONNECTIONS: Final = 16

log = structlog.get_logger()


class AddressInUseError(OSError):
    """The HTTP address cannot be bound; the message names it."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: Any,
    *,
    host: str,
    port: int,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    proxies: tuple[str, ...] = (),
) -> None:
    """Serve `app` until cancelled.

    Args:
        app: What answers.
        host: The address to listen on.
        port: The port.
        limits: Of its connections.
        proxies: Addresses, or networks, of proxies whose word is taken for who asks (X-Forwarded-For).

    Raises:
        AddressInUseError: The address cannot be bound.
    """
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256
        )
        # Connections take it over. asyncio leaves it out of sockets that are handed to it, and then each body that is
        # written after its head waits 40 ms until the other side says that the head has come.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        msg = f"cannot listen on http://{host}:{port}: {error.strerror}"
        raise AddressInUseError(msg) from error
    server = _Server(
        uvicorn.Config(
            app,
            http=bounded_by(_within_files(limits)),
            ws="none",
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            server_header=False,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        await task
        raise
    finally:
        listener.close()


def _within_files(limits: Limits) -> Limits:
    allowed = allow_files(limits.most_connections + _OTHER_FILES)
    most = min(limits.most_connections, max(_LEAST_CONNECTIONS, allowed - _OTHER_FILES))
    if most < limits.most_connections:
        log.warning("few_files_allowed", files=allowed, connections=most, expected=limits.most_connections)
    return replace(limits, most_connections=most)
