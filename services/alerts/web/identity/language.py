"""PURE. In which language a page is shown: as its reader has chosen in this browser, or else as the browser asks.

The choice is a cookie, so it holds on the page that asks to sign in too, and while the database is away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from schemas.parts.languages import Language
from services.alerts.web.identity.browser import session_cookie

_MOST: Final = 20
"""No browser names more languages than that."""


def language_cookie(public_url: str) -> str:
    """The name of the cookie that holds the choice."""
    return f"{session_cookie(public_url)}-language"


def chosen(text: str | None) -> Language | None:
    """The language of a code; None: there is none of that name."""
    return next((each for each in Language if each.value == text), None)


def language_for(cookie: str | None, accepted: str) -> Language:
    """The language of a page.

    Args:
        cookie: What was chosen in this browser.
        accepted: What the browser asks for (Accept-Language, RFC 9110 section 12.5.4).
    """
    if (found := chosen(cookie)) is not None:
        return found
    wanted = sorted(_wanted(accepted), key=lambda each: -each[0])  # of two that are as good, the first
    return next((language for _, language in wanted), Language.ENGLISH)


def _wanted(accepted: str) -> Iterator[tuple[float, Language]]:
    for part in accepted.split(",")[:_MOST]:
        code, *parameters = (each.strip().lower() for each in part.split(";"))
        language, weight = chosen(code.partition("-")[0]), _weight(parameters)
        if language is not None and weight > 0:
            yield weight, language


def _weight(parameters: list[str]) -> float:
    """How much a language is wanted: 1 where nothing is said of it, 0 where that cannot be read."""
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if math.isfinite(weight) else 0.0
    return 1.0
