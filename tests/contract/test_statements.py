"""The statements agree with each other and with how they are run.

Whatever ingest stores is compared when it is sent again; and nothing of a service's statement outlasts its transaction,
because a connection goes from one to the next as it is (`services/runtime/database.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.events import EventKind
from services.ingest.storage.store import QUERIES
from services.runtime.database import load_queries

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


# What a session keeps when its transaction has ended. `set_config(..., true)` and SET LOCAL end with it.
OUTLASTS = re.compile(
    r"""set_config \s* \( [^()]* , \s* false \s* \)
    | ^ \s* (SET|RESET) \s (?! \s* LOCAL)
    | ^ \s* (LISTEN|PREPARE|LOAD|DISCARD) \s
    | pg_(try_)?advisory_lock | WITH \s+ HOLD | CREATE \s+ (GLOBAL|LOCAL)? \s* TEMP""",
    re.IGNORECASE | re.VERBOSE,
)
SERVICES = Path(__file__).parents[2] / "services"
POOLED = sorted(path for room in ("alerts", "ingest", "people", "runtime") for path in (SERVICES / room).rglob("*.sql"))


SAID_AT_EACH_LOAN = {"tell_who_asks"}
"""Outlasts it on purpose: it is the first thing that each loan of its pool says, so none goes by the one before."""


@pytest.mark.parametrize("path", POOLED, ids=lambda path: str(path.relative_to(SERVICES)))
def test_nothing_of_a_statement_outlasts_its_transaction(path):
    outlasting = {name for name, statement in load_queries(path).items() if OUTLASTS.search(uncommented(statement))}
    assert outlasting <= SAID_AT_EACH_LOAN


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT set_config('lock_timeout', $1, false)",
        "SET search_path = x",
        "RESET lock_timeout",
        "LISTEN pumps_changed",
        "SELECT pg_advisory_lock(1)",
        "CREATE TEMP TABLE t (a int)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    ],
)
def test_what_would_outlast_it_is_seen(statement):
    assert OUTLASTS.search(statement)


def uncommented(statement: str) -> str:
    return re.sub(r"--.*", "", statement)
