"""TimescaleDB servers of a test's own, quickly: copies of one that was made, migrated and stopped once.

A copy takes a third of a second; to make a cluster and to run every migration takes two or three of a processor's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from bench.stack import READY_MADE
from services.devstack.servers import timescaledb
from services.devstack.servers.postgres import SCRATCH_SETTINGS, DatabaseServer, PostgresServer
from tests.stack import make_database


class ReadyMade:
    """Hands out servers; the first call makes what the others copy. Docker has nothing to copy, and makes each anew."""

    def __init__(self) -> None:
        self._first: PostgresServer | None = None

    def make_server(self, *, settings: Mapping[str, str] | None = None) -> DatabaseServer:
        """A TimescaleDB server of one's own, not started yet, on which `make_database` finds one that is migrated."""
        if self._first is None:
            server = timescaledb.make_server(settings=SCRATCH_SETTINGS, in_memory=True)
            if not isinstance(server, PostgresServer):
                return timescaledb.make_server(settings=settings)
            self._first = server
            server.start()
            with ThreadPoolExecutor(1) as thread:  # this one may have an event loop already
                thread.submit(lambda: asyncio.run(make_database(server, READY_MADE))).result()
            server.stop()
        return self._first.copy(settings=settings)

    def remove(self) -> None:
        """Remove what was copied. The copies are their owners' to remove."""
        if self._first is not None:
            self._first.remove()
