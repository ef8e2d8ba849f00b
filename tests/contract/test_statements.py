"""The statements of ingest agree with each other: whatever is stored is compared when it is sent again."""

from __future__ import annotations

import re

import pytest

from schemas.events import EventKind
from services.ingest.storage.store import QUERIES

WHICH_ROW = {"pump_id", "observed", "event_id", "device_id"}


@pytest.mark.parametrize("kind", EventKind)
def test_what_is_stored_is_what_is_compared(kind):
    stored, compared = (columns_of(QUERIES[f"{verb}_{kind}"]) for verb in ("insert", "differing"))
    assert compared == [*stored, "place"]
    told = re.findall(r"THEN '(\w+)' END", QUERIES[f"differing_{kind}"])
    assert told == [name for name in stored if name not in WHICH_ROW]


def columns_of(statement: str) -> list[str]:
    """Give the columns of the rows that a statement takes: those of its `AS u (...)`."""
    [names] = re.findall(r"AS u \(([^)]*)\)", statement)
    return re.split(r",\s+", names)
