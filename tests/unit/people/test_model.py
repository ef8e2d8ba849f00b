"""Who may do what."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.people.model import Actor, Person, Role

ANN = Person(UUID(int=1), "Ann", {"north": Role.RESPONDER})


@pytest.mark.parametrize(
    ("needed", "may"), [(Role.VIEWER, True), (Role.RESPONDER, True), (Role.ADMINISTRATOR, False)]
)
def test_a_role_may_do_what_the_one_before_may(needed: Role, may: bool) -> None:
    assert ANN.may(needed, "north") is may


@pytest.mark.parametrize("needed", Role)
def test_in_another_clinic_a_person_may_do_nothing(needed: Role) -> None:
    assert not ANN.may(needed, "south")


def test_the_trail_holds_the_persons_id() -> None:
    assert ANN.actor == Actor("person:00000000-0000-0000-0000-000000000001", "Ann")
