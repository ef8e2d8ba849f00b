"""What ingest knows of devices: a cache of the `registry` view.

Guarantees: a device is looked up when it first speaks, many in one statement; any change of the registry empties the
cache (NOTIFY), and an entry is never older than `max_age_seconds` even when the notification was lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

import asyncpg
import structlog

from services.ingest.messages.decode import Enrolment
from services.ingest.storage.store import QUERIES
from services.runtime.database import UNAVAILABLE, Connection, Pool, borrow

CHANGED_CHANNEL: Final = "registry_changed"
_RECONNECT_SECONDS: Final = 1.0
_LOOK_UP_SECONDS: Final = 5.0
_LISTENING_SECONDS: Final = 10.0

log = structlog.get_logger()


class RegistryCache:
    """Devices by id."""

    def __init__(self, *, enrol_into: str | None, max_age_seconds: float) -> None:
        self._known: dict[str, Enrolment] = {}
        self._enrol_into = enrol_into
        self._max_age_seconds = max_age_seconds
        self._filled_at: float | None = None

    def forget(self) -> None:
        """Forget everything; the next message of each device looks it up again.

        A look-up that is under way keeps the mapping that it began with: it must not see devices vanish.
        """
        self._known = {}
        self._filled_at = None

    async def look_up(
        self, pool: Pool, device_ids: Collection[str], *, monotonic_seconds: float
    ) -> Mapping[str, Enrolment]:
        """Return a mapping in which every device of `device_ids` stands that is enrolled, among others.

        Raises:
            One of `database.UNAVAILABLE`.
        """
        if self._filled_at is None:
            self._filled_at = monotonic_seconds
        elif monotonic_seconds - self._filled_at > self._max_age_seconds:
            self.forget()
            self._filled_at = monotonic_seconds
        known = self._known
        missing = [device_id for device_id in device_ids if device_id not in known]
        if missing:
            async with borrow(pool, within_seconds=_LOOK_UP_SECONDS) as connection:
                known.update(await fetch_enrolments(connection, missing))
                unknown = [device_id for device_id in missing if device_id not in known]
                if unknown and self._enrol_into is not None:
                    async with connection.transaction():
                        await connection.execute(QUERIES["enrol_clinic"], self._enrol_into)
                        await connection.execute(QUERIES["enrol_devices"], self._enrol_into, unknown)
                    known.update(await fetch_enrolments(connection, unknown))
        return known

    async def watch(self, dsn: str) -> None:
        """Forget whenever the registry changes, until cancelled; a lost connection is opened again."""
        while True:
            try:
                connection = await asyncpg.connect(dsn, timeout=_LOOK_UP_SECONDS, command_timeout=_LOOK_UP_SECONDS)
                await self._forget_on_notice(connection)
            except UNAVAILABLE as error:
                log.debug("registry_watch_lost", error=str(error))
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _forget_on_notice(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(CHANGED_CHANNEL, lambda *_: self.forget())
            self.forget()
            while not lost.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _LISTENING_SECONDS)
                # Who only listens does not notice a network that hangs.
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()


async def fetch_enrolments(connection: Connection, device_ids: list[str]) -> dict[str, Enrolment]:
    """Look up those of `device_ids` that are enrolled."""
    rows = await connection.fetch(QUERIES["look_up_devices"], device_ids)
    return {row["device_id"]: Enrolment(row["clinic_id"], row["pump_id"]) for row in rows}
