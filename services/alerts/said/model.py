"""PURE. What a rule says of what it found: sentences of the catalogue, each with its values, in no language yet.

Guarantees: a sentence says the same in every language, because its values keep their meaning until somebody reads it;
nothing here raises, and a text that a language lacks is said in English. A moment is written in UTC as
`services.alerts.wording.moment` writes it, in any language, and put on the clinic's clock when it is shown or paged.

A rule makes sentences at each look, and mostly nobody reads them: to make one only keeps what it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import assert_never

from schemas.parts.languages import Language
from services.alerts.wording import age, capitalised, millilitres, moment, years_or_age
from services.texts.model import ENGLISH, Texts


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume: "1.8 mL"."""

    ml: float


@dataclass(frozen=True, slots=True)
class Number:
    """A number with so many digits behind the sign: "1.8"."""

    value: float
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Shortest:
    """A number with no more digits than it has: "1.5", "12"."""

    value: float


@dataclass(frozen=True, slots=True)
class LongSpan:
    """How long something lasts, in years where it is two or more: what a clock is off by."""

    span: timedelta


@dataclass(frozen=True, slots=True)
class Word:
    """Words of the catalogue, such as the name of an alarm."""

    text: str
    capital: bool = False
    """With the first letter in upper case: a sentence begins with it."""


@dataclass(frozen=True, slots=True)
class Words:
    """Several, joined as in a sentence: "a, b and c"."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text of the catalogue and its values; a plural, if `many` is given: its values hold `count` then."""

    text: str
    values: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    many: str | None = None


Value = str | int | datetime | date | timedelta | Volume | Number | Shortest | LongSpan | Word | Words | Sentence
"""What may stand in a sentence. A str is said as it is, an int without signs between its digits; a datetime is a
moment, a date a day, a timedelta how long something lasts."""
Said = tuple[Sentence, ...]
"""All that is said of one condition, one sentence after the other."""


def sentence(text: str, /, **values: Value) -> Sentence:
    """A sentence of the catalogue with its values."""
    return Sentence(text, values)


def plural_sentence(one: str, many: str, count: int, /, **values: Value) -> Sentence:
    """A sentence for so many things; `%(count)s` is their number."""
    return Sentence(one, {"count": count, **values}, many)


def in_words(said: Iterable[Sentence], texts: Texts = ENGLISH) -> str:
    """All of it in a language, moments in UTC; elsewhere than in English a sentence may begin with another value."""
    words = [sentence_in_words(each, texts) for each in said]
    return " ".join(words if texts.language is Language.ENGLISH else map(capitalised, words))


def sentence_in_words(said: Sentence, texts: Texts = ENGLISH) -> str:
    """One sentence in a language, moments in UTC."""
    values = {name: value_in_words(value, texts) for name, value in said.values.items()}
    count = said.values.get("count")
    if said.many is None or not isinstance(count, int):
        return texts.say(said.text, **values)
    return texts.plural(said.text, said.many, count, **values)


def is_known(said: Iterable[Value], texts: Texts) -> bool:
    """Tell whether a language has every text of it, so that nothing of it would be said in another."""
    return all(
        (forms := texts.messages.get(text)) is not None and (len(forms) > 1) == is_plural
        for value in said
        for text, is_plural in _texts_in(value)
    )


def _texts_in(value: Value) -> Iterator[tuple[str, bool]]:
    """The texts of the catalogue in a value, and which are plurals."""
    match value:
        case Sentence():
            yield value.text, value.many is not None
            for each in value.values.values():
                yield from _texts_in(each)
        case Word():
            yield value.text, False
        case Words():
            for each in value.parts:
                yield from _texts_in(each)
        case _:
            pass


def value_in_words(value: Value, texts: Texts = ENGLISH) -> str:
    """One value in a language, a moment in UTC."""
    match value:
        case str():
            return value
        case int():
            return str(value)
        case datetime():
            return moment(value)
        case date():
            return texts.day(value)
        case timedelta():
            return age(value, texts)
        case _:
            return _more_in_words(value, texts)


def _more_in_words(value: Volume | Number | Shortest | LongSpan | Word | Words | Sentence, texts: Texts) -> str:
    match value:
        case Volume():
            return millilitres(value.ml, texts)
        case Number():
            return texts.decimal(value.value, value.digits)
        case Shortest():
            return texts.shortest(value.value)
        case LongSpan():
            return years_or_age(value.span, texts)
        case Word():
            words = texts.say(value.text)
            return capitalised(words) if value.capital else words
        case Words():
            return texts.listed([value_in_words(each, texts) for each in value.parts])
        case Sentence():
            return sentence_in_words(value, texts)
        case never:
            assert_never(never)
