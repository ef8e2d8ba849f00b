"""What is entered of refills and levels, as facts have it: visits, measured readings, and what flowed before."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas import events as wire
from services.alerts.facts.from_events import History
from services.alerts.facts.from_rows import facts_of_row
from services.alerts.facts.model import Flow, Reading, Refill
from services.alerts.facts.refills import Entry, refills_of
from tests.unit.alerts.facts.rows import row
from tests.unit.alerts.rules.builders import NOW, ago


def entry(hours: float, expected: float, measured: float, filled: float, received: float | None = None) -> Entry:
    return Entry(ago(hours), ago(hours if received is None else received), expected, measured, filled)


BEFORE = entry(1000, 5, 5, 38)


@pytest.mark.parametrize(
    ("entries", "refills"),
    [
        pytest.param([], [], id="none"),
        pytest.param([entry(1, 10, 5, 38), entry(2, 10, 5, 38), entry(3, 10, 5, 38)], [(3, 5, 38)], id="three times"),
        pytest.param([entry(1, 10, 10, 38), entry(2, 10, 1, 38)], [(2, 10, 38)], id="corrected: the last received"),
        pytest.param([entry(1, 10, 1, 38), entry(2, 10, 10, 38, 0.5)], [(2, 10, 38)], id="dated before the first"),
        pytest.param([entry(1, 10, 5, 38), entry(2, 10, 5, 83)], [(2, 5, 38)], id="another volume filled in"),
        pytest.param([entry(1, 10.04, 5, 38), entry(2, 10, 5, 83)], [(2, 5, 38)], id="nearly the same"),
        pytest.param([entry(1, 10.06, 5, 38), entry(2, 10, 5, 83)], [(1, 5, 38), (2, 5, 83)], id="not the same"),
        pytest.param([entry(1, 38, 38, 38), entry(2, 10, 10, 38)], [(1, 38, 38), (2, 10, 38)], id="a second filling"),
        pytest.param([entry(1, 10, 5, 38), entry(25, 10, 5, 38)], [(1, 5, 38), (25, 5, 38)], id="a day apart"),
        pytest.param([entry(1, -0.0, -0.0, 38)], [(1, 0.0, 38)], id="nothing is nothing"),
        pytest.param(
            [entry(100 * n, 10, 10, 38) for n in range(1, 7)], [(100 * n, 10, 38) for n in range(1, 5)], id="four"
        ),
    ],
)
def test_what_was_entered_again_is_one_refill(entries: list[Entry], refills: list[tuple[float, float, float]]) -> None:
    found = [(each.observed_at, each.measured_ml, each.filled_ml) for each in refills_of(entries)]
    assert found == [(ago(hours), measured, filled) for hours, measured, filled in refills]
    assert "-" not in "".join(str(each.expected_ml) + str(each.measured_ml) for each in refills_of(entries))


def history_of(*told: tuple[str, float]) -> History:
    """(text, hours ago); received at once."""
    history = History("pump-1", "north")
    for number, (text, hours) in enumerate(told):
        history.add(event(text, number, ago(hours)), ago(hours), "pump-1")
    return history


def event(text: str, number: int, at: datetime) -> wire.Event:
    common: dict[str, Any] = {"event_id": UUID(int=number), "observed_at": at}
    match text.split():
        case ["level", volume, *basis]:
            return wire.Reservoir(**common, volume_ml=float(volume), basis=wire.ReadingBasis(*basis or ["computed"]))
        case ["refill", filled]:
            return wire.Refill(**common, expected_ml=2.0, measured_ml=2.0, filled_ml=float(filled))
        case _:
            return wire.Therapy(
                **common,
                drugs=(wire.Drug(name="morphine", concentration_mcg_per_ml=1000.0),),
                profile=(wire.ProfileStep(from_time="00:00", rate_ml_per_day=float(text.split()[1])),),
                bolus=wire.BolusPrescription(dose_mcg=50.0, lockout_minutes=60, limit_per_24h=4),
                reservoir_size_ml=20.0,
            )


MEASURED = wire.ReadingBasis.MEASURED


@pytest.mark.parametrize(
    ("told", "measured"),
    [
        ([("level 9", 1)], None),
        ([("level 3 measured", 5), ("level 9", 1)], 3.0),
        ([("level 3 measured", 5), ("level 8 measured", 4), ("level 9", 1)], 8.0),
        ([("level 8 measured", 4), ("level 3 measured", 5), ("level 9", 1)], 8.0),  # uploaded late
        ([("level 3 measured", 5), ("refill 18", 4), ("level 9", 1)], None),
        ([("refill 18", 5), ("level 3 measured", 4.8), ("level 9", 1)], None),  # what was drawn off
        ([("refill 18", 5), ("level 3 measured", 4.75), ("level 9", 1)], 3.0),
        ([("level 3 measured", 401 * 24), ("level 9", 1)], None),
        ([("level -0.0 measured", 4)], 0.0),
    ],
)
def test_the_measured_reading_that_holds(told: list[tuple[str, float]], measured: float | None) -> None:
    found = history_of(*told).facts(NOW, 28).measured_reading
    assert (found and found.volume_ml) == measured
    assert "-" not in str(found and found.volume_ml)


@pytest.mark.parametrize(
    ("told", "first"),
    [
        ([("level 9", 30), ("level 8", 1)], None),  # no therapy: as the earlier one
        ([("therapy 0.4", 40), ("level 9", 30), ("level 8", 1)], 9.0),
        ([("level 9", 30), ("therapy 0.4", 20), ("level 8", 1)], 9.0),
        ([("therapy 0.4", 200), ("level 9", 30), ("level 8", 1)], None),
        ([("level 9", 30), ("therapy 0.4", 20), ("level 8 measured", 1)], None),
        ([("level 9", 30), ("refill 18", 25), ("level 17", 21), ("therapy 0.4", 20), ("level 8", 1)], 17.0),
    ],
)
def test_the_first_reading_of_the_week_whatever_the_therapy(told: list[tuple[str, float]], first: float | None) -> None:
    for order in itertools.permutations(told):
        facts = history_of(*order).facts(NOW, 28)
        assert (facts.first_reading and facts.first_reading.volume_ml) == first


def test_what_flowed_before_the_newest_therapy_is_known_where_that_is_newer_than_the_measured_reading() -> None:
    told = [("therapy 0.4", 400), ("therapy 0.5", 90), ("level 9 measured", 50), ("therapy 0.6", 20), ("level 9", 1)]
    facts = history_of(*told).facts(NOW, 28)
    assert facts.earlier_flows == (Flow(ago(90), 0.5, 0.05), Flow(ago(400), 0.4, 0.05))
    assert history_of(*told[:3], *told[4:]).facts(NOW, 28).earlier_flows == ()
    assert history_of(*told[:2], *told[3:]).facts(NOW, 28).earlier_flows == ()
    assert history_of(*told[2:3], *told[4:]).facts(NOW, 28).earlier_flows == ()


def test_a_row_tells_the_same() -> None:
    told = row(
        volume_ml=-0.0,
        basis="computed",
        reading_at=ago(1),
        first_ml=9.0,
        first_at=ago(30),
        measured_ml=[8.5, 17.0, 17.5],
        measured_at=[ago(50), ago(58), ago(58)],
        measured_dates=[ago(50), ago(58), ago(58)],
        refills_at=[ago(60), ago(61)],
        refills_received_at=[ago(60), ago(59)],
        refills_expected_ml=[2.0, 2.0],
        refills_measured_ml=[2.0, 2.5],
        refills_filled_ml=[18.0, 18.0],
        flows_at=[ago(90)],
        flows_drugs=['[{"name": "morphine", "concentration_mcg_per_ml": 1000.0}]'],
        flows_profile=['[{"from": "00:00", "rate_ml_per_day": 0.5}]'],
        flows_dose_mcg=[None],
    )
    facts = facts_of_row(told, NOW, 28)
    assert str(facts.reading and facts.reading.volume_ml) == "0.0"
    assert facts.first_reading == Reading(9.0, wire.ReadingBasis.COMPUTED, ago(30))
    assert facts.measured_reading == Reading(8.5, MEASURED, ago(50))
    assert facts.filled_reading == Reading(17.0, MEASURED, ago(58))
    assert facts.refills == (Refill(18.0, NOW - timedelta(hours=61), 2.0, 2.5),)
    assert facts.earlier_flows == (Flow(ago(90), 0.5, 0.0),)


def test_a_first_measured_reading_that_came_late_or_without_a_refill_is_not_of_a_filling() -> None:
    late = row(measured_ml=[8.5], measured_at=[ago(50)], measured_dates=[ago(50)])
    refill = row(
        refills_at=[ago(123)],
        refills_received_at=[ago(123)],
        refills_expected_ml=[2.0],
        refills_measured_ml=[2.0],
        refills_filled_ml=[18.0],
    )
    measured = {name: late[name] for name in ("measured_ml", "measured_at", "measured_dates")}
    assert facts_of_row(late, NOW, 28).filled_reading is None
    assert facts_of_row(refill | measured, NOW, 28).filled_reading is None
    assert facts_of_row(refill, NOW, 28).filled_reading is None
    assert facts_of_row(refill | measured, NOW, 28).measured_reading == Reading(8.5, MEASURED, ago(50))
