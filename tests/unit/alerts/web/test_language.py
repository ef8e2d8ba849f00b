"""In which language a page is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.parts.languages import Language
from services.alerts.errors import NotFound, Refused
from services.alerts.web.identity.language import chosen, language_cookie, language_for
from services.texts.catalogue import texts_in


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.5", "de"),
        ("fr;q=0.9, de;q=0.2, en;q=0.3", "en"),
        ("DE", "de"),
        ("de;q=0", "en"),
        ("de;q=none,en", "en"),
        ("de;q=nan", "en"),
        ("de; level=1; q=0.7, en;q=0.6", "de"),
        ("*", "en"),
        (",".join(["xx"] * 20) + ",de", "en"),
    ],
)
def test_a_browser_says_which_it_wants(accepted: str, language: str) -> None:
    assert language_for(None, accepted) == Language(language)


def test_what_was_chosen_goes_before_what_the_browser_wants() -> None:
    assert language_for("de", "en") is Language.GERMAN
    assert language_for("en", "de") is Language.ENGLISH
    assert language_for("xx", "de") is Language.GERMAN
    assert [chosen("de"), chosen("xx"), chosen(None)] == [Language.GERMAN, None, None]


@given(st.text(), st.text())
def test_whatever_a_browser_sends_it_has_a_language(cookie: str, accepted: str) -> None:
    assert language_for(cookie, accepted) in Language


def test_the_cookie_is_the_hosts_own_where_there_is_tls() -> None:
    assert language_cookie("https://pw.example.org") == "__Host-pumpwatch-language"
    assert language_cookie("http://127.0.0.1:8081") == "pumpwatch-language"


def test_what_cannot_be_done_is_said_to_programs_in_english_and_to_people_in_their_language() -> None:
    error = Refused("%(who)s has already acknowledged this alert", who="Ann")
    assert str(error) == "Ann has already acknowledged this alert"
    german = texts_in(Language.GERMAN)
    assert error.in_words(german) == "Ann hat diesen Alarm bereits bestätigt"
    assert NotFound("There is no such alert.").in_words(german) == "Diesen Alarm gibt es nicht."
    assert Refused("own words: 50 %").in_words(german) == "own words: 50 %"
