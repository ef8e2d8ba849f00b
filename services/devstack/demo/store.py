"""What the demo asks the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries

QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in the database."""

    events: int
    rejected: int
    open_alerts: int


async def count(connection: Connection) -> Counts:
    """How much is in the database now."""
    row = await connection.fetchrow(QUERIES["counts"])
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return Counts(row["events"], row["rejected"], row["open_alerts"])
