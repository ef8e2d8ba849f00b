"""Keeps the last good policy of each clinic in the database, and takes over what other hosts put there.

Guarantees: of two hosts the newest change holds on both; an address that a policy names as `env:NAME` is kept as that
name; what one clinic's policy brings to light stays with it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.alerts.policy_files import store
from services.alerts.policy_files.agreement import LastGood
from services.alerts.policy_files.folder import PolicyFolder
from services.alerts.policy_files.kept import KeptPolicies
from services.runtime.database import Connection
from services.runtime.isolation import apart, described

HEARD_WITHIN: Final = timedelta(seconds=60)
"""A host that has not said for so long what its folder has is taken for gone."""
_SAY_AGAIN: Final = timedelta(seconds=15)

log = structlog.get_logger()


class PolicyKeeper:
    """What one process knows of the policies that the database keeps."""

    def __init__(self, folder: PolicyFolder) -> None:
        self._folder = folder
        self._kept = KeptPolicies()
        self._said: Mapping[str, str | None] = {}
        self._said_at: datetime | None = None
        self._since: Mapping[str, datetime] = {}

    async def keep_once(self, connection: Connection, now: datetime) -> bool:
        """Take over what is newer there, and keep what is newer here; True: what holds is new."""
        await self._kept.load(connection)
        elsewhere = await store.faults_elsewhere(connection, self._folder.host, now - HEARD_WITHIN)
        is_new = self._folder.adopt(self._kept.by_clinic, self._since, elsewhere)
        newer = [last for clinic, last in sorted(self._folder.last_good.items()) if self._is_newer(clinic, last)]
        if newer:
            async with connection.transaction():
                work = functools.partial(self._keep, connection, now)
                _, failed = await apart(connection, newer, work)
            for failure in failed:
                log.error("policy_not_kept", clinic_id=failure.item.clinic_id, error=described(failure.error))
        if self._folder.is_set and await self._say(connection, now):
            is_new |= self._folder.adopt(self._kept.by_clinic, self._since, elsewhere)
        return is_new

    def _is_newer(self, clinic: str, last: LastGood) -> bool:
        head = self._kept.heads.get(clinic)
        return last.policy is not None and (head is None or head[0] < last.changed_at)

    async def _keep(self, connection: Connection, now: datetime, good: Sequence[LastGood]) -> None:
        await store.keep_policies(connection, good, now)

    async def _say(self, connection: Connection, now: datetime) -> bool:
        """Say what the folder here has and lacks; True: it was said now, and since when it lacks it is known."""
        stale = self._folder.now.stale
        faults = {clinic: stale.get(clinic) for clinic in sorted(self._folder.now.by_clinic)}
        if faults == self._said and self._said_at is not None and now - self._said_at < _SAY_AGAIN:
            return False
        self._since = await store.say_folder(connection, self._folder.host, faults, now)
        self._said, self._said_at = faults, now
        return True
