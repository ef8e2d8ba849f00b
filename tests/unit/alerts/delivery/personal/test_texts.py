"""What is sent over a person's channel says what it is, and that it is no alarm."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from schemas.parts.languages import Language
from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.delivery.persons.texts import code_text, drill_text, language_of, try_text, warning_text
from services.alerts.health.proof.notices import proof_notices
from services.people.model import Role
from services.people.rota.people import ClinicPeople, Member, OwnChannel, person_in
from services.texts.catalogue import texts_in

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
GERMAN = texts_in(Language.GERMAN)


def test_each_says_what_it_is() -> None:
    assert "code ABCD-EFGH" in code_text("ABCD-EFGH").title
    assert "no alarm" in try_text("phone").title
    drill = drill_text("phone", "https://pw.example.org/", "LINK")
    assert "DRILL: no alarm" in drill.title
    assert "https://pw.example.org/heard/LINK " in drill.body
    assert "https://pw.example.org/account/channels" in warning_text("phone", "https://pw.example.org").body


def test_each_says_so_in_german() -> None:
    said = [
        code_text("ABCD-EFGH", GERMAN),
        try_text("Telefon", GERMAN),
        drill_text("Telefon", "https://pw.example.org/", "LINK", GERMAN),
        warning_text("Telefon", "https://pw.example.org", GERMAN),
    ]
    assert [each.title for each in said] == [
        "Pumpwatch: Code ABCD-EFGH",
        "Pumpwatch TEST: kein Alarm",
        "Pumpwatch PROBEALARM: kein Alarm",
        "Pumpwatch: einer Ihrer Kanäle klingelt vielleicht nicht",
    ]
    assert "https://pw.example.org/heard/LINK " in said[2].body
    assert said[3].body.endswith(" https://pw.example.org/account/channels")


def test_a_person_is_told_in_the_language_of_their_clinics_and_in_english_where_these_differ() -> None:
    german, english = Language.GERMAN, Language.ENGLISH
    told = [language_of(each) for each in ([german, german], [german, english], [english], [])]
    assert told == [german, english, english, english]


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
