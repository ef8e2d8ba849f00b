"""What was expected, in our words: of every kind of fault, and wherever one is told."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schemas.events import DoseMcg
from schemas.faults.expectations import (
    DATE,
    DATE_TIME,
    EXPECTED,
    TEXT_FORMS,
    TIME_OF_DAY,
    first_of,
    sentence,
    setting_faults,
    shown,
)
from schemas.policy import Policy
from schemas.policy_file import PolicyError, parse_policy
from services.alerts.settings import AlertsSettings
from services.alerts.web.inputs import Name, NameOrNothing, Note, QueryOrNothing, Words
from services.alerts.web.settings import WebSettings
from services.ingest.settings import IngestSettings
from services.people.rota.model import Definition
from services.simulator.settings import SimulatorSettings


class Kind(StrEnum):
    ONE = "one"
    OTHER = "other"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: Annotated[int, Field(ge=1)]


class FromAttributes(BaseModel):
    model_config = ConfigDict(from_attributes=True)


UUID_WORDS = "a UUID, such as 0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c01"
FAULTS: dict[str, tuple[Any, Any, str]] = {
    "bool_parsing": (bool, "perhaps", "true or false"),
    "bool_type": (bool, [], "true or false"),
    "date_from_datetime_inexact": (date, "2026-11-22T08:00:00Z", DATE),
    "date_from_datetime_parsing": (date, "2026-13-45", DATE),
    "date_type": (date, [], DATE),
    "datetime_from_date_parsing": (datetime, "2026-13-45", DATE_TIME),
    "datetime_type": (datetime, [], DATE_TIME),
    "dict_type": (dict[str, int], [], "an object"),
    "enum": (Kind, "two", "one of 'one' or 'other'"),
    "finite_number": (Annotated[float, Field(allow_inf_nan=False)], float("nan"), "a finite number"),
    "float_parsing": (float, "x", "a number"),
    "float_type": (float, [], "a number"),
    "greater_than": (Annotated[float, Field(gt=0)], 0, "more than 0"),
    "greater_than_equal": (Annotated[float, Field(ge=0.5)], 0, "at least 0.5"),
    "int_from_float": (int, 1.5, "a whole number"),
    "int_parsing": (int, "x", "a whole number"),
    "int_parsing_size": (int, "9" * 5000, "a whole number"),
    "int_type": (int, [], "a whole number"),
    "less_than": (Annotated[float, Field(lt=1)], 1, "less than 1"),
    "less_than_equal": (Annotated[float, Field(le=10)], 60, "at most 10"),
    "list_type": (list[int], 1, "an array"),
    "literal_error": (Literal["a", "b"], "c", "one of 'a' or 'b'"),
    "model_attributes_type": (FromAttributes, 1, "an object"),
    "model_type": (Strict, 1, "an object"),
    "string_too_long": (Annotated[str, Field(max_length=2)], "abc", "at most 2 characters"),
    "string_too_short": (Annotated[str, Field(min_length=1)], "", "at least 1 character"),
    "string_type": (str, 1, "text"),
    "string_unicode": (int, "\ud800", "text in Unicode"),
    "time_parsing": (time, "7", TIME_OF_DAY),
    "time_type": (time, [], TIME_OF_DAY),
    "timezone_aware": (AwareDatetime, "2026-11-22T08:00:00", DATE_TIME),
    "too_long": (Annotated[list[int], Field(max_length=1)], [1, 2], "at most 1 of them"),
    "too_short": (Annotated[tuple[int, ...], Field(min_length=1)], [], "at least 1 of them"),
    "tuple_type": (tuple[int, ...], 1, "an array"),
    "uuid_parsing": (UUID, "x", UUID_WORDS),
    "uuid_type": (UUID, [], UUID_WORDS),
    "zero_or_at_least": (DoseMcg, 0.0001, "0, or at least 0.001"),
}


def refused(of: Any, value: Any) -> ValidationError:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(of).validate_python(value)
    return refusal.value


def test_no_kind_of_fault_is_left_out() -> None:
    assert FAULTS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_of_fault_has_its_words(kind: str) -> None:
    of, value, words = FAULTS[kind]
    [fault] = refused(of, value).errors()
    assert fault["type"] == kind
    assert sentence(fault) == f"expected {words}"
    assert sentence(fault, shows=True) == f"expected {words}; got {shown(value)}"


def test_what_has_no_place_or_no_such_field_is_said_so() -> None:
    missing, more = refused(Strict, {"numbr": 1}).errors()
    assert (sentence(missing), sentence(more)) == ("is missing", "there is no such field")


def test_words_of_our_own_stand_as_they_are() -> None:
    fault = {"type": "value_error", "msg": "Value error, begins must be before ends", "loc": ()}
    assert sentence(fault) == "begins must be before ends"


def test_a_kind_that_nobody_has_seen_is_said_in_the_words_that_there_are() -> None:
    odd = PydanticCustomError("odd", "Input is odd")
    error = ValidationError.from_exception_data("Odd", [{"type": odd, "loc": ("a",), "input": 1}])
    assert first_of(error) == "a: Input is odd"
    assert sentence(error.errors()[0], otherwise="an even number") == "expected an even number"


def test_a_form_that_has_no_words_is_shown_as_it_is() -> None:
    [fault] = refused(Annotated[str, Field(pattern="^[ab]{2}$")], "c").errors()
    assert sentence(fault) == "expected text of the form ^[ab]{2}$"


def test_of_several_faults_the_first_is_told_with_its_place_and_without_what_was_there() -> None:
    assert first_of(refused(dict[str, Strict], {"a": {"number": "hush"}})) == "a.number: expected a whole number"
    assert first_of(refused(int, "hush")) == "expected a whole number"


def test_faults_of_settings_are_named_by_their_variables() -> None:
    error = refused(dict[str, Strict], {"a": {"number": 0, "more": "hush"}})
    assert setting_faults(error, "X_") == ["X_A__NUMBER: expected at least 1", "X_A__MORE: there is no such field"]
    assert setting_faults(refused(Strict, 5), "X_") == ["expected an object"]


@pytest.mark.parametrize("settings", [AlertsSettings, WebSettings, IngestSettings, SimulatorSettings])
def test_whatever_stands_in_a_setting_it_is_no_library_that_answers(settings: type[BaseModel]) -> None:
    told: list[str] = []
    for name in settings.model_fields:
        for value in ("x", "", "-1", "1e999", "nan", "9" * 5000, "\ud800"):
            try:
                settings(**{name: value})
            except ValidationError as error:
                told += setting_faults(error, "")
    assert len(told) > 100
    assert [each for each in told if re.search("Input|should (be|have|match)|valid ", each)] == []


def forms(schema: Any) -> set[str]:
    """Every pattern that Pydantic itself looks at, anywhere in the schema of a model."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if schema.get("type") == "str" and schema.get("pattern") else set()
        return own.union(*(forms(each) for each in schema.values()))
    if isinstance(schema, list | tuple):
        return set().union(*(forms(each) for each in schema))
    return set()


@pytest.mark.parametrize("of", [Policy, Definition, Name, NameOrNothing, Note, QueryOrNothing, Words])
def test_every_form_of_text_in_a_file_or_a_request_has_words(of: Any) -> None:
    found = forms(TypeAdapter(of).core_schema)
    assert found
    assert found <= TEXT_FORMS.keys()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("clock: {ahead_minutes: 6000}", "clock.ahead_minutes: expected at most 1440; got 6000"),
        ("clock: {ahead_minutes: soon}", 'clock.ahead_minutes: expected a number; got "soon"'),
        ("include_patient_data: perhaps", 'include_patient_data: expected true or false; got "perhaps"'),
        ("clock: 5", "clock: expected a mapping"),
        ("contacts: {}", "contacts: expected a list"),
        ("dangerous_to_stop: ['5']", "dangerous_to_stop.0: expected text with a letter in it"),
        ('paging: {quiet_hours: {begins: "25:00", ends: "07:00"}}', "begins: expected a time of day, such as 07:30"),
        ("routes: {high: {steps: [{after_minutes: {}, contacts: []}]}}", "after_minutes: expected a number\n"),
        ("contacts: [{name: a, channels: ['mailto://u:hush@h']}]", "contacts.0.channels.0: expected a mapping"),
        ("contacts: [{name: a, channels: [{name: b, url: [hush]}]}]", "channels.0.url: expected text"),
    ],
)
def test_a_policy_says_a_fault_in_the_words_of_the_wire_and_shows_no_secret(line: str, says: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(f"clinic_id: north\n{line}\n".encode(), "north.yaml")
    assert says in f"{refusal.value}\n"
    assert "hush" not in str(refusal.value)
