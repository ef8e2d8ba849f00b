"""Why a text cannot stand on one line is said in each language, and in English as `schemas.line_text` says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.line_text import CONTROLS, HIDES, refusal
from schemas.parts.languages import Language
from services.texts.catalogue import texts_in
from services.texts.line_words import TEXTS, refusal_phrase


def test_the_texts_are_those_that_are_said() -> None:
    assert TEXTS == (CONTROLS, HIDES)


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("Ann\nBob", "enthält '\\n' an Stelle 4; erwartet wird eine Zeile ohne Steuerzeichen"),
        (
            "Ann\u200b",
            "enthält U+200B (zero width space) an Stelle 4, was man nicht sieht; erwartet wird nichts dergleichen",
        ),
    ],
)
def test_it_is_said_in_german(text: str, german: str) -> None:
    found = refusal_phrase(text)
    assert found is not None
    assert found.in_words(texts_in(Language.GERMAN)) == german


@given(st.text())
def test_in_english_it_is_the_same(text: str) -> None:
    assert refusal_phrase(text) == refusal(text)
