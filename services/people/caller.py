"""PURE. Who asks: a person who is signed in, or a program with a key, and what each may do where.

What a caller may not see answers exactly as what is not there; what they may see and not do is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from services.people.model import Actor, Person, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `roles` holds their role by clinic; where they have none, they see nothing."""

    actor: Actor
    roles: Mapping[str, Role] = field(default_factory=dict)
    person_id: UUID | None = None
    """None: a program."""
    is_operator: bool = False
    key_id: str | None = None
    """Of a program's key; None: a person."""
    scopes: tuple[str, ...] = ()
    """What a program's key is for, as it was made; a person has none."""
    reaches: frozenset[str] = frozenset()
    """The clinics of a program's key, whatever it is for there."""
    key_clinic: str | None = None
    """The one clinic of a program's key; None: every clinic, or no key."""

    def may(self, needed: Role, clinic_id: str) -> bool:
        """Tell whether the caller may do in a clinic what `needed` may."""
        role = self.roles.get(clinic_id)
        return role is not None and role.allows(needed)

    def clinics(self, needed: Role = Role.VIEWER) -> frozenset[str]:
        """The clinics in which the caller may do what `needed` may."""
        return frozenset(clinic for clinic, role in self.roles.items() if role.allows(needed))

    def clinics_for(self, scope: str) -> frozenset[str]:
        """The clinics whose matters of one kind the caller may read: a viewer, or a program whose key has the scope."""
        return self.clinics() if self.key_id is None else self.reaches if scope in self.scopes else frozenset()

    @classmethod
    def of_person(cls, person: Person) -> Caller:
        """A person who is signed in."""
        return cls(person.actor, person.roles, person.person_id, person.is_operator)
