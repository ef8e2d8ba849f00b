"""PURE. The languages that Pumpwatch has texts in. Each but English has a catalogue (services/texts/locale/)."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """By its code in BCP 47, as browsers send it and `<html lang>` has it."""

    ENGLISH = "en"
    GERMAN = "de"
