r"""PURE. HL7 v2 in its vertical-bar form: fields from texts that may hold anything (HL7 v2.6, chapter 2).

Guarantee: whatever a text holds, it stays inside its field. The five delimiters are escaped as the standard says
(\F\ \S\ \R\ \E\ \T\, section 2.7.1) and control characters as \Xhh\ (2.7.6), so no text can begin a field or a segment
(which ends with a carriage return and nothing else). The controls of U+0080 to U+009F and the line ends of Unicode, for
which a receiver may have other ideas, become spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

ENCODING_CHARACTERS: Final = r"^~\&"
SEGMENT_END: Final = "\r"

_ESCAPES: Final = {"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "\\": "\\E\\", "&": "\\T\\"}
_ESCAPED: Final = re.compile(r"[|^~\\&\x00-\x1f\x7f]")
_SPACED: Final = re.compile("[\u0080-\u009f\u2028\u2029]")

Component = str | Sequence[str]
"""A text, or the texts of its subcomponents."""


def escape(text: str) -> str:
    """A text as it may stand in a field."""
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[0]) or f"\\X{ord(found[0]):02X}\\", _SPACED.sub(" ", text))


def unescape(text: str) -> str:
    """What a field says: the delimiters of `escape`, and a single byte in hex; any other escape is left out."""
    plain = {value[1:-1]: sign for sign, value in _ESCAPES.items()}
    return re.sub(r"\\([^\\]*)\\", lambda found: plain.get(found[1], _hex(found[1])), text)


def _hex(escaped: str) -> str:
    return chr(int(escaped[1:], 16)) if re.fullmatch("X[0-9A-Fa-f]{2}", escaped) else ""


def field(*components: Component) -> str:
    """A field of components, each a text or a few subcomponents; empty ones at the end are left out."""
    parts = (escape(each) if isinstance(each, str) else "&".join(map(escape, each)) for each in components)
    return "^".join(parts).rstrip("^")


def repeated(*values: str) -> str:
    """A field that has several values, each made by `field`."""
    return "~".join(values)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of fields by their numbers, each made by `field`; those in between are empty."""
    last = max(fields, default=0)
    return "|".join((name, *(fields.get(number, "") for number in range(1, last + 1))))


def header(fields: Mapping[int, str]) -> str:
    """The segment MSH, whose first field is the delimiter itself: `fields` begin with MSH-3."""
    return f"MSH|{segment(ENCODING_CHARACTERS, {number - 2: value for number, value in fields.items()})}"


def moment(at: datetime) -> str:
    """A moment to the second, in UTC: `20261122080000+0000` (data type DTM)."""
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}+0000"


def message(segments: Sequence[str]) -> str:
    """Segments as one message."""
    return "".join(f"{each}{SEGMENT_END}" for each in segments)
