"""PURE. Which drug a device means: it may say "Baclofen ", "baclofen 2000 mcg/mL" or a brand name.

Guarantee: words count, and not case, spacing or strength (docs/domain.md section 5).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache


def is_called(said: str, drug: str, brand_names: Mapping[str, str]) -> bool:
    """Tell whether what a device says is the name of a drug, or one of its brands."""
    words, wanted = words_of(said), words_of(drug)
    brands = (brand for brand, meant in brand_names.items() if words_of(meant) == wanted)
    return _holds(words, wanted) or any(_holds(words, words_of(brand)) for brand in brands)


def first_called(said: Iterable[str], drugs: Iterable[str], brand_names: Mapping[str, str]) -> str | None:
    """The first of these drugs that is among what a device says; None: none is."""
    held = tuple(said)
    return next((drug for drug in drugs if any(is_called(each, drug, brand_names) for each in held)), None)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Its words of letters, without case; digits, signs and spaces only part them."""
    return tuple(re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", text).casefold()))


def _holds(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))
