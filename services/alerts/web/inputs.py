"""PURE. What a person may write, checked once for the board and the API: it ends up in the audit trail.

A name is one line without control characters; a text may have line ends, and no other control characters. Text that is
no Unicode (a lone surrogate) is refused everywhere: nothing could store or show it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

LONGEST_TEXT: Final = 1000

_ONE_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
_LINES: Final = r"^(?:[^\x00-\x1f\x7f-\x9f]|[\t\r\n])*$"

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT, pattern=_LINES)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT, pattern=_LINES)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_ONE_LINE)]
"""Of a clinic, a pump or a rule."""
NameOrNothing = Annotated[str, StringConstraints(max_length=64, pattern=_ONE_LINE)]
"""As it stands in an address: left empty it means all."""
QueryOrNothing = Annotated[str, StringConstraints(max_length=1000, pattern=_ONE_LINE)]
"""The end of an address of the board."""
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9999, 12, 31, tzinfo=UTC))]
"""Beyond it lie moments that a database or another time zone cannot hold."""


class Body(BaseModel):
    """What a program sends; a field that is none of it is refused. Who acts is who brings the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _nobody_is_named(cls, values: Any) -> Any:
        if isinstance(values, dict) and "by" in values:
            msg = "leave `by` out: who acts is the person who is signed in, or the program whose key it is"
            raise ValueError(msg)
        return values


_NOTE: Final = TypeAdapter(Note)
_WORDS: Final = TypeAdapter(Words)


def is_note(text: str) -> bool:
    """Tell whether a form's field holds a note, or nothing."""
    return _passes(_NOTE, text)


def is_words(text: str) -> bool:
    """Tell whether a form's field says something."""
    return _passes(_WORDS, text)


def _passes(adapter: TypeAdapter[str], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True
