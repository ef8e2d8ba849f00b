"""A clinic of four persons with one rota, and policies that name them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.people.model import Role
from services.people.rota.model import Layer, Rota, Turns
from services.people.rota.people import ClinicPeople, Member, OwnChannel
from tests.unit.people.rota.made_up import ANN, BOB, CEM, DOT

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)

DESK = Contact(name="desk", channels=(Channel(name="sms", url="json://desk"),))
ON_CALL = Contact(name="on call", rota="first")
CHIEF = Contact(name="chief", person="cem")
ALL = Contact(name="all", everybody=True)


def member(person: UUID, name: str, *urls: str, role: Role = Role.RESPONDER) -> Member:
    channels = tuple(OwnChannel(url.partition(":")[0], url, MONDAY) for url in urls)
    return Member(person, name.title(), name, role, channels=channels)


ANN_, BOB_ = member(ANN, "ann", "ntfys://ann", "json://ann"), member(BOB, "bob", "ntfys://bob")
BOSS, VIEWER = member(CEM, "cem", "ntfys://cem", role=Role.ADMINISTRATOR), member(DOT, "dot", role=Role.VIEWER)
ROTA = Rota(
    clinic_id="north",
    name="first",
    timezone="UTC",
    layers=(Layer(name="days", members=(ANN, BOB), begins=date(2026, 11, 23), turns=Turns.DAYS),),
)


def people(*members: Member, rota: Rota | None = ROTA) -> ClinicPeople:
    return ClinicPeople(members or (ANN_, BOB_, BOSS, VIEWER), MappingProxyType({rota.name: rota} if rota else {}))


def policy(*steps: str, contacts: tuple[Contact, ...] = (DESK, ON_CALL, CHIEF, ALL)) -> Policy:
    told = tuple(EscalationStep(after_minutes=10 * n, contacts=(name,)) for n, name in enumerate(steps))
    return Policy(clinic_id="north", contacts=contacts, routes={Priority.HIGH: Route(steps=told)})
