"""PURE. How an open page is told of a change: server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an event says."""

    CHANGE = "change"
    """Parts of the page, as `picture.difference` gives them."""
    SAME = "same"
    """It was read again, and nothing has changed."""
    AGAIN = "again"
    """The page that is open is not known here: read it again, and ask anew."""
    AWAY = "away"
    """The database cannot be reached; with what was paged without it."""
    END = "end"
    """Nothing more comes; `why` says the reason."""


class Why(StrEnum):
    """Why a stream ended."""

    SIGNED_OUT = "signed_out"
    RIGHTS = "rights"
    ENOUGH = "enough"
    """The same person has opened many others since."""


def event(kind: Kind, said: Mapping[str, Any], version: str | None = None) -> bytes:
    """One event. JSON has no line ends, so each is one line of data."""
    lines = [f"event: {kind}", f"data: {json.dumps(said, ensure_ascii=False, separators=(',', ':'))}"]
    if version is not None:
        lines.insert(0, f"id: {version}")
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")
