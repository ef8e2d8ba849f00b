"""What a rota must say, and how it is told that something is missing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.people.rota.model import Change, Hours, Layer, Rota
from tests.unit.people.rota.made_up import ANN, BOB

LAYER: dict[str, Any] = {"name": "nights", "members": ["ann"], "begins": "2026-11-23"}
CHANGE: dict[str, Any] = {
    "change_id": UUID(int=9),
    "kind": "absence",
    "person_id": BOB,
    "instead_of": ANN,
    "begins": "2026-11-23T08:00Z",
    "ends": "2026-11-24T08:00Z",
    "made_at": "2026-11-20T08:00Z",
}


def rota(**given: object) -> Rota:
    values = {"clinic_id": "north", "name": "first", "timezone": "Europe/Berlin", **given}
    return Rota.model_validate(values, context={"people": {"ann": ANN, "bob": BOB}})


def test_a_file_names_persons_by_what_they_sign_in_with() -> None:
    made = rota(layers=[LAYER | {"members": ["ann", "bob", "ann"]}])
    assert made.layers[0].members == (ANN, BOB, ANN)
    assert made.layers[0].turn_days == 7
    assert rota(layers=[LAYER | {"turns": "days", "every": 3}]).layers[0].turn_days == 3


def test_what_the_database_kept_is_read_as_it_was() -> None:
    made = rota(layers=[LAYER], changes=[CHANGE])
    assert Rota.model_validate_json(made.model_dump_json()) == made
    assert Rota.model_validate(made.model_dump(), context={"people": {}}) == made


def test_times_without_quotes_are_times_of_day() -> None:
    assert Hours.model_validate({"begins": 18 * 60, "ends": "08:00"}).begins == "18:00"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus' is known", id="zone"),
        pytest.param({"timezone": "../etc/passwd"}, "no time zone", id="zone that is a path"),
        pytest.param({"layers": [LAYER, LAYER]}, "layers must have different names; got nights, nights", id="names"),
        pytest.param(
            {"layers": [LAYER | {"members": ["zoe"]}]},
            "nobody of this clinic signs in as 'zoe'; expected one of ann, bob",
            id="person",
        ),
        pytest.param({"layers": [LAYER | {"members": [7]}]}, "nobody of this clinic signs in as 7", id="number"),
        pytest.param({"layers": [LAYER | {"members": []}]}, "at least 1 item", id="nobody"),
        pytest.param(
            {"layers": [LAYER | {"ends": "2026-11-23"}]}, r"ends \(2026-11-23\) must be after begins", id="ends"
        ),
        pytest.param({"layers": [LAYER | {"hand_over": "8:00"}]}, "String should match pattern", id="hand-over"),
        pytest.param({"layers": [LAYER | {"hand_over": -1}]}, "valid string", id="hand-over as a number"),
        pytest.param({"layers": [LAYER | {"begins": "1999-12-31"}]}, "greater than or equal to 2000", id="long ago"),
        pytest.param({"layers": [LAYER | {"evry": 2}]}, "Extra inputs are not permitted", id="unknown"),
        pytest.param({"changes": [CHANGE | {"ends": "2026-11-23T08:00Z"}]}, "end after the begin", id="no length"),
        pytest.param({"changes": [CHANGE | {"ends": "2028-11-23T08:00Z"}]}, "within 400 days", id="too long"),
        pytest.param({"changes": [CHANGE | {"begins": "2026-11-23T08:00"}]}, "timezone info", id="no zone"),
        pytest.param(
            {"changes": [CHANGE | {"kind": "override"}]},
            "instead_of: of a change of kind override expected nobody",
            id="override of one",
        ),
        pytest.param(
            {"changes": [CHANGE | {"instead_of": None}]},
            "instead_of: of a change of kind absence expected in whose place",
            id="absence of nobody",
        ),
        pytest.param({"changes": [CHANGE | {"instead_of": BOB}]}, "cannot stand in for themselves", id="oneself"),
    ],
)
def test_what_cannot_be_is_refused_and_named(given: dict[str, object], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        rota(**given)


def test_a_name_stays_on_its_line() -> None:
    with pytest.raises(ValidationError, match="one line"):
        rota(name="first\r\nsecond")


def test_without_a_context_ids_are_taken_as_they_are() -> None:
    layer = Layer.model_validate(LAYER | {"members": [str(ANN)]})
    assert layer.members == (ANN,)
    assert Change.model_validate(CHANGE | {"person_id": str(BOB)}).person_id == BOB
