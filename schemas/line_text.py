"""PURE. Text that stays on its line and hides nothing, wherever it is shown: a log, a terminal, a page.

Guarantees: what passes holds no NUL (which PostgreSQL cannot store), no control character, no line end of any kind,
nothing that turns the direction in which the rest is read, and nothing that takes no place: two names that differ by
such a character alone look the same, and are those of two patients.

A joiner (U+200C, U+200D) passes between a virama and a letter, as the scripts of India and Sri Lanka need it and as
RFC 5892, appendix A, allows it in names. It is refused everywhere else, in Persian and in emoji too: whether it is seen
depends there on how each letter before it joins, which Python's own tables do not say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_UNSEEN: Final = (
    r"\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
)
_JOINERS: Final = "\u200c\u200d"
_VIRAMA: Final = 9
"""What `unicodedata.combining` says of a virama."""
_PATTERN: Final = f"^[^{_CONTROL}{_UNSEEN}]*$"
"""For published schemas, which cannot say of a joiner what stands beside it."""
_SUSPECT: Final = re.compile(f"[{_CONTROL}{_UNSEEN}{_JOINERS}]")
_STEERS: Final = re.compile(f"[{_CONTROL}]")

KEPT: Final[Mapping[str, bool]] = MappingProxyType({"kept": True})
"""The context of a validation of what was taken by an earlier release and is kept: that somebody is paged by it counts
for more than that a name in it hides something, so only control characters are refused."""


CONTROLS: Final = "holds %(character)s at place %(place)s; expected one line without control characters"
HIDES: Final = "holds %(code)s (%(name)s) at place %(place)s, which cannot be seen; expected none"


def refusal(text: str) -> str | None:
    """Why a text cannot stand on one line; None: it can."""
    found = what_refuses(text)
    return found and found[0] % found[1]


def what_refuses(text: str) -> tuple[str, dict[str, object]] | None:
    """The same as a text and its values, for who says it in another language; None: it can."""
    for found in _SUSPECT.finditer(text):
        character, at = found[0], found.start()
        if _STEERS.match(character):
            return CONTROLS, {"character": ascii(character), "place": at + 1}
        if character not in _JOINERS or not _joins(text, at):
            name = unicodedata.name(character, "not assigned").lower()
            return HIDES, {"code": f"U+{ord(character):04X}", "name": name, "place": at + 1}
    return None


def _joins(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return bool(before and after) and unicodedata.combining(before) == _VIRAMA and unicodedata.category(after)[0] == "L"


def _on_one_line(text: str, info: ValidationInfo) -> str:
    msg = refusal(text)
    if msg and (info.context != KEPT or _STEERS.search(text)):
        raise ValueError(msg)
    return text


LineText = Annotated[str, AfterValidator(_on_one_line), Field(json_schema_extra={"pattern": _PATTERN})]
