"""What scripts say is given to them, each text by the name and the values that they use."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.parts.languages import Language
from services.alerts.web.board.script_words import script_words
from services.texts.catalogue import texts_in
from services.texts.model import ENGLISH, values_in

STATIC = Path(__file__).parents[4] / "services/alerts/web/board/static"
SAID = re.compile(r'say\("(\w+)"|\? "(sound_\w+)" : "(sound_\w+)"|words\.(push_\w+)\.')
GIVEN = re.compile(r'say\("(\w+)", \{ ([^}]*)\}')
OWN = re.compile(r'(?:textContent|aria-label"?,|title|words) ?=? ?"[A-Z][a-z]+ ')


def used() -> dict[str, set[str]]:
    """By name, the values that scripts give."""
    found: dict[str, set[str]] = {}
    for path in STATIC.glob("*.js"):
        text = path.read_text()
        for match in SAID.finditer(text):
            found |= {name: set() for name in match.groups() if name and name not in found}
        for name, values in GIVEN.findall(text):
            found[name] |= {each.split(":")[0].strip() for each in values.split(",")}
    return found


def test_each_is_used_and_each_that_is_used_is_given() -> None:
    assert set(used()) == set(script_words(ENGLISH))


def test_scripts_give_every_value_that_a_text_has() -> None:
    given = used() | {"push_refused": {"why"}}
    words = script_words(ENGLISH)
    assert {name: values_in(text) for name, text in words.items()} == {name: frozenset(given[name]) for name in words}


def test_a_script_holds_no_text_of_its_own() -> None:
    assert [
        path.name for path in STATIC.glob("*.js") if path.name != "push-worker.js" and OWN.search(path.read_text())
    ] == []


def test_they_are_in_the_language_of_the_page() -> None:
    assert script_words(texts_in(Language.GERMAN))["hours_ago"] == "vor %(count)s h"
