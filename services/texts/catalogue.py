"""Reads the catalogues (locale/LANGUAGE/pumpwatch.po) by Babel.

Guarantees: a catalogue that is missing or broken, or an entry of it that does not say all that the English does, leaves
English in its place, and is written into the log: no fault of a translation keeps a page from going out. What was read
once is kept for as long as the process lives, and never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from babel import Locale
from babel.dates import get_day_names, get_month_names
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol, get_group_symbol

from schemas.parts.languages import Language
from services.texts.model import ENGLISH, Texts, fits, kept

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

_DAY_SIGN: Final = {Language.GERMAN: "."}
_FORMS: Final = ("zero", "one", "two", "few", "many", "other")

FOLDER: Final = Path(__file__).with_name("locale")

log = structlog.get_logger()


def path_of(language: Language, folder: Path = FOLDER) -> Path:
    """Where the catalogue of a language stands."""
    return folder / language.value / "pumpwatch.po"


@cache
def texts_in(language: Language) -> Texts:
    """The texts of a language."""
    return ENGLISH if language is Language.ENGLISH else read(language, FOLDER)


def read_all() -> None:
    """Read every catalogue now, at the start of a process: so no page waits for it."""
    for language in Language:
        texts_in(language)


def read(language: Language, folder: Path) -> Texts:
    """The texts of a language from a folder, or English where that cannot be."""
    code = language.value
    try:
        with path_of(language, folder).open("rb") as file:
            catalogue = read_po(file, locale=code, abort_invalid=True)
        return Texts(
            language,
            kept(dict(_entries(catalogue, language))),
            _form_of(Locale.parse(code)),
            months=tuple(get_month_names("abbreviated", locale=code)[month] for month in range(1, 13)),
            weekdays=tuple(get_day_names("abbreviated", context="stand-alone", locale=code)[day] for day in range(7)),
            day_sign=_DAY_SIGN.get(language, ""),
            decimal_sign=get_decimal_symbol(code),
            thousands_sign=get_group_symbol(code),
        )
    except Exception:  # whatever is wrong with a catalogue, English is said
        log.exception("catalogue_not_read", language=code)
        return ENGLISH


def faults_of(message: Message) -> str | None:
    """Why an entry cannot be used; None: it can."""
    english, said = _forms(message.id), _forms(message.string)
    if message.fuzzy:
        return "is fuzzy: nobody has looked at it since the English changed"
    if not all(said):
        return "is not translated"
    if len(said) < len(english):
        return "lacks a form of its plural"
    pairs = zip((*english, *english[-1:] * len(said)), said, strict=False)
    if not all(fits(of_english, form) for of_english, form in pairs):
        return "does not hold the same values as the English"
    return None


def _entries(catalogue: Catalog, language: Language) -> Iterator[tuple[str, tuple[str, ...]]]:
    for message in catalogue:
        if not message.id:
            continue
        key = _forms(message.id)[0]
        if fault := faults_of(message):
            log.warning("text_not_translated", language=language.value, text=key[:80], fault=fault)
            continue
        yield key, _forms(message.string)


def _forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text or ""),)


def _form_of(locale: Locale) -> Callable[[int], int]:
    """The number of the form that a plural takes, by the rules of CLDR, in gettext's order."""
    rule = locale.plural_form
    names: list[str] = [name for name in _FORMS if name in rule.tags or name == "other"]
    return lambda count: names.index(rule(count))
