"""What people read: one word for acknowledging, and each text in every language (python -m deploy.texts.build)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.texts import literals, rooms
from deploy.texts.build import ROOT, TEMPLATES, extracted, faults
from schemas.parts.languages import Language

ONE_WORD = re.compile(
    r"I have (?:it|seen)|(?:somebody|nobody|anybody|he|she) has (?:it|seen|taken)\b(?! now|(?: it)? over)"
    r"|(?:had|has|have) taken (?!(?:it )?over)|taken by|seen by|(?<!changes are )not (?:yet )?seen(?! at all)"
    r"|\back(?:ed|s)?\b|(?<!I )\b(?:take|took) (?:it|the alert)\b(?! over)|not taken(?!(?: it)? over)"
    r"|accepts? the alert|who has it, or had it|answered in the app",
    re.IGNORECASE,
)
"""Other words for acknowledging an alert. A turn is taken over, and a level is accepted: those are other things."""
NOT_ABOUT_ALERTS = frozenset({"on_call/shifts.html", "on_call/brief.html"})
"""Pages on which "has it" and "I take it" are about a turn."""


def said() -> Iterator[tuple[str, str]]:
    """Everything that people read: texts of the catalogue, words in templates and scripts, and documents for users."""
    for message in extracted():
        for text in (message.id,) if isinstance(message.id, str) else message.id:
            yield "catalogue", text
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = path.relative_to(TEMPLATES).as_posix()
        if name not in NOT_ABOUT_ALERTS:
            yield name, re.sub(r"\{[{%].*?[%}]\}|\{#.*?#\}", " ", path.read_text(), flags=re.DOTALL)
    for path in sorted((TEMPLATES.parent / "static").glob("*.js")):
        yield path.name, path.read_text()
    for name in ("services/alerts/delivery/channel.py", "services/alerts/delivery/receipts/accounts.py"):
        yield name, (ROOT / name).read_text()


def test_one_word_for_acknowledging() -> None:
    found = [(where, other.group(0)) for where, text in said() for other in ONE_WORD.finditer(text)]
    assert found == []


@pytest.mark.parametrize("text", ["I have it", "Nobody has taken it", "taken by Ann", "3 ended but not seen", "ack it"])
def test_the_other_words_would_be_found(text: str) -> None:
    assert ONE_WORD.search(text)


@pytest.mark.parametrize("text", ["Acknowledged by Ann", "Bob has not taken it over yet", "Accepted as the new level"])
def test_other_things_keep_their_words(text: str) -> None:
    assert not ONE_WORD.search(text)


def test_every_text_is_in_every_language_and_each_part_says_whether_it_is_done() -> None:
    assert list(faults()) == []


def test_text_outside_the_catalogue_is_found_in_a_template() -> None:
    found = literals.of_template(
        '{% trans %}All well{% endtrans %}<p>{{ _("Fine") }} · Pumpwatch {# none #}<code>key</code></p>'
        '<a href="/x" title="To {{ x }}">{{ "Open it" if x else "card" }}</a> left out {{ _(x) }}'
    )
    assert [each.split(" without")[0] for each in found] == [
        "says 'Open it'",
        "says 'To …'",
        "says 'left out …'",
        "_ is given what is no text of the catalogue (line 1): use say",
    ]


def test_text_outside_the_catalogue_is_found_in_a_module() -> None:
    source = '''
"""A module."""
KINDS = {"opened": msgid("Opened"), "closed": "Closed", "some key": "value"}
def f(texts, who):
    """Say it."""
    log.info("not a text", why="two words")
    texts.say("Told: %(who)s", who="some one")
    return f"Hello to {who}" if who == "two words" else texts.plural("%(count)s day", "%(count)s days", 1)
'''
    found = [each.split(" without")[0] for each in literals.of_module(source, ["x"])]
    assert found == ["says 'Closed'", "says 'some one'", "says 'Hello to {}'"]
    assert list(literals.of_module('NAME = "Retry-After more"', ["Retry-After more"])) == []


def test_a_template_that_nobody_has_listed_is_named(tmp_path: Path) -> None:
    (tmp_path / "new.html").write_text("")
    found = list(rooms.faults(ROOT, tmp_path))
    assert "deploy/texts/rooms.py: say whether new.html is in the catalogue" in found
    assert "deploy/texts/rooms.py: lists board.html, and there is no such template" in found


@pytest.mark.parametrize("language", [each for each in Language if each is not Language.ENGLISH])
def test_a_language_is_named_in_its_own_words(language: Language) -> None:
    from services.alerts.web.board.environment import LANGUAGE_NAMES

    assert LANGUAGE_NAMES[language]
