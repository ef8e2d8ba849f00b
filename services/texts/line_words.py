"""PURE. Why a text cannot stand on one line (`schemas.line_text`), as a phrase that can be said in each language."""

from __future__ import annotations

from typing import Final

from schemas.line_text import what_refuses
from services.texts.model import msgid
from services.texts.phrase import Phrase

TEXTS: Final = (
    msgid("holds %(character)s at place %(place)s; expected one line without control characters"),
    msgid("holds %(code)s (%(name)s) at place %(place)s, which cannot be seen; expected none"),
)
"""As `schemas.line_text` has them, which may not import the catalogue; a test holds them to be the same."""


def refusal_phrase(text: str) -> Phrase | None:
    """Why a text cannot stand on one line; None: it can."""
    found = what_refuses(text)
    return Phrase(*found) if found else None
