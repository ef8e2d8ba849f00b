"""What ingest knows of devices: a cache of the `registry` view.

Guarantees: a device is looked up when it first speaks, many in one statement; any change of the registry empties the
cache (NOTIFY), and an entry is never older than `max_age_seconds` even when the notification was lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from schemas.topics import is_reserved_id
from services.ingest.messages.whose import Enrolment
from services.ingest.storage import store
from services.runtime.database import Pool, borrow
from services.runtime.listen import listen
from services.runtime.secrets.file import PasswordNow

CHANGED_CHANNEL: Final = "registry_changed"
_LOOK_UP_SECONDS: Final = 5.0


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
                known.update(await store.fetch_enrolments(connection, missing))
                unknown = [each for each in missing if each not in known and not is_reserved_id(each)]
                if unknown and self._enrol_into is not None:
                    async with connection.transaction():
                        await store.enrol_pumps(connection, self._enrol_into, unknown)
                    known.update(await store.fetch_enrolments(connection, unknown))
        return known

    async def watch(self, dsn: str, password: PasswordNow | None = None) -> None:
        """Forget whenever the registry changes, and whenever that may have gone unheard, until cancelled."""
        await listen(
            dsn,
            CHANGED_CHANNEL,
            self.forget,
            password=password,
            connect_within_seconds=_LOOK_UP_SECONDS,
            answer_within_seconds=_LOOK_UP_SECONDS,
        )
