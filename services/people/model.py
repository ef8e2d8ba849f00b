"""PURE. Who asks, and what they may do.

Plain frozen values. Nothing here reads a clock, a setting or the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID


class Role(StrEnum):
    """What a person may do in one clinic; each may do what the one before may."""

    VIEWER = "viewer"
    """Reads alerts, pumps and who is on call."""
    RESPONDER = "responder"
    """Takes alerts, resolves, remarks, silences, takes turns."""
    ADMINISTRATOR = "administrator"
    """Persons, rotas and channels of the clinic."""

    @property
    def rank(self) -> int:
        """Higher may do more."""
        return list(Role).index(self)

    def allows(self, needed: Role) -> bool:
        """Tell whether this role may do what `needed` may."""
        return self.rank >= needed.rank


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: the id that the audit trail holds, and the name that people read.

    `id` is "person:" and the person's id, "key:" and the id of a program's key, "login:" and the account that ran a
    command, or the name of a part of Pumpwatch.
    """

    id: str
    name: str


PUMPWATCH: Final = Actor("pumpwatch", "Pumpwatch")
"""Pumpwatch itself, by a rule or a timer."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person, with their roles by clinic."""

    person_id: UUID
    name: str
    roles: Mapping[str, Role] = field(default_factory=dict)
    is_operator: bool = False
    sign_in: str | None = None

    @property
    def actor(self) -> Actor:
        """This person, as the one who acts."""
        return Actor(f"person:{self.person_id}", self.name)

    def may(self, needed: Role, clinic_id: str) -> bool:
        """Tell whether this person may do in a clinic what `needed` may."""
        role = self.roles.get(clinic_id)
        return role is not None and role.allows(needed)
