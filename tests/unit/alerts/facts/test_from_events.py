"""Facts from events in memory. That they equal those of the database is tests/integration/alerts/test_facts.py."""

from __future__ import annotations

import itertools
from datetime import timedelta
from uuid import UUID

import pytest

from schemas import events as wire
from services.alerts.facts.from_events import History
from services.alerts.facts.model import Visit, VisitKind
from tests.unit.alerts.rules.builders import NOW


def therapy(
    number: int, days_ago: float, rate: float, *, bolus_mcg: float | None = None, replaces: int | None = None
) -> wire.Therapy:
    bolus = (
        None if bolus_mcg is None else wire.BolusPrescription(dose_mcg=bolus_mcg, lockout_minutes=60, limit_per_24h=4)
    )
    return wire.Therapy(
        event_id=UUID(int=number),
        observed_at=NOW - timedelta(days=days_ago),
        drugs=(wire.Drug(name="morphine", concentration_mcg_per_ml=1000.0),),
        profile=(wire.ProfileStep(from_time="00:00", rate_ml_per_day=rate),),
        bolus=bolus,
        reservoir_size_ml=20.0,
        replaces=None if replaces is None else UUID(int=replaces),
    )


def refill(number: int, filled_ml: float, days_ago: float = 1, *, replaces: int | None = None) -> wire.Refill:
    return wire.Refill(
        event_id=UUID(int=number),
        observed_at=NOW - timedelta(days=days_ago),
        expected_ml=2.0,
        measured_ml=2.0,
        filled_ml=filled_ml,
        replaces=None if replaces is None else UUID(int=replaces),
    )


def test_the_newest_therapy_counts_and_when_it_last_changed() -> None:
    history = History("pump-1", "north")
    for event in (therapy(1, 1, 0.4, bolus_mcg=50.0), therapy(2, 9, 0.3), therapy(3, 5, 0.4, bolus_mcg=50.0)):
        history.add(event, NOW, "pump-1")
        history.add(event, NOW, "pump-1")  # sent again
    facts = history.facts(NOW, 28)
    assert facts.therapy is not None
    assert (facts.therapy.daily_ml, facts.therapy.bolus_ml, facts.therapy.bolus_limit) == (0.4, 0.05, 4)
    assert facts.therapy.observed_at == NOW - timedelta(days=1)
    assert facts.reprogrammed_at == NOW - timedelta(days=5)  # the newest only repeats it


def test_a_therapy_without_boluses_gives_its_profile_alone() -> None:
    history = History("pump-1", "north")
    history.add(therapy(1, 1, 0.4), NOW, "pump-1")
    facts = history.facts(NOW, 28)
    assert facts.therapy is not None
    assert facts.therapy.worst_daily_ml == 0.4
    assert facts.reprogrammed_at is None


@pytest.mark.parametrize(
    ("entries", "filled_ml"),
    [
        ([refill(1, 18), refill(2, 17, 1.5, replaces=1)], [17.0]),  # though it is dated before
        ([refill(1, 18), refill(2, 17, replaces=1), refill(3, 16, 2, replaces=2)], [16.0]),
        ([refill(1, 18), refill(2, 17, 2, replaces=9)], [18.0, 17.0]),  # nobody knows what that is
        ([refill(1, 18), refill(2, 17, 2, replaces=2)], [18.0, 17.0]),  # nor does it replace itself
        ([therapy(1, 1, 0.4), refill(2, 17, 2, replaces=1)], [17.0]),
    ],
)
def test_a_refill_that_is_replaced_no_longer_counts(entries: list[wire.Event], filled_ml: list[float]) -> None:
    for order in itertools.permutations(entries):
        history = History("pump-1", "north")
        for event in order:
            history.add(event, NOW, "pump-1")
        facts = history.facts(NOW, 28)
        assert [each.filled_ml for each in facts.refills] == filled_ml
        assert (facts.therapy is None) is not any(isinstance(event, wire.Therapy) for event in entries)
        assert facts.windows[0].heard or facts.windows[1].heard


def test_a_therapy_that_is_replaced_no_longer_counts() -> None:
    history = History("pump-1", "north")
    for event in (therapy(1, 9, 0.3), therapy(2, 5, 0.4), therapy(3, 6, 0.3, replaces=2)):
        history.add(event, NOW, "pump-1")
    facts = history.facts(NOW, 28)
    assert facts.therapy is not None
    assert (facts.therapy.daily_ml, facts.therapy.observed_at) == (0.3, NOW - timedelta(days=6))
    assert facts.reprogrammed_at is None


def test_of_what_was_before_the_implantation_nothing_counts_but_a_correction() -> None:
    history = History("pump-1", "north", since=NOW - timedelta(days=5), implantation=7)
    for event in (
        therapy(1, 6, 0.3),
        therapy(2, 5, 0.4),
        refill(3, 18, 4),
        refill(4, 17, 6, replaces=3),  # it was in the other patient
        wire.Status(event_id=UUID(int=5), observed_at=NOW - timedelta(days=5.5)),
    ):
        history.add(event, NOW, "pump-1")
    facts = history.facts(NOW, 28)
    assert facts.therapy is not None
    assert (facts.therapy.daily_ml, facts.reprogrammed_at, facts.refills) == (0.4, None, ())
    assert [index for index, window in enumerate(facts.windows) if window.heard] == [4, 5]
    assert facts.contacts[0].heard_at == (NOW - timedelta(days=5), NOW)  # the device lives, whosever log it hands in
    assert (facts.since, facts.implantation) == (NOW - timedelta(days=5), 7)


def test_the_visit_is_what_had_been_said_last_by_then() -> None:
    history, day = History("pump-1", "north"), timedelta(days=1)
    booked = Visit(VisitKind.BOOKED, NOW.date(), NOW, NOW - 2 * day)
    moved = Visit(VisitKind.MOVED, NOW.date(), NOW, NOW - day)
    assert history.facts(NOW, 1).visit is None
    history.visits += [moved, booked]
    assert history.facts(NOW, 1).visit == moved
    assert history.facts(NOW - 1.5 * day, 1).visit == booked
    assert history.facts(NOW - 3 * day, 1).visit is None
