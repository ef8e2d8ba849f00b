"""Titles that are stored in English are read in another language, each that a rule writes; nothing is guessed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from schemas.parts.languages import Language
from services.alerts.title_words import TITLES, title_words
from services.alerts.wording import ALARM_WORDS, capitalised
from services.texts.catalogue import texts_in
from services.texts.model import ENGLISH

RULES = Path(__file__).parents[4] / "services/alerts/rules"
GERMAN = texts_in(Language.GERMAN)
VALUES = {
    "words": ["pump", "handheld"],
    "_word(facts, contact)": ["pump", "handheld"],
    "capitalised(ALARM_WORDS[code])": [capitalised(each) for each in ALARM_WORDS.values()],
    "volume_ml:g": ["45", "1e+06", "20.5"],
    "told": ["entered into", "told of"],
    "size": ["20 mL", "40 mL"],
}
"""What stands for each value that a rule puts into a title."""


def written() -> Iterator[tuple[str, ast.expr]]:
    """Every title in the code of the rules."""
    for path in sorted(RULES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "title":
                yield path.name, node.value
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and target.id.lower().strip("_").endswith("title") and node.value:
                    yield path.name, node.value


def titles_of(node: ast.expr) -> Iterator[str]:
    """What an expression of a title comes to."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from titles_of(body)
            yield from titles_of(other)
        case ast.JoinedStr(values=parts):
            choices = [list(titles_of(part)) for part in parts]
            yield from ("".join(chosen) for chosen in product(*choices))
        case ast.FormattedValue(value=ast.IfExp() as chosen):
            yield from titles_of(chosen)
        case ast.FormattedValue(value=value, format_spec=spec):
            end = f":{ast.unparse(spec).strip(chr(39)).removeprefix('f').strip(chr(39))}" if spec else ""
            yield from VALUES[f"{ast.unparse(value)}{end}"]


def all_titles() -> set[str]:
    found = set()
    for _, node in written():
        found |= set(titles_of(node))
    return found


def test_the_walk_finds_the_titles() -> None:
    found = all_titles()
    assert {"Refill overdue", "The pump is silent", "45 mL were told of a pump of 20 mL"} <= found
    assert len(found) > 45


@pytest.mark.parametrize("title", sorted(all_titles()))
def test_every_title_that_a_rule_writes_is_read_in_german_with_its_values(title: str) -> None:
    said = title_words(title, GERMAN)
    assert said != title
    for number in re.findall(r"[0-9][0-9.e+]*", title):
        assert GERMAN.shortest(float(number)) in said


def test_in_english_a_title_is_what_it_was() -> None:
    for title in (*TITLES, "Motor stall, low-battery reset", "45 mL were told of a pump of 20 mL", "Anything else"):
        assert title_words(title, ENGLISH) == title


def test_several_alarms_are_read_one_by_one() -> None:
    assert title_words("Motor stall, pump stopped", GERMAN) == "Motorstillstand, Pumpe gestoppt"
    assert (
        title_words("Motor stall, told with a wrong clock", GERMAN) == "Motorstillstand, mit falscher Uhrzeit gemeldet"
    )


def test_what_is_not_known_stays_as_it_is_stored() -> None:
    for title in ("Motor stall, somebody's own words", "Own words, told with a wrong clock", "Own words", ""):
        assert title_words(title, GERMAN) == title
