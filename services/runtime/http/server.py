"""Serve an ASGI application as one task among others.

Guarantees: the process's own signal handling stays in charge; cancelling the task ends the server after the requests
under way, at most `_SHUTDOWN_SECONDS` later; a port that is taken is an error with the address in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

_SHUTDOWN_SECONDS: Final = 5


class AddressInUseError(OSError):
    """The HTTP address cannot be bound; the message names it."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Any, *, host: str, port: int) -> None:
    """Serve `app` until cancelled.

    Raises:
        AddressInUseError: The address cannot be bound.
    """
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256
        )
    except OSError as error:
        msg = f"cannot listen on http://{host}:{port}: {error.strerror}"
        raise AddressInUseError(msg) from error
    server = _Server(
        uvicorn.Config(
            app,
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
