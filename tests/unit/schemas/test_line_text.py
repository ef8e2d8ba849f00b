"""Text on one line: two names that look the same are the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.line_text import KEPT, LineText, refusal

UNSEEN = [chr(each) for span in ((0x200B, 0x2010), (0x202A, 0x202F), (0x2060, 0x2070)) for each in range(*span)]
UNSEEN += ["\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u180e", "\u3164", "\ufeff", "\uffa0", "\ufff9"]
LETTERS = st.text(st.characters(categories=["L", "N", "Zs"]), max_size=20).filter(lambda text: not refusal(text))
LINE = TypeAdapter(LineText)


@given(LETTERS, st.sampled_from(UNSEEN), LETTERS)
def test_what_cannot_be_seen_is_refused_wherever_it_stands_and_named(before: str, unseen: str, after: str) -> None:
    said = refusal(f"{before}{unseen}{after}")
    assert said is not None
    assert f"holds U+{ord(unseen):04X} (" in said
    assert f") at place {len(before) + 1}, which cannot be seen" in said


@given(st.text(max_size=30))
def test_what_passes_holds_nothing_that_steers_or_hides(text: str) -> None:
    if refusal(text) is None:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)
        assert not {each for each in UNSEEN if each not in "\u200c\u200d"} & set(text)
        assert LINE.validate_python(text) == text
    else:
        with pytest.raises(ValidationError, match="holds"):
            LINE.validate_python(text)


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"], exclude_characters=UNSEEN), max_size=30))
def test_what_can_be_seen_passes(text: str) -> None:
    assert refusal(text) is None


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", True),  # Sinhala "Sri", which is not written without it
        ("\u0915\u094d\u200c\u0937", True),  # Devanagari, a virama that stays one
        ("\u0dc1\u0dca\u200d", False),  # with nothing after it
        ("\u200d\u0dbb", False),
        ("a\u200db", False),
        ("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", False),  # Persian "Alireza", which is written without it too
        ("\U0001f469\u200d\u2695", False),  # a woman and a staff
        ("\u0dca\u200d1", False),
    ],
)
def test_a_joiner_passes_between_a_virama_and_a_letter_alone(name: str, passes: bool) -> None:
    assert (refusal(name) is None) is passes


def test_what_is_refused_is_told_by_its_name() -> None:
    assert refusal("nurse\u200b") == "holds U+200B (zero width space) at place 6, which cannot be seen; expected none"
    assert refusal("\u2065") == "holds U+2065 (not assigned) at place 1, which cannot be seen; expected none"


def test_a_control_character_is_shown_as_it_is_written() -> None:
    assert refusal("no\nrth") == "holds '\\n' at place 3; expected one line without control characters"


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_was_taken_before_can_still_be_read(unseen: str) -> None:
    """Or the clinic whose last good policy holds such a name would be paged by none."""
    kept = f"nurse{unseen}"
    assert LINE.validate_python(kept, context=KEPT) == kept
    assert LINE.validate_json(f'"{kept}"', context=KEPT) == kept
    with pytest.raises(ValidationError, match="holds"):
        LINE.validate_python(f"{kept}\n", context=KEPT)
