"""PURE. Who can be told in a clinic: its persons, their channels and its rotas, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from schemas.parts.paging import PERSON
from services.people.model import Role
from services.people.rota.model import Rota
from services.people.rota.turns import on_call


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """One way to reach a person."""

    name: str
    url: str = field(repr=False)
    """An Apprise URL, which may hold a token."""
    verified_at: datetime | None
    """None: nobody has shown yet that it reaches them, so nothing is sent there."""
    failing_since: datetime | None = None

    @property
    def is_usable(self) -> bool:
        """Whether anything is sent there. What a person wrote never names a variable of the worker's environment."""
        return self.verified_at is not None and "://" in self.url and not self.url.startswith("env:")

    @property
    def works(self) -> bool:
        """Whether it counts as reaching somebody."""
        return self.is_usable and self.failing_since is None


@dataclass(frozen=True, slots=True)
class Member:
    """A person as a clinic can reach them."""

    person_id: UUID
    name: str
    sign_in: str | None
    role: Role
    is_disabled: bool = False
    channels: tuple[OwnChannel, ...] = ()
    """In their order."""

    @property
    def contact_name(self) -> str:
        """What their contact is called in the policy as it holds: it stays the same when their name changes."""
        return f"{PERSON}{self.sign_in or self.person_id}"

    @property
    def usable(self) -> tuple[OwnChannel, ...]:
        """Over which they are told: verified ones, also those that fail at the moment. None of one who is disabled."""
        if self.is_disabled:
            return ()
        return tuple(channel for channel in self.channels if channel.is_usable)

    @property
    def can_be_reached(self) -> bool:
        """Whether a page would reach them, as far as is known."""
        return not self.is_disabled and any(channel.works for channel in self.channels)


def person_in(contact_name: str) -> str | None:
    """Which person a contact is, by what they sign in with or their id; None: it is no person."""
    return contact_name.removeprefix(PERSON) if contact_name.startswith(PERSON) else None


@dataclass(frozen=True, slots=True)
class ClinicPeople:
    """Everybody of one clinic, and its rotas by name."""

    members: tuple[Member, ...] = ()
    rotas: Mapping[str, Rota] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def timezone(self) -> str | None:
        """By what clock they go: that of their first rota; None: they have none, or it says UTC."""
        zone = self.rotas[min(self.rotas)].timezone if self.rotas else "UTC"
        return None if zone == "UTC" else zone

    def by_id(self, person_id: UUID) -> Member | None:
        """One of them; None: not of this clinic (any more)."""
        return next((member for member in self.members if member.person_id == person_id), None)

    def by_sign_in(self, sign_in: str) -> Member | None:
        """One of them by what they sign in with; None: nobody of this clinic."""
        return next((member for member in self.members if member.sign_in == sign_in), None)

    @property
    def administrators(self) -> tuple[Member, ...]:
        """Who is told when a rota gives nobody."""
        return tuple(each for each in self.members if each.role is Role.ADMINISTRATOR and not each.is_disabled)

    def on_call(self, rota_name: str, at: datetime) -> Member | None:
        """Who has it by a rota and is of this clinic; None: nobody, or there is no such rota."""
        rota = self.rotas.get(rota_name)
        person = on_call(rota, at) if rota is not None else None
        found = self.by_id(person) if person is not None else None
        return None if found is None or found.is_disabled else found
