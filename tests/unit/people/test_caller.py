"""Who asks, and what they may do where."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.people.caller import Caller
from services.people.model import Actor, Person, Role

ANN = Person(UUID(int=1), "Ann", {"north": Role.ADMINISTRATOR, "south": Role.VIEWER})


@pytest.mark.parametrize(
    ("needed", "clinics"),
    [(Role.VIEWER, {"north", "south"}), (Role.RESPONDER, {"north"}), (Role.ADMINISTRATOR, {"north"})],
)
def test_a_caller_reaches_the_clinics_in_which_they_have_the_role(needed: Role, clinics: set[str]) -> None:
    caller = Caller.of_person(ANN)
    assert caller.clinics(needed) == clinics
    assert {each for each in ("north", "south", "east") if caller.may(needed, each)} == clinics


def test_who_has_no_role_sees_nothing_an_operator_neither() -> None:
    caller = Caller.of_person(Person(UUID(int=2), "Opa", is_operator=True))
    assert caller.is_operator
    assert caller.clinics() == frozenset()
    assert not caller.may(Role.VIEWER, "north")


def test_a_program_is_named_by_its_key_and_is_no_person() -> None:
    caller = Caller(Actor("key:abcdefghijkl", "data warehouse"), {"north": Role.VIEWER}, key_id="abcdefghijkl")
    assert caller.person_id is None
    assert caller.clinics() == {"north"}


def test_a_key_reads_what_its_scopes_say_and_a_viewer_everything_of_their_clinics() -> None:
    rota = Caller(Actor("key:a", "rota"), key_id="a", scopes=("on-call.read",), reaches=frozenset({"north"}))
    assert rota.clinics() == frozenset()
    assert rota.clinics_for("on-call.read") == {"north"}
    assert rota.clinics_for("alerts.read") == frozenset()
    assert Caller.of_person(ANN).clinics_for("on-call.read") == {"north", "south"}
