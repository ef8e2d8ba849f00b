"""What a caller may not see is answered in one way, and to a person in their language."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from schemas.parts.languages import Language
from services.alerts.errors import NoSuchPump, NotFound
from services.alerts.web.allowed import must_see_pump
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
