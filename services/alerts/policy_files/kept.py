"""What the database keeps of clinics' policies, read again as far as it changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog
from pydantic import ValidationError

from schemas.line_text import KEPT
from schemas.policy import Policy
from services.alerts.policies import Policies, policies_of
from services.alerts.policy_files import store
from services.alerts.policy_files.agreement import LastGood
from services.runtime.database import Connection

log = structlog.get_logger()


class KeptPolicies:
    """The last good policies of all clinics, as the database keeps them."""

    def __init__(self) -> None:
        self.heads: Mapping[str, tuple[datetime, str]] = {}
        """By clinic, what tells that its policy is another one."""
        self.by_clinic: dict[str, LastGood] = {}
        self.now = Policies()
        """What holds, for who has no files of its own (`pumpwatch web`)."""
        self.are_known = False
        """Whether they were ever read."""

    async def load(self, connection: Connection) -> None:
        """Read what is new."""
        heads = await store.policy_heads(connection)
        changed = [clinic for clinic, head in heads.items() if self.heads.get(clinic) != head]
        if self.are_known and not changed and self.heads.keys() == heads.keys():
            return
        for row in await store.policies_kept(connection, changed):
            try:
                policy = None if row.policy is None else Policy.model_validate_json(row.policy, context=KEPT)
            except ValidationError as error:  # kept by another release
                log.error("kept_policy_not_readable", clinic_id=row.clinic_id, faults=error.error_count())  # noqa: TRY400
                self.by_clinic.pop(row.clinic_id, None)
                continue
            version = policy.version if policy else ""
            self.by_clinic[row.clinic_id] = LastGood(row.clinic_id, policy, version, row.changed_at, row.file, row.host)
        self.by_clinic = {clinic: last for clinic, last in self.by_clinic.items() if clinic in heads}
        self.heads = heads
        self.are_known = True
        self.now = policies_of(*(last.policy for last in self.by_clinic.values() if last.policy is not None))
