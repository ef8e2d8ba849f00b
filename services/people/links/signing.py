"""Who gets a link with a page, and what it looks like.

Guarantee: a page goes out whatever is wrong here. Without a key, or for a contact that is no person, it has the plain
address of the alert, for which one signs in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import structlog

from services.people.links.keys import read_keys
from services.people.links.receivers import Receivers
from services.people.links.tokens import Link, Purpose, sign
from services.runtime.secrets.file import SecretFileError

log = structlog.get_logger()


@dataclass(slots=True)
class Links:
    """Makes the links of one alert worker."""

    key_files: Sequence[Path] = ()
    setting: str = "ALERTS_LINK_KEY_FILES"
    receivers: Receivers = field(default_factory=lambda: MappingProxyType({}))
    """As they were last known."""
    fault: str | None = None
    """Why no link is made at the moment; None: nothing is wrong."""

    def keys(self) -> tuple[str, ...]:
        """The keys that are good; empty: none."""
        try:
            keys = read_keys(self.key_files, self.setting)
        except SecretFileError as error:
            if self.fault is None:
                log.error("links_not_signed", error=str(error))  # noqa: TRY400 - it says all
            self.fault = str(error)
            return ()
        self.fault = None
        return keys

    def link_for(
        self, purpose: Purpose, clinic_id: str, contact: str, about: UUID, delivery_id: UUID, now: datetime
    ) -> str | None:
        """The path of a contact's link, `/l/TOKEN`; None: it has none."""
        try:
            person_id = self.receivers.get((clinic_id, contact))
            keys = self.keys() if person_id is not None and self.key_files else ()
            if person_id is None or not keys:
                return None
            return f"/l/{sign(Link(purpose, about, person_id, delivery_id), keys, now)}"
        except Exception:  # a fault of ours: rather a page without a link than no page
            log.exception("link_not_made", delivery_id=str(delivery_id))
            return None
