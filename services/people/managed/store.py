"""All SQL of the page of persons: one small function for each statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.accounts.store import roles_in
from services.people.model import Role
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class ManagedPerson:
    """Somebody with a role in a clinic that who asks administers."""

    person_id: UUID
    name: str
    sign_in: str | None
    disabled_at: datetime | None
    has_password: bool
    by_provider: bool
    set_up_until: datetime | None
    governed: bool
    """Whether who asks may disable and reset them: they have no role elsewhere and do not run the installation."""
    roles: Mapping[str, Role]
    """In the clinics that who asks administers."""
    channels: int
    """Verified ones."""
    failing: int
    """Of these, those that fail now."""
    rang_at: datetime | None
    """When a channel that can ring was last known to; None: there is none."""
    seen_at: datetime | None


async def managed_persons(connection: Connection, person_id: UUID | None = None) -> list[ManagedPerson]:
    """Those of the clinics that who asks administers; or one of them, if it is one."""
    rows = await connection.fetch(QUERIES["managed_persons"], person_id)
    return [ManagedPerson(**{**dict(row), "roles": roles_in(row["roles"])}) for row in rows]
