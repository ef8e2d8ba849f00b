"""A phrase is its English text to whoever takes one, and the same in another language to who asks for it."""

from __future__ import annotations

import copy
import json
import pickle
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from schemas.parts.languages import Language
from services.texts.model import ENGLISH, Texts, kept
from services.texts.phrase import Phrase, phrase, plural_phrase, reason_in, said_in

GERMAN = Texts(
    Language.GERMAN,
    kept(
        {
            "no rota %(rota)s": ("kein Dienstplan %(rota)s",),
            "%(what)s: %(why)s": ("%(what)s (%(why)s)",),
            "%(who)s has one": ("%(who)s hat einen", "%(who)s haben %(count)s"),
            "nobody": ("niemand",),
        }
    ),
    thousands_sign=".",
)


def test_it_is_the_english_text() -> None:
    made = phrase("no rota %(rota)s", rota="first")
    assert (made, hash(made), f"{made}") == ("no rota first", hash("no rota first"), "no rota first")
    assert {made: "it"}.get(phrase("no rota first")) == "it"
    assert json.dumps([made]) == '["no rota first"]'
    assert "; ".join(iter([made])) == "no rota first"


def test_it_is_said_in_a_language_with_the_phrases_in_it() -> None:
    made = phrase("%(what)s: %(why)s", what="north", why=phrase("no rota %(rota)s", rota="first"))
    assert (made, made.in_words(GERMAN)) == ("north: no rota first", "north (kein Dienstplan first)")
    assert said_in(made, GERMAN) == made.in_words(GERMAN)
    assert said_in(made, ENGLISH) == made


def test_a_plural_goes_by_the_number() -> None:
    made = [plural_phrase("%(who)s has one", "%(who)s have %(count)s", count, who="Ann") for count in (1, 2000)]
    assert made == ["Ann has one", "Ann have 2,000"]
    assert [each.in_words(GERMAN) for each in made] == ["Ann hat einen", "Ann haben 2.000"]
    assert Phrase("%(who)s has one", {"who": "Ann"}, "%(who)s have %(count)s") == "Ann has one"


def test_other_words_are_said_as_the_catalogue_has_them_or_as_they_are() -> None:
    assert [said_in(each, GERMAN) for each in ("nobody", "50 % of %(all)s")] == ["niemand", "50 % of %(all)s"]
    assert phrase("some %(what)s", what="text").in_words(GERMAN) == "some text"


def test_an_error_keeps_what_it_was_raised_with() -> None:
    made = ValueError(phrase("no rota %(rota)s", rota="first"))
    assert (str(made), reason_in(made, GERMAN)) == ("no rota first", "kein Dienstplan first")
    assert [reason_in(each, GERMAN) for each in (ValueError("nobody"), ValueError(), OSError(2, "gone"), KeyError(1))] \
        == ["niemand", "", "[Errno 2] gone", "1"]  # fmt: skip


def test_a_copy_is_the_english_text() -> None:
    made = phrase("no rota %(rota)s", rota="first")
    copies = (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made)))  # noqa: S301 - our own
    assert {*copies, made} == {"no rota first"}
    assert {each.in_words(GERMAN) for each in copies} == {"kein Dienstplan first"}
    assert copy.copy(Phrase("50 %%")) == "50 %"


@given(st.text(), st.dictionaries(st.text(), st.text() | st.integers()), st.none() | st.text())
def test_nothing_that_is_said_raises(text: str, values: dict[str, object], many: str | None) -> None:
    made = Phrase(text, MappingProxyType(values), many)
    assert isinstance(made.in_words(GERMAN), str)
    assert made == made.in_words(ENGLISH)
