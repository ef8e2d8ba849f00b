"""Who is on call in the clinics of who asks, for the pages and the API: read once, and put into times of the rota."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from services.alerts.errors import NotFound
from services.alerts.policies import Policies, zone_for
from services.alerts.web.on_call.store import channels_of_persons
from services.people.model import Role
from services.people.rota.coverage import Gap, uncovered
from services.people.rota.model import Change, Rota
from services.people.rota.people import ClinicPeople, Member
from services.people.rota.store import KeptRota, load_members, load_rotas
from services.people.rota.turns import Shift, next_change, shift_at, shifts
from services.runtime.database import Connection
from services.texts.model import msgid

SHOWN: Final = timedelta(days=14)
COVERAGE_DAYS: Final = 90
NOBODY: Final = msgid("nobody")
UNKNOWN: Final = msgid("somebody who is not of this clinic any more")


@dataclass(frozen=True, slots=True)
class RotaNow:
    """One rota at a moment."""

    kept: KeptRota
    now: Shift
    next: Shift | None
    """None: it stays as it is for more than a year."""
    ahead: tuple[Shift, ...]
    members: tuple[Member, ...]

    @property
    def rota(self) -> Rota:
        """What it says."""
        return self.kept.rota

    @property
    def takers(self) -> tuple[Member, ...]:
        """Who of the clinic can be on call."""
        return tuple(each for each in self.members if each.role.allows(Role.RESPONDER) and not each.is_disabled)

    def who(self, person_id: UUID | None) -> str:
        """A person's name; nobody's is "nobody"."""
        if person_id is None:
            return NOBODY
        return next((each.name for each in self.members if each.person_id == person_id), UNKNOWN)

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock it goes by."""
        return ZoneInfo(self.rota.timezone)

    def field(self, moment: datetime) -> str:
        """A moment as a field of a form has it."""
        return f"{moment.astimezone(self.zone):%Y-%m-%dT%H:%M}"

    def shift_value(self, shift: Shift) -> str:
        """A shift as an option of a form has it."""
        return f"{shift.person_id}/{shift.begins.isoformat()}/{shift.ends.isoformat()}"

    def shifts_of(self, person_id: UUID | None, *, own: bool) -> tuple[Shift, ...]:
        """The shifts ahead that this person has, or that others have."""
        return tuple(each for each in self.ahead if each.person_id and (each.person_id == person_id) is own)

    def changes(self, now: datetime) -> tuple[Change, ...]:
        """Those that hold or are to come, the soonest first."""
        return tuple(sorted((each for each in self.rota.changes if each.ends > now), key=lambda each: each.begins))


@dataclass(frozen=True, slots=True)
class ClinicNow:
    """One clinic at a moment."""

    clinic_id: str
    rotas: tuple[RotaNow, ...]
    gaps: tuple[Gap, ...]
    """Until `looked_until`."""
    looked_until: datetime
    within_minutes: float
    zone: ZoneInfo
    """By what clock it goes."""


async def picture_of(
    connection: Connection, clinics: Collection[str], policies: Policies, now: datetime, span: timedelta = SHOWN
) -> tuple[ClinicNow, ...]:
    """Each of these clinics, by name; `span` is how far its shifts are told."""
    if not clinics:
        return ()
    channels = await channels_of_persons(connection)
    members = await load_members(connection, None)
    kept = await load_rotas(connection, None, now)
    found = []
    for clinic in sorted(clinics):
        there = tuple(replace(each, channels=channels.get(each.person_id, ())) for each in members.get(clinic, ()))
        own = [each for each in kept if each.rota.clinic_id == clinic]
        found.append(_clinic(clinic, there, own, policies, now, span))
    return tuple(found)


async def rota_of_id(connection: Connection, clinics: Collection[str], rota_id: UUID, now: datetime) -> RotaNow:
    """One rota of these clinics.

    Raises:
        NotFound: There is none of that id.
    """
    for kept in await load_rotas(connection, None, now):
        if kept.rota_id == rota_id and kept.rota.clinic_id in clinics:
            members = (await load_members(connection, kept.rota.clinic_id)).get(kept.rota.clinic_id, ())
            return _rota(kept, members, now, SHOWN)
    raise NotFound(msgid("there is no rota %(id)s"), id=rota_id)


def _clinic(
    clinic: str, members: tuple[Member, ...], kept: list[KeptRota], policies: Policies, now: datetime, span: timedelta
) -> ClinicNow:
    policy = policies.of(clinic)
    people = ClinicPeople(members, {each.rota.name: each.rota for each in kept})
    within = policy.paging.coverage_within_minutes
    # An address of the policy counts: whether it can be used, only the worker knows, and its board warns.
    until = now + timedelta(days=COVERAGE_DAYS)
    gaps = uncovered(policy, people, now, until, within)
    zone = zone_for(policy, kept[0].rota.timezone if kept else None)
    return ClinicNow(clinic, tuple(_rotas(kept, members, now, span)), gaps, until, within, zone)


def _rotas(kept: list[KeptRota], members: tuple[Member, ...], now: datetime, span: timedelta) -> Iterator[RotaNow]:
    for each in kept:
        yield _rota(each, members, now, span)


def _rota(kept: KeptRota, members: tuple[Member, ...], now: datetime, span: timedelta) -> RotaNow:
    ahead = shifts(kept.rota, now, now + span)
    return RotaNow(kept, shift_at(kept.rota, now), next_change(kept.rota, now), ahead, members)
