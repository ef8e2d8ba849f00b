"""PURE. What is written down of persons: sign-ins, changes of accounts, roles and rotas, and reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.people.model import Actor


class AccessKind(StrEnum):
    """What happened; stored in `access_log.kind`."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    PASSWORD_SET = "password_set"  # noqa: S105  # nosec B105
    PERSON_MADE = "person_made"
    PERSON_DISABLED = "person_disabled"
    PERSON_ENABLED = "person_enabled"
    PERSON_RESET = "person_reset"
    PERSON_LINKED = "person_linked"
    ROLE_GIVEN = "role_given"
    ROLE_TAKEN = "role_taken"
    ROTA_KEPT = "rota_kept"
    ROTA_REMOVED = "rota_removed"
    TURN_CHANGED = "turn_changed"
    TURN_CHANGE_WITHDRAWN = "turn_change_withdrawn"
    HAND_OVER_ACCEPTED = "hand_over_accepted"
    CHANNEL_MADE = "channel_made"
    CHANNEL_VERIFIED = "channel_verified"
    CHANNEL_REMOVED = "channel_removed"
    REFILL_BOOKED = "refill_booked"
    REFILL_MOVED = "refill_moved"
    REFILL_DONE = "refill_done"
    REFILL_CANCELLED = "refill_cancelled"
    READ = "read"


NOBODY = Actor("nobody", "")
"""Who tried to sign in by a name that nobody has. What they typed is not kept: it may be a password."""


@dataclass(frozen=True, slots=True)
class Access:
    """One row, but for the moment."""

    kind: AccessKind
    actor: Actor
    about: UUID | None = None
    """The person whom it is about."""
    clinic_id: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    pump_id: str | None = None

    @property
    def detail(self) -> dict[str, Any]:
        """What stands in the row beside ids: the actor's name as it was then, and what else is said."""
        return ({"name": self.actor.name} if self.actor.name else {}) | self.more
