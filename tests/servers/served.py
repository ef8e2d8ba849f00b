"""An application on a port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.devstack.ports import accepts_connections
from services.runtime.http.server import serve
from tests.stack import eventually


@asynccontextmanager
async def served(app: Any, port: int) -> AsyncIterator[asyncio.Task[None]]:
    """The application, once it answers; the task serves it until it is cancelled."""
    server = asyncio.create_task(serve(app, host="127.0.0.1", port=port))

    async def listens() -> bool:
        return await asyncio.to_thread(accepts_connections, "127.0.0.1", port)

    try:
        await eventually(listens)
        yield server
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
