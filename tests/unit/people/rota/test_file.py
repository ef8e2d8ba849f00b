"""A clinic's rotas as a file: what was written reads the same, and a fault is told with its line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given

from schemas.parts.file import PartFileError
from services.people.rota.file import load_rotas, names_of_people, parse_rotas, rotas_as_yaml
from services.people.rota.model import Rota, Weekday
from tests.unit.people.rota.made_up import ANN, BOB, CEM, DOT, rotas

PEOPLE = {"north": names_of_people([(ANN, "ann"), (BOB, "bob"), (CEM, None), (DOT, "dot@x.org")])}
NAMES = {person: name for name, person in PEOPLE["north"].items()}

TEXT = """\
clinic_id: north
rotas:
  - name: first
    timezone: Europe/Berlin
    layers:
      - name: nights
        members: [ann, bob]
        begins: 2026-11-23
        hand_over: 08:00
        hours:
          - {weekdays: [friday], begins: 18:00, ends: 08:00}
"""


def said(text: str) -> str:
    with pytest.raises(PartFileError) as raised:
        parse_rotas(text.encode(), "rotas.yaml", PEOPLE)
    return str(raised.value)


@given(rotas(most_changes=0))
def test_what_was_written_reads_the_same(made_up: tuple[Rota, datetime]) -> None:
    made, _ = made_up
    other = made.model_copy(update={"name": "second: #1"})
    text = rotas_as_yaml("north", (made, other), NAMES)
    assert parse_rotas(text.encode(), "rotas.yaml", PEOPLE) == (made, other)


def test_a_file_is_read_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "rotas.yaml"
    path.write_text(TEXT)
    [rota] = load_rotas(path, PEOPLE)
    [layer] = rota.layers
    assert (rota.clinic_id, rota.name, layer.members, layer.hand_over) == ("north", "first", (ANN, BOB), "08:00")
    assert layer.hours[0].weekdays == (Weekday.FRIDAY,)


def test_each_fault_is_told_with_its_line() -> None:
    wrong = TEXT.replace("bob", "zoe").replace("Berlin", "Berln").replace("friday", "fryday")
    expected = [
        "rotas.yaml:4: rotas.0.timezone: no time zone 'Europe/Berln' is known:",
        "rotas.yaml:7: rotas.0.layers.0.members.1: nobody of this clinic signs in as 'zoe';",
        "rotas.yaml:11: rotas.0.layers.0.hours.0.weekdays.0: expected one of 'monday', 'tuesday', 'wednesday', "
        "'thursday', 'friday', 'saturday' or 'sunday'; got \"fryday\"",
    ]
    for line, begins in zip(said(wrong).splitlines(), expected, strict=True):
        assert line.startswith(begins)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(TEXT.replace("north", "south"), "signs in as 'ann'; expected one of none yet", id="other clinic"),
        pytest.param("[]", "rotas.yaml:1: file: expected a mapping", id="a list"),
        pytest.param("", "rotas.yaml:1: says nothing", id="empty"),
        pytest.param("clinic_id: [north]\nrotas: []", "rotas.yaml:1: clinic_id", id="a clinic that is a list"),
        pytest.param(TEXT + TEXT[TEXT.index("  - name") :], "rotas must have different names; got first", id="twice"),
        pytest.param(TEXT + "  more: 1", "rotas.yaml:12: is not valid YAML", id="no YAML"),
    ],
)
def test_what_is_no_file_of_rotas_is_refused(text: str, expected: str) -> None:
    assert expected in said(text)


def test_who_has_left_stands_there_by_id_and_is_refused() -> None:
    gone = UUID(int=77)
    [rota] = parse_rotas(TEXT.encode(), "rotas.yaml", PEOPLE)
    [layer] = rota.layers
    with_gone = rota.model_copy(update={"layers": (layer.model_copy(update={"members": (ANN, gone)}),)})
    assert f"nobody of this clinic signs in as '{gone}'" in said(rotas_as_yaml("north", [with_gone], NAMES))
