"""The templates of the board: one environment for each language, so that no request can speak another's."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.parts.languages import Language
from services.alerts.lifecycle.new_level import is_about_a_level
from services.alerts.lifecycle.one_off import is_one_off
from services.alerts.said.explained import explained
from services.alerts.title_words import title_words
from services.alerts.web.board import wording
from services.alerts.web.board.script_words import script_words
from services.alerts.web.identity.forms import csrf_field
from services.alerts.wording import parts_of, priority_words, rule_words
from services.people.caller import Caller
from services.people.model import Role
from services.texts.catalogue import texts_in
from services.texts.model import Texts, msgid
from services.texts.phrase import said_in

if TYPE_CHECKING:
    from jinja2.ext import Extension

NAVIGATION: Final = (
    ("/", msgid("Alerts")),
    ("/on-call", msgid("On call")),
    ("/refills", msgid("Refills")),
    ("/account", msgid("My account")),
)
ROLES: Final = (msgid("viewer"), msgid("responder"), msgid("administrator"))
"""As pages name them; `say` finds them by these words."""
EXTENSIONS: Final[tuple[str | type[Extension], ...]] = ("jinja2.ext.i18n",)
LANGUAGE_NAMES: Final = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}
"""Each in its own words, for who does not read the language that the page is in."""


@cache
def environment_in(language: Language) -> Environment:
    """The templates in one language. Nothing of a request is kept in it."""
    return make_environment(texts_in(language))


def make_environment(texts: Texts) -> Environment:
    """The templates; every value is escaped, and a name that is missing is an error.

    What stands between {% trans %} and {% endtrans %}, and what `_` is given, is a text of the catalogue and may hold
    marks of HTML; its values are escaped. `say` is for texts that are known by their name only, and escapes all of it.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=EXTENSIONS,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        texts.translated, texts.translated_plural, newstyle=True
    )
    words: dict[str, Any] = {
        "language": texts.language.value,
        "language_names": LANGUAGE_NAMES,
        "script_words": json.dumps(script_words(texts), ensure_ascii=False),
        "navigation": [(path, texts.say(words)) for path, words in NAVIGATION],
        "say": texts.say,
        "number": texts.number,
        "decimal": texts.decimal,
        "day": texts.day,
        "shortest": texts.shortest,
        "clock": texts.clock,
        "clock_with_seconds": texts.clock_with_seconds,
        "weekday_clock": texts.weekday_clock,
        "weekday_words": texts.weekday_words,
        "rule_words": lambda rule, key="": rule_words(rule, key, texts),
        "parts_of": parts_of,
    }
    in_words: tuple[Callable[..., object], ...] = (
        wording.since_words, wording.notified, wording.silence_words, priority_words, title_words, explained,
    )  # fmt: skip
    words |= {each.__name__: partial(each, texts=texts) for each in in_words}
    asked = (is_one_off, is_about_a_level, csrf_field, manages_persons, acts_in)
    environment.filters["said"] = partial(said_in, texts=texts)
    environment.globals |= words | {each.__name__: each for each in asked}
    return environment


def manages_persons(asking: Caller | None) -> bool:
    """Tell whether the page of persons is for who asks."""
    return asking is not None and asking.person_id is not None and bool(asking.clinics(Role.ADMINISTRATOR))


def acts_in(asking: Caller | None, clinic: str) -> bool:
    """Tell whether who asks may act on alerts of a clinic."""
    return asking is not None and asking.may(Role.RESPONDER, clinic)


def filled(language: Language, template: str, values: dict[str, Any], /, **more: Any) -> str:
    """A template with its values."""
    return environment_in(language).get_template(template).render(**values, **more)
