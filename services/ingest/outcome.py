"""PURE. What became of a batch when it was written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from services.ingest.messages.decode import Rejection


@dataclass(slots=True)
class Stored:
    """What became of a batch.

    `duplicates_by_message` is exact: a message's events are its stored, its duplicates and its rejections.
    """

    rejections: list[Rejection]
    inserted: int = 0
    duplicates: int = 0
    duplicates_by_message: Counter[int] = field(default_factory=Counter)
