"""Changing rotas. What is refused names what was wrong and what was expected, and changes nothing.

Guarantee: what was changed stands in the audit trail (services/people/trail/); a rota only ever names persons of its
own clinic; of two people who change the same version of one the second is told. Each function is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.people.model import Actor, Role
from services.people.rota import store
from services.people.rota.model import Change, Rota
from services.people.rota.people import Member
from services.people.trail.model import Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection
from services.texts.phrase import Phrase, phrase


class RotaRefusedError(ValueError):
    """A rota cannot be changed like this; the message says why."""


class RotaChangedMeanwhileError(RotaRefusedError):
    """Somebody else has changed the rota since it was looked at."""


async def keep_rota(
    connection: Connection, rota: Rota, actor: Actor, now: datetime, *, based_on: int | None = None
) -> int:
    """Make a rota, or give it new layers and another zone; its changes stay as they are. Returns its version.

    Args:
        connection: No transaction is open on it.
        rota: Its `changes` are not looked at.
        actor: Who does it.
        now: When.
        based_on: The version that was changed; 0: none, it is to be new. None: whatever is there.

    Raises:
        RotaChangedMeanwhileError: The newest version is another one than `based_on`.
        RotaRefusedError: There is no such clinic, or a member is not of it, or is disabled.
    """
    async with connection.transaction():
        if not await store.clinic_is_there(connection, rota.clinic_id):
            msg = phrase("there is no clinic %(clinic)s", clinic=repr(rota.clinic_id))
            raise RotaRefusedError(msg)
        await _check_persons(connection, rota.clinic_id, (m for layer in rota.layers for m in layer.members))
        await store.insert_rota(connection, rota.clinic_id, rota.name)
        found = await store.rota_named(connection, rota.clinic_id, rota.name)
        if found is None or based_on not in {None, found[1]}:
            raise _meanwhile(rota.name)
        rota_id, version = found
        if not await store.insert_version(connection, rota_id, version + 1, rota, actor, now):
            raise _meanwhile(rota.name)
        said = rota.model_dump(mode="json", include={"timezone", "layers"})
        more = {"rota": rota.name, "version": version + 1, **said}
        await append(connection, Access(AccessKind.ROTA_KEPT, actor, clinic_id=rota.clinic_id, more=more), now)
        return version + 1


async def make_changes(
    connection: Connection, clinic_id: str, name: str, changes: Sequence[Change], actor: Actor, now: datetime
) -> None:
    """Put changes into a clinic's rota, all or none.

    Raises:
        RotaRefusedError: There is no such rota, a person is not of the clinic or is disabled, or a change is over.
    """
    async with connection.transaction():
        found = await store.rota_named(connection, clinic_id, name)
        if found is None:
            raise no_rota(clinic_id, name)
        await _check_persons(connection, clinic_id, (change.person_id for change in changes))
        for change in changes:
            if change.ends <= now:
                msg = phrase(
                    "it would end at %(ends)s, which is over; expected an end that is to come",
                    ends=f"{change.ends:%Y-%m-%d %H:%M}Z",
                )
                raise RotaRefusedError(msg)
            await store.insert_change(connection, found[0], change, actor)
            said = change.model_dump(mode="json", exclude={"person_id", "made_at"}, exclude_none=True)
            access = Access(AccessKind.TURN_CHANGED, actor, change.person_id, clinic_id, {"rota": name, **said})
            await append(connection, access, now)


async def withdraw_change(
    connection: Connection, clinic_id: str, change_id: UUID, actor: Actor, now: datetime
) -> tuple[UUID, ...]:
    """Let a change hold no longer, from now on; of a swap both halves. Returns the ids of what was withdrawn.

    Raises:
        RotaRefusedError: The clinic has no such change, or it is over or withdrawn already.
    """
    async with connection.transaction():
        withdrawn = await store.withdraw_change(connection, clinic_id, change_id, actor, now)
        if not withdrawn:
            msg = phrase(
                "clinic %(clinic)s has no change %(id)s that is not over or withdrawn",
                clinic=repr(clinic_id),
                id=change_id,
            )
            raise RotaRefusedError(msg)
        for each in withdrawn:
            kind, more = AccessKind.TURN_CHANGE_WITHDRAWN, {"change_id": str(each)}
            await append(connection, Access(kind, actor, clinic_id=clinic_id, more=more), now)
    return withdrawn


async def remove_rota(connection: Connection, clinic_id: str, name: str, actor: Actor, now: datetime) -> None:
    """Take a rota away. Contacts of the policy that name it reach the clinic's administrators from then on.

    Raises:
        RotaRefusedError: There is no such rota.
    """
    async with connection.transaction():
        if not await store.remove_rota(connection, clinic_id, name, actor, now):
            raise no_rota(clinic_id, name)
        access = Access(AccessKind.ROTA_REMOVED, actor, clinic_id=clinic_id, more={"rota": name})
        await append(connection, access, now)


def no_rota(clinic_id: str, name: str) -> RotaRefusedError:
    """What is said when a rota is not there."""
    return RotaRefusedError(phrase("clinic %(clinic)s has no rota %(rota)s", clinic=repr(clinic_id), rota=repr(name)))


async def _check_persons(connection: Connection, clinic_id: str, persons: Iterable[UUID]) -> None:
    members = (await store.load_members(connection, clinic_id)).get(clinic_id, ())
    by_id = {member.person_id: member for member in members}
    for person in persons:
        why = _why_not(by_id.get(person), person)
        if why is not None:
            msg = phrase(
                "%(why)s; expected a responder or administrator of %(clinic)s who can sign in",
                why=why,
                clinic=clinic_id,
            )
            raise RotaRefusedError(msg)


def _why_not(member: Member | None, person: UUID) -> Phrase | None:
    if member is None:
        return phrase("person %(id)s is not of the clinic", id=person)
    if member.is_disabled:
        return phrase("%(name)s is disabled", name=member.name)
    if member.role.allows(Role.RESPONDER):
        return None
    return phrase("%(name)s may only look, and answer no page", name=member.name)


def _meanwhile(name: str) -> RotaChangedMeanwhileError:
    return RotaChangedMeanwhileError(
        phrase(
            "rota %(rota)s was changed by somebody else meanwhile; look at it as it is now, and change it again",
            rota=repr(name),
        )
    )
