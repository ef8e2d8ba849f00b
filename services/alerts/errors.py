"""PURE. The two ways in which what a person or a program asks for cannot be done. Anything else is a fault of ours.

A message with values is given as a text of the catalogue and its values: `str` is the English sentence, which programs
are answered with, and `in_words` says it to a person in their language.
"""

from __future__ import annotations

from services.texts.model import Texts, filled, msgid
from services.texts.phrase import said_in


class Cannot(Exception):  # noqa: N818 - read as what is answered
    """It cannot be done; the message says why, for whoever asked."""

    def __init__(self, text: str = "", /, **values: object) -> None:
        super().__init__(filled(text, values) if values else text)
        self._text, self._values = text, values

    def in_words(self, texts: Texts) -> str:
        """Why, in the language of `texts`; in English where there is no translation."""
        return filled(texts.translated(self._text), self._values) if self._values else said_in(self._text, texts)


class NotFound(Cannot, LookupError):  # noqa: N818 - read as what is answered: 404
    """There is no such thing; the message says which, for whoever asked."""


class NoSuchPump(NotFound):
    """There is no pump of that name for whoever asked: none at all, or none that they may see."""

    def __init__(self, pump_id: str) -> None:
        super().__init__(msgid("there is no pump %(pump)s"), pump=repr(pump_id))


class Refused(Cannot, ValueError):  # noqa: N818 - read as what is answered: 409
    """It cannot be done as things are; the message says why, for whoever asked."""
