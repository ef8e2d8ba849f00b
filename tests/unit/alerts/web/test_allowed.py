"""What a caller may not see is answered in one way, and to a person in their language."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from schemas.parts.languages import Language
from services.alerts.errors import NoSuchPump, NotFound, Refused
from services.alerts.web.allowed import UnknownClinic, must_act_in, must_be_among, must_see_pump
from services.people.caller import Caller
from services.people.model import Actor, Role
from services.texts.catalogue import texts_in

NORA = Caller(Actor("person:1", "Nora"), {"north": Role.VIEWER})
GERMAN = texts_in(Language.GERMAN)


@dataclass(frozen=True)
class Pump:
    clinic_id: str


@pytest.mark.parametrize("found", [None, Pump("south")])
def test_another_clinics_pump_is_no_pump(found: Pump | None) -> None:
    with pytest.raises(NotFound) as refused:
        must_see_pump(NORA, "pump-7", found)
    assert isinstance(refused.value, NoSuchPump)
    assert str(refused.value) == "there is no pump 'pump-7'"
    assert refused.value.in_words(GERMAN) == "die Pumpe 'pump-7' gibt es nicht"


def test_a_pump_of_ones_own_clinic_is_what_was_found() -> None:
    own = Pump("north")
    assert must_see_pump(NORA, "pump-7", own) is own


@pytest.mark.parametrize(
    ("seen", "in_english", "in_german"),
    [
        (
            {"north", "east"},
            "there is no clinic 'west' that you may see: expected one of east, north",
            "es gibt keine Klinik 'west', die Sie sehen dürfen: erwartet wird eine von east, north",
        ),
        (
            set[str](),
            "there is no clinic 'west' that you may see: you see none",
            "es gibt keine Klinik 'west', die Sie sehen dürfen: Sie sehen keine",
        ),
    ],
)
def test_a_clinic_that_one_does_not_see_is_refused_in_ones_language(
    seen: set[str], in_english: str, in_german: str
) -> None:
    with pytest.raises(UnknownClinic) as refused:
        must_be_among(frozenset(seen), "west")
    assert str(refused.value) == in_english
    assert refused.value.in_words(GERMAN) == in_german


def test_without_a_name_it_is_all_that_one_sees() -> None:
    assert must_be_among(frozenset({"north"}), "") == {"north"}
    assert must_be_among(frozenset(), "") == frozenset()
    assert must_be_among(frozenset({"north", "east"}), "north") == {"north"}


def test_who_sees_no_such_clinic_is_told_so_in_their_language() -> None:
    with pytest.raises(Refused) as refused:
        must_act_in(NORA, "south")
    assert str(refused.value) == "there is no clinic 'south'"
    assert refused.value.in_words(GERMAN) == "die Klinik 'south' gibt es nicht"
