"""What is sent over a person's channel says what it is, and that it is no alarm."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.delivery.persons.texts import code_text, drill_text, try_text, warning_text
from services.alerts.health.proof.notices import proof_notices
from services.people.model import Role
from services.people.rota.people import ClinicPeople, Member, OwnChannel, person_in

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


def test_each_says_what_it_is() -> None:
    assert "code ABCD-EFGH" in code_text("ABCD-EFGH").title
    assert "no alarm" in try_text("phone").title
    drill = drill_text("phone", "https://pw.example.org/", "LINK")
    assert "DRILL: no alarm" in drill.title
    assert "https://pw.example.org/heard/LINK " in drill.body
    assert "https://pw.example.org/account/channels" in warning_text("phone", "https://pw.example.org").body


def test_the_administrators_of_a_clinic_hear_of_a_phone_or_else_whoever_is_told_first() -> None:
    own = (OwnChannel("phone", "ntfy://x/y", NOW),)
    boss = Member(UUID(int=1), "Vic", "vic", Role.ADMINISTRATOR, channels=own)
    channels = (Channel(name="c", url="ntfy://h/t"),)
    contacts = tuple(Contact.model_construct(name=name, channels=channels) for name in ("person:vic", "desk"))
    route = Route(steps=(EscalationStep(after_minutes=0, contacts=("desk",)),))
    policy = Policy.model_construct(contacts=contacts, routes={Priority.HIGH: route})

    def told(policy: Policy, *members: Member) -> list[str]:
        notices = proof_notices("north", policy, ClinicPeople(members), "Ann", "phone", "e", "https://pw.example.org")
        return [each.contact for each in notices]

    assert told(policy, boss) == ["person:vic"]
    assert told(policy) == ["desk"]
    assert told(Policy()) == []
    assert person_in("person:vic") == "vic"
    assert person_in("desk") is None
