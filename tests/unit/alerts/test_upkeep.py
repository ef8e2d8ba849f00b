"""What the database does by itself and has not done: who reads of it, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from services.alerts.health.readiness import warnings_of
from services.alerts.health.store import Status
from services.alerts.health.upkeep import UNSEEN, Upkeep, overdue_seconds, upkeep_warnings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DONE = Upkeep("rollup", "bolus_daily", NOW - timedelta(days=1), None)


def late(kind: str, name: str, **ago: int) -> Upkeep:
    return Upkeep(kind, name, None, NOW - timedelta(**ago))


def test_what_is_done_in_time_is_not_spoken_of() -> None:
    assert list(upkeep_warnings((DONE,), NOW)) == []
    assert overdue_seconds((), NOW) == overdue_seconds((DONE,), NOW) == 0


@pytest.mark.parametrize(
    ("upkeep", "words"),
    [
        (late("rollup", "bolus_daily", hours=5), "the sums of bolus_daily are not brought up to date, due 5 h ago"),
        (
            late("columns", "bolus_requests", days=3),
            "chunks of bolus_requests are not turned into columns, due 3 days ago",
        ),
        (late("job", "policy_compression x", hours=2), "the job policy_compression x is not run, due 2 h ago"),
        (late("a later kind", "x", hours=2), "x is not done, due 2 h ago"),
    ],
)
def test_what_is_late_is_said_with_its_name_and_since_when(upkeep: Upkeep, words: str) -> None:
    assert list(upkeep_warnings((DONE, upkeep), NOW)) == [f"database: {words} (docs/operating/monitoring.md)"]
    assert overdue_seconds((upkeep, DONE), NOW) > 0


def test_the_oldest_counts() -> None:
    assert overdue_seconds((late("job", "x", hours=2), DONE, late("rollup", "y", hours=3)), NOW) == 3 * 3600


def test_what_cannot_be_seen_is_not_taken_for_done() -> None:
    unseen = Upkeep(UNSEEN, "UndefinedTableError: relation upkeep does not exist", None, None)
    [words] = upkeep_warnings((unseen,), NOW)
    assert (
        words == "database: what it does by itself cannot be seen: UndefinedTableError: relation upkeep does not exist"
    )
    assert overdue_seconds((unseen,), NOW) == inf


def test_the_board_says_it_in_one_line() -> None:
    well = Status(
        oldest_queued_at=None, oldest_evaluated_at=NOW, pumps=1, unjudged=0, alerts_alive_at=NOW, ingest_alive_at=NOW
    )
    assert warnings_of(well, NOW, upkeep=(DONE,)) == ()
    two = (late("rollup", "x", hours=1), late("job", "y", hours=1))
    [line] = warnings_of(well, NOW, upkeep=two)
    assert line == "The database is behind with its upkeep; sums may lack what came late; see the worker's /readyz."
