"""What a person may write."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from services.alerts.web.inputs import (
    LONGEST_TEXT,
    Body,
    Name,
    NameOrNothing,
    is_note,
    is_words,
)

LONE_SURROGATES = ("\ud800", "a\udfffb")
CONTROLS = {"escape": "\x1b", "NUL": "\0", "DEL": "\x7f", "C1": "\x9b"}
LINE_ENDS = {"line feed": "\n", "carriage return": "\r", "U+2028": "\u2028", "U+2029": "\u2029", "tab": "\t"}
BLANK = ("", " ", "\t \n")


@pytest.mark.parametrize("text", LONE_SURROGATES)
def test_text_that_is_no_unicode_is_refused_everywhere(text: str) -> None:
    assert not is_note(text)
    assert not is_words(text)
    for kind in (Name, NameOrNothing):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(text)


def test_a_name_in_an_address_may_be_left_empty() -> None:
    assert TypeAdapter(NameOrNothing).validate_python("") == ""
    for wrong in ("x" * 65, "a\0b", "a\n"):
        with pytest.raises(ValidationError):
            TypeAdapter(NameOrNothing).validate_python(wrong)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\t"])
def test_a_text_may_have_line_ends(ending: str) -> None:
    assert is_note(f"called the ward{ending}twice")
    assert is_words(f"called the ward{ending}twice")


@pytest.mark.parametrize("character", CONTROLS.values(), ids=CONTROLS)
def test_a_text_has_no_other_control_characters(character: str) -> None:
    assert not is_note(f"called{character}")
    assert not is_words(f"called{character}")


@pytest.mark.parametrize("blank", BLANK)
def test_a_note_may_be_left_out_and_words_may_not(blank: str) -> None:
    assert is_note(blank)
    assert not is_words(blank)


def test_how_long_a_text_may_be() -> None:
    assert is_note("x" * LONGEST_TEXT)
    assert is_words(f" {'x' * LONGEST_TEXT} ")
    assert not is_note("x" * (LONGEST_TEXT + 1))
    assert not is_words("x" * (LONGEST_TEXT + 1))


@pytest.mark.parametrize("name", ["", "x" * 65, *(f"north{each}" for each in (CONTROLS | LINE_ENDS).values())])
def test_what_is_no_name_of_a_clinic_a_pump_or_a_rule(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)


class Said(Body):
    text: str


def test_who_acts_is_not_told_by_a_program() -> None:
    assert Said.model_validate({"text": "a"}).text == "a"
    with pytest.raises(ValidationError, match="leave `by` out: who acts is the person who is signed in"):
        Said.model_validate({"text": "a", "by": "Dr Who"})
    with pytest.raises(ValidationError):
        Said.model_validate("no object")
