"""PURE. The explanation of an alert, as a reader is given it.

Guarantees: it says what the stored English says, or it is the stored English. In another language it is said only where
what is stored beside the explanation is, in English, that very explanation, and where the language has all of it: so
what an older release wrote, an erasure or a text that is in no catalogue any more is never contradicted, and never half
translated. Nothing here raises: a page whose explanation cannot be translated still goes out.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.parts.languages import Language
from services.alerts.said.model import in_words, is_known
from services.alerts.said.stored import read
from services.texts.model import Texts


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanation, its moments in UTC, and in which language it is."""

    text: str
    language: Language = Language.ENGLISH


def explained(explanation: str, said: object, texts: Texts) -> Explained:
    """The explanation for who reads `texts`.

    Args:
        explanation: As it is stored, in English.
        said: What is stored beside it, as `services.alerts.said.stored` writes it, or whatever stands there.
        texts: Of the reader's language.
    """
    if texts.language is Language.ENGLISH:
        return Explained(explanation)
    found = read(said)
    if found is None or not is_known(found, texts) or in_words(found) != explanation:
        return Explained(explanation)
    return Explained(in_words(found, texts), texts.language)
