"""The proof that somebody is always reached: as somebody would find who raised an alarm every minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.parts.languages import Language
from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.people.model import Role
from services.people.rota.coverage import Gap, uncovered
from services.people.rota.model import Layer, Rota, Turns
from services.people.rota.people import ClinicPeople, Member, OwnChannel
from services.texts.catalogue import texts_in
from services.texts.phrase import said_in
from tests.unit.people.rota.brute_force import MINUTE, by_the_minute
from tests.unit.people.rota.clinics import ALL, BOSS, CHIEF, DAY, DESK, MONDAY, ON_CALL, member, people, policy
from tests.unit.people.rota.made_up import ANN, BOB, PEOPLE, rotas

SPAN_MINUTES = 1440
LONGEST_MINUTES = 60
WARM_UP_DAYS = 3

channels = st.builds(
    OwnChannel,
    name=st.just("phone"),
    url=st.sampled_from(("ntfys://x", "env:DATABASE_URL")),
    verified_at=st.sampled_from((None, MONDAY, MONDAY)),
    failing_since=st.sampled_from((None, None, MONDAY)),
)


@st.composite
def clinics(draw: st.DrawFn) -> tuple[Policy, ClinicPeople, datetime, int]:
    """A policy, its clinic with two rotas, the begin of a day, and within how many minutes."""
    first, begins = draw(rotas())
    second = draw(rotas())[0].model_copy(update={"name": "second", "timezone": first.timezone})
    members = tuple(
        Member(
            person,
            name,
            name,
            draw(st.sampled_from(tuple(Role))),
            draw(st.sampled_from((False, False, False, True))),
            tuple(draw(st.lists(channels, max_size=2))),
        )
        for person, name in zip(PEOPLE[: draw(st.integers(0, 4))], ("ann", "bob", "cem", "dot"), strict=False)
    )
    known = draw(st.sampled_from(((first, second), (first,), ())))
    contacts = (
        Contact(name="desk", channels=(Channel(name="sms", url="json://x"),)),
        Contact(name="broken", channels=(Channel(name="sms", url="json://y"),)),
        Contact(name="first", rota="first"),
        Contact(name="second", rota="second"),
        Contact(name="ann", person="ann"),
        Contact(name="all", everybody=True),
    )
    usual = st.sampled_from(("first", "second", "first", "second", "broken", "desk", "ann", "all"))
    steps = tuple(
        EscalationStep(
            after_minutes=draw(st.integers(0, 40)), contacts=tuple(draw(st.lists(usual, min_size=1, max_size=2)))
        )
        for _ in range(draw(st.integers(0, 3)))
    )
    route = Route(steps=steps, repeat_minutes=draw(st.sampled_from((None, 0, 7, 30))))
    made = Policy(clinic_id="north", contacts=contacts, routes={Priority.HIGH: route})
    clinic = ClinicPeople(members, MappingProxyType({rota.name: rota for rota in known}))
    return made, clinic, begins, draw(st.integers(0, LONGEST_MINUTES))


def reaches_nobody(made: Policy, clinic: ClinicPeople, begins: datetime, within: int) -> list[bool]:
    """Minute by minute: raise an alarm, let every page go out, and look who gets it."""
    on_call = {
        name: by_the_minute(rota, begins, SPAN_MINUTES + LONGEST_MINUTES + 1, WARM_UP_DAYS)
        for name, rota in clinic.rotas.items()
    }
    by_id = {each.person_id: each for each in clinic.members}

    def works(each: Member | None) -> bool:
        return (
            each is not None
            and not each.is_disabled
            and any(
                one.verified_at and not one.failing_since and one.url != "env:DATABASE_URL" for one in each.channels
            )
        )

    def gets_it(name: str, minute: int) -> bool:
        if name in {"first", "second"}:
            person = on_call[name][minute] if name in on_call else None
            return works(by_id.get(person) if person else None)
        if name == "ann":
            return any(each.name == "ann" and works(each) for each in clinic.members)
        if name == "all":
            return any(works(each) and each.role.value != "viewer" for each in clinic.members)
        return name == "desk"

    route = made.routes[Priority.HIGH]
    pages: list[tuple[int, str]] = []
    for step in route.steps:
        pages += [(int(step.after_minutes), name) for name in step.contacts]
    every = 5 if route.repeat_minutes is None else int(route.repeat_minutes)
    if route.steps and every:
        again = int(route.steps[-1].after_minutes) + every
        while again <= within:
            pages += [(again, name) for name in route.steps[-1].contacts]
            again += every
    in_time = [(after, name) for after, name in pages if after <= within]
    return [not any(gets_it(name, minute + after) for after, name in in_time) for minute in range(SPAN_MINUTES)]


def by_minute(gaps: Sequence[Gap], begins: datetime) -> list[bool]:
    found = [False] * SPAN_MINUTES
    for gap in gaps:
        first, last = ((moment - begins) // MINUTE for moment in (gap.begins, gap.ends))
        found[first:last] = [True] * (last - first)
    return found


def check(made_up: tuple[Policy, ClinicPeople, datetime, int]) -> None:
    made, clinic, begins, within = made_up
    ends = begins + SPAN_MINUTES * MINUTE
    gaps = uncovered(made, clinic, begins, ends, within, can_be_told=lambda contact: contact.name == "desk")
    assert by_minute(gaps, begins) == reaches_nobody(made, clinic, begins, within)
    assert all(gap.begins < gap.ends and gap.why for gap in gaps)
    assert all(one.ends < other.begins for one, other in pairwise(gaps))


@settings(max_examples=60, deadline=None)
@given(clinics())
def test_the_gaps_are_the_minutes_in_which_an_alarm_would_reach_nobody(
    made_up: tuple[Policy, ClinicPeople, datetime, int],
) -> None:
    check(made_up)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("thousand", range(10))
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(made_up=clinics())
def test_the_gaps_are_those_minutes_for_ten_thousand_clinics(
    thousand: int,
    made_up: tuple[Policy, ClinicPeople, datetime, int],
) -> None:
    check(made_up)


def test_a_gap_of_a_rota_is_told_with_its_edges_and_its_reason() -> None:
    layer = Layer(name="n", members=(ANN, BOB), begins=date(2026, 11, 24), hand_over="08:00", turns=Turns.DAYS)
    rota = Rota(clinic_id="north", name="first", timezone="UTC", layers=(layer,))
    given = policy("on call", contacts=(ON_CALL,))
    assert uncovered(given, people(rota=rota), MONDAY, MONDAY + 3 * DAY, 0) == (
        Gap(MONDAY, MONDAY + DAY, ("on call: rota first gives nobody of the clinic who can sign in",)),
    )
    # The last step goes out again every 5 minutes, so an alarm shortly before the first turn reaches Ann in time.
    [gap] = uncovered(given, people(rota=rota), MONDAY, MONDAY + 3 * DAY, 14)
    assert gap.ends == MONDAY + DAY - timedelta(minutes=10)


def test_who_cannot_be_reached_is_named() -> None:
    failing = replace(member(ANN, "ann"), channels=(OwnChannel("phone", "ntfys://x", MONDAY, MONDAY),))
    steps = policy("desk", "on call", "chief", "all")
    clinic = people(failing, replace(BOSS, channels=()))
    [gap] = uncovered(steps, clinic, MONDAY, MONDAY + DAY, 60, can_be_told=lambda _: False)
    assert gap.why == (
        "desk: no address that can be used",
        "on call: Ann has no working channel",
        "chief: Cem has no working channel",
        "all: Ann, Cem have no working channel",
    )
    [gap] = uncovered(policy("chief", contacts=(CHIEF,)), people(failing), MONDAY, MONDAY + DAY, 60)
    assert gap.why == ("chief: is nobody of the clinic who can sign in",)


def test_administrators_who_stand_in_are_no_plan() -> None:
    [gap] = uncovered(policy("on call", contacts=(ON_CALL,)), people(BOSS), MONDAY, MONDAY + DAY, 60)
    assert (gap.begins, gap.ends) == (MONDAY, MONDAY + DAY)


def test_a_clinic_whose_high_alarms_go_to_nobody_is_not_covered() -> None:
    assert uncovered(Policy(), people(), MONDAY, MONDAY + DAY, 60) == (
        Gap(MONDAY, MONDAY + DAY, ("nobody would be told",)),
    )
    late = policy("desk").routes[Priority.HIGH].steps[0].model_copy(update={"after_minutes": 61})
    given = policy("desk").model_copy(update={"routes": {Priority.HIGH: Route(steps=(late,))}})
    assert uncovered(given, people(), MONDAY, MONDAY + DAY, 60) != ()
    assert uncovered(given, people(), MONDAY, MONDAY + DAY, 61) == ()


def test_somebody_is_always_reached_by_an_address_that_works() -> None:
    assert uncovered(policy("desk", contacts=(DESK, ALL)), people(), MONDAY, MONDAY + 90 * DAY, 5) == ()


def test_the_reasons_are_said_in_german() -> None:
    failing = replace(member(ANN, "ann"), channels=())
    steps, clinic = policy("desk", "on call", "chief", "all"), people(failing, replace(BOSS, channels=()))
    [gap] = uncovered(steps, clinic, MONDAY, MONDAY + DAY, 60, can_be_told=lambda _: False)
    bare, nobody = policy("chief", contacts=(CHIEF,)), policy("on call", contacts=(ON_CALL,))
    [one] = uncovered(bare, people(failing), MONDAY, MONDAY + DAY, 60)
    [other] = uncovered(nobody, people(BOSS), MONDAY, MONDAY + DAY, 60)
    [none] = uncovered(Policy(), people(), MONDAY, MONDAY + DAY, 60)
    assert [said_in(why, texts_in(Language.GERMAN)) for each in (gap, one, other, none) for why in each.why] == [
        "desk: keine Adresse, die verwendet werden kann",
        "on call: Ann hat keinen Weg, der funktioniert",
        "chief: Cem hat keinen Weg, der funktioniert",
        "all: Ann, Cem haben keinen Weg, der funktioniert",
        "chief: ist niemand aus der Klinik, der sich anmelden kann",
        "on call: der Dienstplan first nennt niemanden aus der Klinik, der sich anmelden kann",
        "niemand würde benachrichtigt",
    ]
