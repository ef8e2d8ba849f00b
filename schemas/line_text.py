"""PURE. Text that stays on its line, wherever it is shown: a log, a terminal, a page.

Guarantee: what passes holds no NUL (which PostgreSQL cannot store), no control character, no line end of any kind, and
nothing that turns the direction in which the rest is read.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
_REFUSED: Final = re.compile(_PATTERN.removeprefix("^").removesuffix("*$").replace("[^", "["))


def refusal(text: str) -> str | None:
    """Why a text cannot stand on one line; None: it can."""
    found = _REFUSED.search(text)
    if found is None:
        return None
    return f"holds {found[0]!a} at place {found.start() + 1}; expected one line without control characters"


def _on_one_line(text: str) -> str:
    if msg := refusal(text):
        raise ValueError(msg)
    return text


LineText = Annotated[str, AfterValidator(_on_one_line), Field(json_schema_extra={"pattern": _PATTERN})]
