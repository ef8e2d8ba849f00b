"""A person whom the identity provider signed in gets a session here, with the roles that their groups have now.

Guarantees: somebody is known by the provider's issuer and subject, and by no name or address, which another could come
to have; what the provider said begins one session; a role that a group gave goes when the group goes, and one that a
person gave here stays; all of it and its rows in the trail are one transaction.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from schemas.line_text import refusal
from services.people.accounts.rules import digest_of, sign_in_of
from services.people.accounts.sign_in import From
from services.people.accounts.store import clinics, give_role, take_role
from services.people.model import Actor, Role
from services.people.oidc import store
from services.people.oidc.groups import Groups, changes_of
from services.people.oidc.provider import Said
from services.people.sessions import life
from services.people.sessions.store import end_all
from services.people.trail.model import NOBODY, Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection

_LONGEST_NAME: Final = 80
_LONGEST_SESSION: Final = 255

log = structlog.get_logger()


class NotHereError(Exception):
    """The provider knows them, and here they may not come in; the message is for them."""

    def __init__(self, why: str, message: str, about: UUID | None = None, actor: Actor = NOBODY) -> None:
        super().__init__(message)
        self.why, self.about, self.actor = why, about, actor


def groups_actor(issuer: str) -> Actor:
    """Who gives and takes the roles of groups."""
    return Actor(f"oidc:{issuer}", "Groups of the identity provider")


async def sign_in(
    connection: Connection, said: Said, nonce: str, issuer: str, groups: Groups, origin: From, now: datetime
) -> str:
    """Begin a session; returns its token.

    Raises:
        NotHereError: They may not come in; that stands in the trail.
    """
    try:
        async with connection.transaction():
            found = await _come_in(connection, said, nonce, issuer, groups, origin, now)
    except NotHereError as error:
        found = error
    if isinstance(found, NotHereError):
        more = {"how": "oidc", "why": found.why, "from": origin.place}
        await append(connection, Access(AccessKind.SIGN_IN_FAILED, found.actor, found.about, more=more), now)
        raise found
    return found


async def _come_in(
    connection: Connection, said: Said, nonce: str, issuer: str, groups: Groups, origin: From, now: datetime
) -> str | NotHereError:
    there_are = frozenset(await clinics(connection))
    by_groups = groups.roles_of(said.groups)
    known = await store.find(connection, issuer, said.subject)
    if known is None:
        if not by_groups.keys() & there_are:
            return NotHereError("no_group", _NO_GROUP)
        known = await _make(connection, said, issuer, now)
    actor = Actor(f"person:{known.person_id}", known.name)
    if known.disabled_at is not None:
        words = "Your account is disabled here. Ask an administrator of your clinic."
        return NotHereError("disabled", words, known.person_id, actor)
    roles = await _bring_up_to_date(connection, known.person_id, by_groups, there_are, issuer, now)
    if not roles and not known.is_operator:
        await end_all(connection, known.person_id, now)
        return NotHereError("no_group", _NO_GROUP, known.person_id, actor)
    token = await life.begin(connection, known.person_id, "oidc", now, lasts=origin.lasts)
    sid = said.text("sid")[:_LONGEST_SESSION] or None
    if not await store.keep_session(connection, digest_of(token), digest_of(nonce), sid):
        words = "This sign-in was used already. Begin again."
        raise NotHereError("replayed", words, known.person_id, actor)
    more = {"how": "oidc", "from": origin.place}
    await append(connection, Access(AccessKind.SIGNED_IN, actor, known.person_id, more=more), now)
    return token


_NO_GROUP: Final = (
    "Your account is in no group of a clinic here, so there is nothing that you may see. Ask an administrator of your "
    "clinic, or whoever runs your organisation's accounts, to put you into the clinic's group; then sign in again."
)


async def _make(connection: Connection, said: Said, issuer: str, now: datetime) -> store.Known:
    by = groups_actor(issuer)
    derived = "oidc-" + hashlib.sha256(f"{issuer} {said.subject}".encode()).hexdigest()[:16]
    kept = sign_in_of(said.text("preferred_username")) or sign_in_of(said.text("email")) or derived
    name = _name_of(said) or kept
    person_id = await store.make(
        connection, name=name, sign_in=kept, issuer=issuer, subject=said.subject, now=now, by=by.id
    )
    if person_id is None:
        known = await store.find(connection, issuer, said.subject)
        if known is not None:  # made by another browser of theirs just now
            return known
        words = (
            f"There is an account {kept} here already, and nobody has said that it is yours. Ask an administrator to "
            f"join the two: pumpwatch user link {kept} '{said.subject}'"
        )
        raise NotHereError("name_taken", words)
    await append(connection, Access(AccessKind.PERSON_MADE, by, person_id, more={"sign_in": kept, "person": name}), now)
    return store.Known(person_id, name, is_operator=False, disabled_at=None)


def _name_of(said: Said) -> str:
    for claim in ("name", "preferred_username", "email"):
        name = said.text(claim).strip()[:_LONGEST_NAME]
        if name and not refusal(name):
            return name
    return ""


async def _bring_up_to_date(
    connection: Connection,
    person_id: UUID,
    by_groups: dict[str, Role],
    there_are: frozenset[str],
    issuer: str,
    now: datetime,
) -> dict[str, Role]:
    """Give and take what their groups give now; returns their roles after it."""
    by = groups_actor(issuer)
    held, of_groups = await store.roles(connection, person_id, by.id)
    changes = changes_of(by_groups, held, of_groups, there_are)
    if changes.unknown:
        log.warning("oidc_groups_name_unknown_clinics", clinics=sorted(changes.unknown))
    for clinic_id, role in sorted(changes.given.items()):
        await give_role(connection, person_id, clinic_id, role, now, by.id)
        await append(connection, Access(AccessKind.ROLE_GIVEN, by, person_id, clinic_id, {"role": role.value}), now)
    for clinic_id, role in sorted(changes.taken.items()):
        await take_role(connection, person_id, clinic_id)
        await append(connection, Access(AccessKind.ROLE_TAKEN, by, person_id, clinic_id, {"role": role.value}), now)
    return {clinic: role for clinic, role in held.items() if clinic not in changes.taken} | dict(changes.given)
