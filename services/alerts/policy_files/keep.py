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
from pydantic import ValidationError

from schemas.policy import Policy
from services.alerts.policy_files import store
from services.alerts.policy_files.agreement import LastGood
from services.alerts.policy_files.folder import PolicyFolder
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
        self._heads: Mapping[str, tuple[datetime, str]] = {}
        self._kept: dict[str, LastGood] = {}
        self._said: Mapping[str, str | None] = {}
        self._said_at: datetime | None = None
        self._since: Mapping[str, datetime] = {}

    async def keep_once(self, connection: Connection, now: datetime) -> bool:
        """Take over what is newer there, and keep what is newer here; True: what holds is new."""
        await self._load(connection)
        elsewhere = await store.faults_elsewhere(connection, self._folder.host, now - HEARD_WITHIN)
        is_new = self._folder.adopt(self._kept, self._since, elsewhere)
        newer = [last for clinic, last in sorted(self._folder.last_good.items()) if self._is_newer(clinic, last)]
        if newer:
            async with connection.transaction():
                work = functools.partial(self._keep, connection, now)
                _, failed = await apart(connection, newer, work)
            for failure in failed:
                log.error("policy_not_kept", clinic_id=failure.item.clinic_id, error=described(failure.error))
        if self._folder.is_set and await self._say(connection, now):
            is_new |= self._folder.adopt(self._kept, self._since, elsewhere)
        return is_new

    async def _load(self, connection: Connection) -> None:
        heads = await store.policy_heads(connection)
        changed = [clinic for clinic, head in heads.items() if self._heads.get(clinic) != head]
        if not changed and heads.keys() == self._heads.keys():
            return
        for row in await store.policies_kept(connection, changed):
            try:
                policy = None if row.policy is None else Policy.model_validate_json(row.policy)
            except ValidationError as error:  # kept by another release
                log.error("kept_policy_not_readable", clinic_id=row.clinic_id, faults=error.error_count())  # noqa: TRY400
                self._kept.pop(row.clinic_id, None)
                continue
            version = policy.version if policy else ""
            self._kept[row.clinic_id] = LastGood(row.clinic_id, policy, version, row.changed_at, row.file, row.host)
        self._kept = {clinic: last for clinic, last in self._kept.items() if clinic in heads}
        self._heads = heads

    def _is_newer(self, clinic: str, last: LastGood) -> bool:
        head = self._heads.get(clinic)
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
