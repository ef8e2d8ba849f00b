"""PURE. The texts of one language, as a value that is handed to whatever says something to a person.

Guarantees: an English text is itself the key of its translation; what has no translation, or one that does not fit, is
said in English, and nothing here raises: a page that cannot be translated still goes out, with every value in it. A
value says in which language it speaks, and nobody sets that for anybody else: two clinics, or two readers, have two
values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.parts.languages import Language

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_VALUES: Final = re.compile(r"%(?:%|\((\w+)\)s)")
_ZONES: Final = {Language.GERMAN: {"CET": "MEZ", "CEST": "MESZ"}}
"""What the abbreviation of a time zone is called where its people have another one."""


def msgid(text: str) -> str:
    """Mark a text that is said later, by `Texts.say`; so it comes into the catalogue."""
    return text


def msgids(alone: str, one: str, many: str) -> tuple[str, str, str]:
    """The same of a text, and of the two forms of a plural that go with it."""
    return alone, one, many


def values_in(text: str) -> frozenset[str]:
    """The names of the values that a text holds, each written as %(name)s."""
    return frozenset(name for name in _VALUES.findall(text) if name)


def filled(text: str, values: Mapping[str, object]) -> str:
    """A text with its values; one that is not given stays as it is written."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return "%"
        return str(values[name]) if name in values else found.group(0)

    return _VALUES.sub(value, text)


def english_form(count: int) -> int:
    """Which form of a plural English takes: 0 for one thing, 1 for any other number."""
    return 0 if count == 1 else 1


@dataclass(frozen=True, slots=True)
class Texts:
    """How one language says things."""

    language: Language = Language.ENGLISH
    messages: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """By the English text (of a plural, that of one thing): its translation, or one for each form."""
    form_of: Callable[[int], int] = english_form
    months: tuple[str, ...] = _MONTHS
    weekdays: tuple[str, ...] = _WEEKDAYS
    day_sign: str = ""
    """What stands after the number of a day."""
    decimal_sign: str = "."
    thousands_sign: str = ","

    def translated(self, text: str) -> str:
        """A text as it is in this language, its values still to be put in."""
        found = self.messages.get(text)
        return found[0] if found else text

    def translated_plural(self, one: str, many: str, count: int) -> str:
        """The form of a text for so many things, its values still to be put in."""
        forms, form = self.messages.get(one), self.form_of(count)
        if forms is None or form >= len(forms):
            return one if english_form(count) == 0 else many
        return forms[form]

    def say(self, text: str, /, **values: object) -> str:
        """A text with its values."""
        return filled(self.translated(text), values)

    def plural(self, one: str, many: str, count: int, /, **values: object) -> str:
        """A text for so many things; `%(count)s` is their number, as people write it."""
        return filled(self.translated_plural(one, many, count), {"count": self.number(count), **values})

    def listed(self, words: tuple[str, ...] | list[str]) -> str:
        """Words joined as in a sentence: "a", "a and b", "a, b and c"."""
        if len(words) <= 1:
            return "".join(words)
        return self.say("%(first)s and %(last)s", first=", ".join(words[:-1]), last=words[-1])

    def number(self, count: int) -> str:
        """A whole number as people write it: "5,027"."""
        return f"{count:,}".replace(",", self.thousands_sign)

    def decimal(self, value: float, digits: int = 1) -> str:
        """A number with so many digits behind the sign: "1.8"; nothing is never "-0.0"."""
        return f"{round(value, digits) + 0.0:.{digits}f}".replace(".", self.decimal_sign)

    def shortest(self, value: float, figures: int = 6) -> str:
        """A number with no more digits than it has, and so many at most: "1.5", "12"."""
        return f"{value:.{figures}g}".replace(".", self.decimal_sign)

    def day(self, day: date, *, year: bool = True) -> str:
        """A date as people write it: "22 Nov 2026"."""
        words = f"{day.day}{self.day_sign} {self.months[day.month - 1]}"
        return f"{words} {day.year:04d}" if year else words

    def clock(self, at: datetime, now: datetime, zone: ZoneInfo) -> str:
        """A moment on a clock, and on whose: "14:03 CET", with the date unless it is today's there."""
        at, now = at.astimezone(zone), now.astimezone(zone)
        time = f"{at:%H:%M} {self.zone(at)}"
        return time if at.date() == now.date() else f"{self.day(at, year=at.year != now.year)} {time}"

    def clock_with_seconds(self, at: datetime, zone: ZoneInfo) -> str:
        """When something was read: "14:03:05 CET"."""
        at = at.astimezone(zone)
        return f"{at:%H:%M:%S} {self.zone(at)}"

    def moment(self, at: datetime, zone: ZoneInfo) -> str:
        """A moment that says everything, for what is read later: "22 Nov 2026 14:03 CET"."""
        at = at.astimezone(zone)
        return f"{self.day(at)} {at:%H:%M} {self.zone(at)}"

    def weekday_clock(self, at: datetime, zone: ZoneInfo, *, year: bool = True) -> str:
        """A moment for tables and lists whose head names the clock: "Fri 27 Nov 2026, 14:03"."""
        at = at.astimezone(zone)
        day = f"{at.day:02d}{self.day_sign} {self.months[at.month - 1]}"
        return f"{self.weekdays[at.weekday()]} {day}{f' {at.year:04d}' if year else ''}, {at:%H:%M}"

    def weekday_words(self, day: date) -> str:
        """A date with its weekday: "Fri 27 Nov 2026"."""
        return f"{self.weekdays[day.weekday()]} {self.day(day)}"

    def zone(self, at: datetime) -> str:
        """What the clock of a moment is called there and then: "CET"; where that has no name, "UTC+03"."""
        name = at.strftime("%Z")
        if name.startswith(("+", "-")):
            return f"UTC{name}"
        return _ZONES.get(self.language, {}).get(name, name)


ENGLISH: Final = Texts()

TextsOf = Callable[[Language], Texts]
"""How whoever decides something for several clinics gets the words of each (`services.texts.catalogue.texts_in`)."""


def in_english(_: Language) -> Texts:
    """English, whatever is asked for."""
    return ENGLISH


def fits(english: str, other: str) -> bool:
    """Whether a translation says all that the English text does: the same values, and none that nobody gives."""
    return bool(other.strip()) and values_in(english) == values_in(other) and "%" not in _VALUES.sub("", other)


def kept(messages: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """The same, which nobody changes any more."""
    return MappingProxyType({key: tuple(forms) for key, forms in messages.items()})
