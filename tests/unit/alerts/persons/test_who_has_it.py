"""Who hears that somebody has taken an alert, and what."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from schemas.policy import Channel, Contact, PagingPolicy, Policy, Priority
from services.alerts.delivery.persons.who_has_it import ToldOfTaken, who_hears
from services.alerts.policies import policies_of

ANN, BOB = UUID(int=1), UUID(int=2)
RECEIVERS = {("north", "ann"): ANN, ("north", "bob"): BOB}
BY_ANN = ToldOfTaken(
    UUID("12345678-0000-0000-0000-000000000000"),
    "north", "pump-1", "pump_alarm", "infusion", "Motor stall", "high", "bob", "push", "Ann", f"person:{ANN}", 7,
)  # fmt: skip


def contact(name: str, url: str = "json://127.0.0.1/") -> Contact:
    return Contact(name=name, channels=(Channel(name="push", url=url),))


POLICY = Policy(
    clinic_id="north",
    contacts=(
        contact("ann"),
        contact("bob"),
        contact("Ann"),
        contact("hl7", "mllp://127.0.0.1:2575"),
        contact("x", "env:X"),
    ),
)


def heard(told: ToldOfTaken, policy: Policy = POLICY) -> list[tuple[str, str]]:
    return [(text.title, text.body) for _, text in who_hears([told], policies_of(policy), RECEIVERS, {})]


def test_who_was_told_hears_who_has_it_without_the_pump() -> None:
    assert heard(BY_ANN) == [
        ("Pumpwatch: Ann has acknowledged", "Ann has acknowledged alert 12345678 (pump alarm). You need do nothing.")
    ]


def test_the_pump_is_named_where_the_clinics_pages_do() -> None:
    ((_, body),) = heard(BY_ANN, POLICY.model_copy(update={"include_patient_data": True}))
    assert body == "Ann has acknowledged alert 12345678 (pump pump-1: Motor stall). You need do nothing."


@pytest.mark.parametrize(
    "told",
    [
        replace(BY_ANN, contact="ann"),
        replace(BY_ANN, contact="Ann", acknowledged_by_id="key:1"),
        replace(BY_ANN, contact="hl7"),
        replace(BY_ANN, contact="x"),
        replace(BY_ANN, contact="gone"),
        replace(BY_ANN, priority="medium"),
    ],
)
def test_who_has_it_and_who_cannot_be_told_hear_nothing(told: ToldOfTaken) -> None:
    assert heard(told) == []


def test_the_clinic_says_for_which_priorities() -> None:
    never = POLICY.model_copy(update={"paging": PagingPolicy(tell_who_has_it=())})
    assert heard(BY_ANN, never) == []
    both = POLICY.model_copy(update={"paging": PagingPolicy(tell_who_has_it=(Priority.HIGH, Priority.MEDIUM))})
    assert len(heard(replace(BY_ANN, priority="medium"), both)) == 1


def test_another_person_of_the_same_name_hears_it() -> None:
    assert len(heard(replace(BY_ANN, acknowledged_by="Ann", acknowledged_by_id="person:other", contact="ann"))) == 1
