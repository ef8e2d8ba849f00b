"""A policy as it holds at one moment: whoever a contact stands for, and never nobody without a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.policy import Contact, Policy, Priority, Route
from services.people.rota.effective import Nobody, effective, holds_until, needs_people, resolve, standing_for
from services.people.rota.model import Turns
from services.people.rota.people import ClinicPeople
from tests.unit.people.rota.clinics import (
    ANN_,
    BOB_,
    BOSS,
    CHIEF,
    DAY,
    DESK,
    MONDAY,
    ON_CALL,
    ROTA,
    VIEWER,
    member,
    people,
    policy,
)
from tests.unit.people.rota.made_up import ANN


def told(found: Policy) -> list[list[tuple[str, list[str]]]]:
    """By step: who, and their addresses."""
    by_name = {contact.name: [channel.url for channel in contact.channels] for contact in found.contacts}
    return [[(name, by_name[name]) for name in step.contacts] for step in found.routes[Priority.HIGH].steps]


def test_whoever_is_on_call_is_told_by_their_own_channels() -> None:
    given = policy("on call", "chief")
    ann, bob, boss = (
        ("person:ann", ["ntfys://ann", "json://ann"]),
        ("person:bob", ["ntfys://bob"]),
        ("person:cem", ["ntfys://cem"]),
    )
    assert told(effective(given, people(), MONDAY)) == [[ann], [boss]]
    assert told(effective(given, people(), MONDAY + DAY - timedelta(seconds=1))) == [[ann], [boss]]
    assert told(effective(given, people(), MONDAY + DAY)) == [[bob], [boss]]
    assert resolve(given, people(), MONDAY).troubles == ()


def test_a_page_that_was_planned_before_a_hand_over_keeps_its_address() -> None:
    before, after = (effective(policy("on call"), people(), at) for at in (MONDAY, MONDAY + DAY))
    assert before.contacts == after.contacts
    assert [contact.name for contact in after.contacts] == ["desk", "person:ann", "person:bob", "person:cem"]


def test_everybody_is_whoever_can_answer() -> None:
    found = effective(policy("all"), people(), MONDAY)
    assert [name for name, _ in told(found)[0]] == ["person:ann", "person:bob", "person:cem"]


def test_one_person_for_whom_two_contacts_stand_is_told_once() -> None:
    given = policy("on call").routes[Priority.HIGH].steps[0].model_copy(update={"contacts": ("desk", "on call", "all")})
    both = policy("on call").model_copy(update={"routes": {Priority.HIGH: Route(steps=(given,))}})
    assert [name for name, _ in told(effective(both, people(), MONDAY))[0]] == [
        "desk",
        "person:ann",
        "person:bob",
        "person:cem",
    ]


def test_a_policy_with_addresses_only_is_the_one_that_it_was() -> None:
    given = policy("desk", contacts=(DESK,))
    assert effective(given, people(), MONDAY) is given
    assert not needs_people(given)
    assert standing_for(DESK, people(), MONDAY) == ()


@pytest.mark.parametrize(
    ("contact", "clinic", "why"),
    [
        pytest.param(ON_CALL, people(rota=None), "there is no rota first", id="no rota"),
        pytest.param(
            ON_CALL, people(rota=ROTA.model_copy(update={"layers": ()})), "rota first gives nobody", id="a gap"
        ),
        pytest.param(
            ON_CALL, people(BOB_, BOSS), "rota first gives a person who is not of the clinic", id="who has left"
        ),
        pytest.param(
            ON_CALL,
            people(replace(ANN_, is_disabled=True), BOSS),
            "rota first gives Ann, who is disabled",
            id="disabled",
        ),
        pytest.param(
            ON_CALL,
            people(member(ANN, "ann"), BOSS),
            "rota first gives Ann, who has no verified channel",
            id="no channel",
        ),
        pytest.param(
            ON_CALL,
            people(member(ANN, "ann", "env:DATABASE_URL"), BOSS),
            "rota first gives Ann, who has no verified channel",
            id="a variable of the worker's for an address",
        ),
        pytest.param(
            Contact(name="x", person="zoe"), people(), "nobody of the clinic signs in as zoe", id="unknown person"
        ),
        pytest.param(
            Contact(name="x", person="ann"),
            people(member(ANN, "ann"), BOSS),
            "Ann has no verified channel",
            id="person",
        ),
    ],
)
def test_who_cannot_be_told_is_stood_in_for_by_the_administrators(
    contact: Contact, clinic: ClinicPeople, why: str
) -> None:
    found = resolve(policy(contact.name, contacts=(contact,)), clinic, MONDAY)
    assert told(found.policy) == [[("person:cem", ["ntfys://cem"])]]
    assert found.troubles == (Nobody(contact.name, why, ("Cem",)),)


def test_where_there_is_nobody_at_all_that_is_said() -> None:
    found = resolve(policy("all", "on call"), people(member(ANN, "ann"), VIEWER), MONDAY)
    assert told(found.policy) == [[], []]
    assert [(each.contact, each.instead) for each in found.troubles] == [("on call", ()), ("chief", ()), ("all", ())]
    assert found.troubles[2].why == "nobody of the clinic has a verified channel"


def test_a_policy_holds_until_the_next_person_has_it() -> None:
    def until(given: Policy, clinic: ClinicPeople) -> timedelta:
        return holds_until(given, clinic, MONDAY, MONDAY + 3 * DAY) - MONDAY

    assert until(policy("on call"), people()) == DAY
    assert until(policy("on call"), people(rota=None)) == 3 * DAY
    assert until(policy("chief", contacts=(CHIEF,)), people()) == 3 * DAY
    weekly = ROTA.model_copy(update={"layers": (ROTA.layers[0].model_copy(update={"turns": Turns.WEEKS}),)})
    assert until(policy("on call"), people(rota=weekly)) == 3 * DAY
