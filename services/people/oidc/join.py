"""What an administrator does so that somebody's account here and at the identity provider are one."""

from __future__ import annotations

from datetime import datetime

from services.people.accounts.changes import AccountRefusedError
from services.people.accounts.rules import sign_in_of
from services.people.accounts.store import person_id_of
from services.people.model import Actor
from services.people.oidc import store
from services.people.trail.model import Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection


async def link(
    connection: Connection, sign_in_name: str, issuer: str, subject: str, *, by: Actor, now: datetime
) -> None:
    """Let a person who has an account here sign in by the provider as well, as `subject`.

    Raises:
        AccountRefusedError: There is no such person, or somebody else is that subject.
    """
    async with connection.transaction():
        kept = sign_in_of(sign_in_name)
        person_id = await person_id_of(connection, kept) if kept else None
        if person_id is None:
            msg = f"nobody has the sign-in name {sign_in_name[:80]!r}; `pumpwatch user list` shows everybody"
            raise AccountRefusedError(msg)
        other = await store.find(connection, issuer, subject)
        if other is not None and other.person_id != person_id:
            msg = f"{subject[:80]!r} of {issuer} is {other.name}, who has another account"
            raise AccountRefusedError(msg)
        await store.link(connection, person_id, issuer, subject)
        more = {"issuer": issuer, "subject": subject}
        await append(connection, Access(AccessKind.PERSON_LINKED, by, person_id, more=more), now)
