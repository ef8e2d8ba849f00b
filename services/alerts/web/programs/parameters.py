"""Parameters that lists of programs share, each described once."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

from services.alerts.web.inputs import NameOrNothing

_LONGEST_CURSOR: Final = 1000

ClinicAsked = Annotated[
    NameOrNothing,
    Query(description="Of this clinic alone; empty: of every one that the caller sees. One they do not see is 404."),
]
Limit = Annotated[int, Query(ge=1, le=500, description="So many at most in one part.")]
Cursor = Annotated[
    str,
    Query(
        max_length=_LONGEST_CURSOR,
        description="The `next_cursor` of the part before, as it was, with the same filters; empty: the first part.",
    ),
]
