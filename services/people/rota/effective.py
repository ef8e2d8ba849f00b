"""PURE. A clinic's policy as it holds at one moment: whoever a contact stands for, with their own channels.

Guarantees: a contact that is a person, a rota or everybody becomes the persons whom it stands for now. **Never
silence**: where it stands for nobody who can be told, the clinic's administrators are told, and that is said as a
trouble. Every person of the clinic stays a contact, so that a page that was planned before a hand-over keeps its
address. Contacts with channels of their own stay as they are, and so does a policy that has only such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.policy import Channel, Contact, Policy
from services.people.model import Role
from services.people.rota.people import ClinicPeople, Member
from services.people.rota.turns import next_change, on_call

NOBODY: Final = ClinicPeople()


@dataclass(frozen=True, slots=True)
class Nobody:
    """A contact that stands for nobody who can be told at the moment."""

    contact: str
    why: str
    """Such as "rota first gives nobody"."""
    instead: tuple[str, ...]
    """The names of the persons who are told instead; empty: there is nobody at all."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A policy as it holds at a moment, and what is wrong with whom it names."""

    policy: Policy
    troubles: tuple[Nobody, ...] = ()


def needs_people(policy: Policy) -> bool:
    """Tell whether any of its contacts stands for persons."""
    return any(contact.stands_for_persons for contact in policy.contacts)


def effective(policy: Policy, people: ClinicPeople, now: datetime) -> Policy:
    """The policy as it holds now; `resolve` also says what is wrong with it."""
    return resolve(policy, people, now).policy


def resolve(policy: Policy, people: ClinicPeople, now: datetime) -> Resolved:
    """Put the persons of now in the place of contacts that stand for some.

    Args:
        policy: As its file says.
        people: Of the clinic that it is used for.
        now: The moment.
    """
    if not needs_people(policy):
        return Resolved(policy)
    told: dict[str, tuple[str, ...]] = {}
    troubles = []
    for contact in policy.contacts:
        if not contact.stands_for_persons:
            continue
        found = tuple(member for member in standing_for(contact, people, now) if member.usable)
        if not found:
            found = tuple(member for member in people.administrators if member.usable)
            why = _why(contact, people, now)
            troubles.append(Nobody(contact.name, why, tuple(member.name for member in found)))
        told[contact.name] = tuple(member.contact_name for member in found)
    own = tuple(contact for contact in policy.contacts if not contact.stands_for_persons)
    routes = {
        priority: route.model_copy(
            update={
                "steps": tuple(
                    step.model_copy(update={"contacts": _names(step.contacts, told)}) for step in route.steps
                )
            }
        )
        for priority, route in policy.routes.items()
    }
    persons = tuple(_contact(member) for member in people.members if member.usable)
    return Resolved(policy.model_copy(update={"contacts": (*own, *persons), "routes": routes}), tuple(troubles))


def standing_for(contact: Contact, people: ClinicPeople, now: datetime) -> tuple[Member, ...]:
    """The persons whom a contact stands for now, whether they can be told or not; empty for one with channels."""
    if contact.everybody:
        return tuple(each for each in people.members if each.role.allows(Role.RESPONDER) and not each.is_disabled)
    found = None
    if contact.rota is not None:
        found = people.on_call(contact.rota, now)
    elif contact.person is not None:
        found = people.by_sign_in(contact.person)
    return () if found is None or found.is_disabled else (found,)


def holds_until(policy: Policy, people: ClinicPeople, now: datetime, latest: datetime) -> datetime:
    """Until when `resolve` says the same, if persons and rotas stay as they are; at most `latest`."""
    names = {contact.rota for contact in policy.contacts}
    until = latest
    for rota in (people.rotas[name] for name in names if name is not None and name in people.rotas):
        change = next_change(rota, now, looks=latest - now)
        if change is not None:
            until = min(until, change.begins)
    return until


def _why(contact: Contact, people: ClinicPeople, now: datetime) -> str:
    if contact.everybody:
        return "nobody of the clinic has a verified channel"
    if contact.person is not None:
        member = people.by_sign_in(contact.person)
        if member is None:
            return f"nobody of the clinic signs in as {contact.person}"
        return f"{member.name} {_lacks(member)}"
    rota = people.rotas.get(contact.rota or "")
    if rota is None:
        return f"there is no rota {contact.rota}"
    person = on_call(rota, now)
    if person is None:
        return f"rota {contact.rota} gives nobody"
    member = people.by_id(person)
    if member is None:
        return f"rota {contact.rota} gives a person who is not of the clinic"
    return f"rota {contact.rota} gives {member.name}, who {_lacks(member)}"


def _lacks(member: Member) -> str:
    return "is disabled" if member.is_disabled else "has no verified channel"


def _names(contacts: Iterable[str], told: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Each person once, though two contacts stand for them."""
    return tuple(dict.fromkeys(name for contact in contacts for name in told.get(contact, (contact,))))


def _contact(member: Member) -> Contact:
    # Not looked at again: the database has what was looked at, and the name is one that no file may give.
    channels = tuple(Channel.model_construct(name=each.name, url=each.url) for each in member.usable)
    return Contact.model_construct(name=member.contact_name, channels=channels)
