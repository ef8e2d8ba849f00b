"""What a device maker reads: what was expected and what was there, for every fault that the models can find."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schemas.events import MODEL_BY_KIND, EventKind
from schemas.examples import EVENTS
from schemas.faults.expectations import EXPECTED, TEXT_FORMS, shown
from services.ingest.messages.faults import explain

BAD: list[Any] = [None, True, 5, -1, 10**400, 1e-9, 12.5, 1e300, float("nan"), float("inf"), "", "x", "12", "7:5"]
BAD += ["2026-11-22T08:00:00", "2026-11-22", "2026-13-45", "2026-11-22T99:00:00Z", "1795591743", "1999-12-31"]
BAD += ["a\0b", "2101-01-01", "x" * 500, [], {}, [5], [{}] * 60]
JARGON = re.compile("input|valid |should|timezone info|pattern|pydantic|None|True|instance|dictionary|Value error")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places(part, (*path, name))
    elif isinstance(value, list):
        yield from places(value[0], (*path, 0))


def changed(event: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    event = copy.deepcopy(event)
    part: Any = event
    for level in path[:-1]:
        part = part[level]
    part[path[-1]] = value
    return event


def too_many(event: Any, path: tuple[Any, ...]) -> list[Any]:
    for level in path:
        event = event[level]
    return [event * 60] if isinstance(event, list) else []


def faults() -> Iterator[tuple[EventKind, dict[str, Any], ValidationError]]:
    """Every bad value in every place of an event of every kind."""
    for kind, model in MODEL_BY_KIND.items():
        example = json.loads(json.dumps(EVENTS[kind]))
        for path in places(example):
            for bad in [*BAD, *too_many(example, path)] if path else ():
                event = changed(example, path, bad)
                try:
                    model.model_validate_json(json.dumps(event))
                except ValidationError as error:
                    yield kind, event, error


ALL = list(faults())
OWN_SENTENCE = {"missing", "literal_error", "value_error", "string_pattern_mismatch"}


def test_every_type_of_error_that_the_models_give_has_its_words() -> None:
    assert len(ALL) > 500
    found = [fault for _, _, error in ALL for fault in error.errors()]
    assert {fault["type"] for fault in found} - OWN_SENTENCE <= set(EXPECTED)
    forms = {fault["ctx"]["pattern"] for fault in found if fault["type"] == "string_pattern_mismatch"}
    assert forms <= set(TEXT_FORMS)


def test_every_detail_says_what_was_expected_and_what_was_there_in_no_library_s_words() -> None:
    for kind, event, error in ALL:
        detail = explain(error, event, kind).detail
        for sentence in detail.split("; and ")[0].split("; ") if "is missing" not in detail else ():
            assert re.search("expected|^got ", sentence), detail
        assert not JARGON.search(detail.replace("2026-11-22T08:00:00+01:00", "")), detail
        assert "{" not in re.sub("got .*", "", detail), detail
        detail.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a", '"a"'),
        ("\u00e9\ud800", '"\u00e9\\ud800"'),
        (float("nan"), "NaN"),
        ({"a": [1]}, '{"a": [1]}'),
        ("x" * 100, '"' + "x" * 59 + "..."),
    ],
)
def test_a_value_is_shown_as_json_writes_it(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_number_with_too_many_digits_is_not_shown() -> None:
    assert shown(10**5000) == "what is too long to show"


def test_an_error_that_no_release_has_been_seen_to_give_has_words_too() -> None:
    class Odd(BaseModel):
        a: int

    odd = PydanticCustomError("odd", "Input is odd")
    error = ValidationError.from_exception_data("Odd", [{"type": odd, "loc": ("a",), "input": 1}])
    assert explain(error, {}, EventKind.STATUS).detail == "a: expected what docs/devices.md says of this field; got 1"
    with pytest.raises(ValidationError) as whole:
        TypeAdapter(Odd).validate_json("5")
    assert explain(whole.value, {}, EventKind.STATUS).detail == "expected an object; got 5"
