"""PURE. An English text that somebody may read, and that can be said in another language: it keeps its text and values.

Guarantees: a `Phrase` is the English text itself, letter for letter, so whatever stores it, compares it, or answers a
program or a command with it goes on as before; only who asks `said_in` is told it in another language. What is put into
another text, cut or joined is plain English from then on. Nothing here raises: what has no translation is said in
English.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from services.texts.model import ENGLISH, Texts

_NONE: Final[Mapping[str, object]] = MappingProxyType({})


class Phrase(str):
    """The English text, and of which text of the catalogue and which values it was made."""

    __slots__ = ("_many", "_text", "_values")
    _many: str | None
    _text: str
    _values: dict[str, object]

    def __new__(cls, text: str, /, values: Mapping[str, object] = _NONE, many: str | None = None) -> Self:
        """Make it of a text and its values; a plural, if `many` is given: its values hold `count` then."""
        made = super().__new__(cls, _said(text, values, many, ENGLISH))
        made._text, made._values, made._many = text, dict(values), many
        return made

    def __getnewargs__(self) -> tuple[str, dict[str, object], str | None]:  # type: ignore[override]
        """By what a copy is made."""
        return self._text, self._values, self._many

    def in_words(self, texts: Texts) -> str:
        """The same in a language; a value that is a phrase, too."""
        return _said(self._text, self._values, self._many, texts)


def phrase(text: str, /, **values: object) -> Phrase:
    """A text of the catalogue with its values."""
    return Phrase(text, values)


def plural_phrase(one: str, many: str, count: int, /, **values: object) -> Phrase:
    """A text for so many things; `%(count)s` is their number."""
    return Phrase(one, {"count": count, **values}, many)


def said_in(words: str, texts: Texts) -> str:
    """What is said in a language: a phrase, or other words as the catalogue has them, or as they are."""
    return words.in_words(texts) if isinstance(words, Phrase) else texts.translated(words)


def reason_in(error: Exception, texts: Texts) -> str:
    """What an error says, in a language if it was raised with a phrase or a text of the catalogue."""
    return said_in(told_by(error), texts)


def told_by(error: Exception) -> str:
    """What an error says, a phrase if it was raised with one: `str` of it is plain English."""
    told = error.args[0] if len(error.args) == 1 else None
    return told if isinstance(told, str) else str(error)


def _said(text: str, values: Mapping[str, object], many: str | None, texts: Texts) -> str:
    words = {name: said_in(each, texts) if isinstance(each, Phrase) else each for name, each in values.items()}
    count = words.pop("count", None) if many is not None else None
    if many is None or not isinstance(count, int):
        return texts.say(text, **words)
    return texts.plural(text, many, count, **words)
